from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.embedding import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def tiny_model(tmp_path: Path) -> str:
    """A folder with a tiny model, as --model takes it."""
    return str(tiny.write_immich(tmp_path / "tiny-model"))


@pytest.fixture
def photos(tmp_path: Path, make_photo: Callable[..., Path]) -> list[Path]:
    """Seven photos, all different."""
    colours = ["red", "green", "blue"]
    return [
        make_photo(tmp_path / f"photo {i}.png", colours[i % 3], seed=i, size=20 + i)
        for i in range(7)
    ]
