from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from safelight.errors import LibraryError, SourceError
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source, samples
from safelight.ingest.sources.samples import sample_photos
from safelight.library.database import Database
from tests.fakes import ColourEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    """Ten photos that are each larger than the one before, and one that is none."""
    for number in range(10):
        make_photo(tmp_path / "photos" / f"{number}.png", seed=number, size=20 + number)
    (tmp_path / "photos" / "2.png").write_bytes(b"broken")
    return tmp_path / "photos"


def test_photos_are_taken_from_all_over_a_folder(folder: Path, tmp_path: Path) -> None:
    sample = sample_photos(str(folder), tmp_path / "none.db", count=4)
    assert sample.origin == str(folder)
    # Every second one; in place of the broken one comes the next that is left.
    assert [frame.width - 20 for frame in sample.frames] == [0, 4, 6, 8]
    sample = sample_photos(str(folder), tmp_path / "none.db")
    assert len(sample.frames) == 9


def test_without_a_folder_they_are_the_librarys(folder: Path, tmp_path: Path) -> None:
    with Database(tmp_path / "library.db") as library:
        ingest(library, [parse_source(str(folder))], ColourEmbedder(), model="colours")
    (folder / "0.png").unlink()
    sample = sample_photos(None, tmp_path / "library.db")
    assert sorted(frame.width - 20 for frame in sample.frames) == [1, 3, 4, 5, 6, 7, 8, 9]
    assert sample.origin == f"the library {tmp_path / 'library.db'}"


def test_without_a_library_they_are_the_demos(tmp_path: Path) -> None:
    sample = sample_photos(None, tmp_path / "none.db", min_side=100, count=3)
    assert len(sample.frames) == 3
    assert sample.origin == "the demo"
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "broken.db").write_text("no library" * 100)
    with pytest.raises(LibraryError):
        sample_photos(None, tmp_path / "broken.db")


def test_without_any_it_says_how_to_give_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> None:
        raise SourceError("The demo's photos are not installed.")

    monkeypatch.setattr(samples, "demo_source", none)
    with pytest.raises(SourceError, match="Give a folder of photos"):
        sample_photos(None, tmp_path / "none.db")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"No photo in .*empty can be read"):
        sample_photos(str(tmp_path / "empty"), tmp_path / "none.db")
