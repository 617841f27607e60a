"""A shelf of files with known relations, and another disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.disks import disk_beside
from tests.duplicates.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def shelf(tmp_path: Path, library) -> Shelf:
    return Shelf(tmp_path / "photos", library)


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than the test's."""
    with disk_beside(tmp_path) as found:
        if found is None:
            pytest.skip("there is no second file system to write to")
        yield found
