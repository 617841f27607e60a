"""The examples run: those in docstrings, those of the page, and what the compose file starts."""

from __future__ import annotations

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from safelight.cli.pipeline import pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    "module",
    [
        "bus.events",
        "bus.memory",
        "remote",
        "messages.exif_text",
        "services.ingest",
        "services.preprocess",
        "services.renditions",
    ],
)
def test_they_do(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"safelight.pipeline.{module}"))
    assert result.attempted
    assert result.failed == 0


def test_the_service_of_the_page_runs(tmp_path: Path, make_photo: Callable[..., Path]) -> None:
    make_photo(tmp_path / "my_photos" / "a.jpg", size=2000)
    make_photo(tmp_path / "my_photos" / "b.jpg", size=200)
    (script,) = re.findall(
        r"```python\n(.*?)```", (DOCS / "pipeline.md").read_text("utf-8"), re.DOTALL
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("1 [")


def test_the_compose_file_starts_commands_that_there_are() -> None:
    found = yaml.safe_load((DOCS / "compose.yaml").read_text("utf-8"))
    started = {name: each["command"] for name, each in found["services"].items()}
    assert started.pop("nats")[0] == "--jetstream"
    for name, (command, service) in started.items():
        assert service == name
        context = pipeline.commands[command].make_context(command, [service, "--bus", "nats://n"])
        assert context.params["service"] == name
