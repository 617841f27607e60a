"""The examples of the page on stores run as they are written, with today's clients."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exchange.stores import qdrant_server

PAGE = Path(__file__).parents[3] / "docs" / "stores.md"


def _examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def _run(script: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_embedder_and_qdrants_client_fit(
    tmp_path: Path, make_photo: Callable[..., Path], qdrant: qdrant_server.Server
) -> None:
    for name in ("car.jpg", "sofa.jpg"):
        make_photo(tmp_path / name, seed=len(name))
    (script,) = (each for each in _examples() if "CLIPEmbedder" in each)
    # CLIP's weights are not available here; the class takes the starter model all the same.
    for old, new in (
        ('CLIPEmbedder(device="auto")', 'CLIPEmbedder("starter", "auto")'),
        ('host="localhost", port=6333', f'host="127.0.0.1", port={qdrant.host.split(":")[1]}'),
    ):
        assert old in script
        script = script.replace(old, new)
    lines = _run(script, tmp_path).splitlines()
    assert sorted(line.split()[1] for line in lines) == ["car.jpg", "sofa.jpg"]
    scores = [float(line.split()[0]) for line in lines]
    assert scores == sorted(scores, reverse=True)
    assert qdrant.client.count("catalogue").count == 2


def test_the_python_example_runs(tmp_path: Path, make_photo: Callable[..., Path]) -> None:
    make_photo(tmp_path / "car.jpg")
    (script,) = (each for each in _examples() if "StoreIndex" in each)
    lines = _run(script, tmp_path).splitlines()
    assert lines[0] == "1 sent, 0 left"
    assert lines[1].endswith("car.jpg")
