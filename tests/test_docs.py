"""The documentation is true: help texts are current, links lead somewhere, names are explained."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from safelight.cli import safelight as command
from safelight.model import FAILURE_CODES

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_help_texts_are_current() -> None:
    written = subprocess.run(
        [sys.executable, ROOT / "scripts" / "help-texts"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    current = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert current == written, "run: .venv/bin/python scripts/help-texts > docs/commands.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_command_stands_in_the_guide() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    for name in command.commands:
        assert f"safelight {name}" in guide


def test_every_failure_code_is_explained() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    for code in FAILURE_CODES:
        assert f"| `{code}` |" in guide


@pytest.mark.parametrize(
    "module",
    [
        "safelight.duplicates.keeper.policy",
        "safelight.duplicates.relations",
        "safelight.embedding.starter",
        "safelight.imaging.decoding",
        "safelight.pipeline.artifacts",
        "safelight.pipeline.feature_json",
        "safelight.pipeline.schemas",
        "safelight.pipeline.uris",
        "safelight.query",
        "safelight.settings",
        "safelight.sources.lists",
        "safelight.stores.address",
    ],
)
def test_examples_in_docstrings_run(module: str) -> None:
    import doctest
    import importlib

    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted
    assert result.failed == 0


@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "docs/duplicates.md"])
def test_the_python_examples_run(page: str, tmp_path: Path, make_photo) -> None:
    make_photo(tmp_path / "Pictures" / "beach.jpg")
    make_photo(tmp_path / "my_photos" / "sunset.jpg")
    for name in ("car.jpg", "sofa.jpg"):
        make_photo(tmp_path / name)
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL
    )
    assert blocks
    environ = {**os.environ, "HOME": str(tmp_path), "SAFELIGHT_MODEL": "starter"}
    for block in blocks:
        # CLIP's weights cannot be had here; the class takes the starter model all the same.
        script = block.replace('CLIPEmbedder(device="auto")', 'CLIPEmbedder("starter", "auto")')
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert re.search(r"\d", done.stdout), "it printed no result"
