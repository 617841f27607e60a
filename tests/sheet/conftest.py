"""A folder with photos of every fate, and the cards of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image
from skimage import data

from safelight.quality import choose
from safelight.sheet import Card, Listed, cards
from tests.quality.damage import blurred, exposed

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = '"><img src=x onerror=alert(1)><!--&lt;\u202egpj'


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheet") / "photos"
    (folder / "de<b>ep").mkdir(parents=True)
    Image.fromarray(data.coffee()).save(folder / "sharp 10.png")
    Image.fromarray(blurred(data.coffee(), 3)).save(folder / "de<b>ep" / "soft 9.png")
    Image.fromarray(exposed(data.coffee(), 3)).save(folder / f"{HOSTILE}.png")
    Image.new("RGB", (60, 90), "navy").save(folder / "flat.png")  # noise is skipped
    (folder / "bad <i>.jpg").write_bytes(b"no photo at all")
    return folder


@pytest.fixture(scope="session")
def listed(folder: Path) -> list[Listed]:
    return [Listed(str(path)) for path in sorted(folder.rglob("*.[jp]*g"))]


@pytest.fixture(scope="session")
def every(listed: list[Listed]) -> list[Card]:
    return list(cards(listed, choose(["focus", "exposure", "noise"])))
