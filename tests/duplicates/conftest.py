"""A shelf of files with known relations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.duplicates.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shelf(tmp_path: Path, library) -> Shelf:
    return Shelf(tmp_path / "photos", library)
