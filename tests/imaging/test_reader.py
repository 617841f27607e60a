"""Stored values are computed from that photo's own bytes."""

from __future__ import annotations

import hashlib
import os
import sys
from typing import TYPE_CHECKING

import pytest

from safelight import Deduplicator, parse_source
from safelight.errors import DecodeError, LibraryError
from safelight.files import sha256
from safelight.imaging import PhotoReader, read_photo, read_verified
from safelight.ingest import ingest
from safelight.library.originals import open_original, read_original

if TYPE_CHECKING:
    from pathlib import Path


def test_the_first_file_that_still_is_the_photo_is_read(tmp_path: Path) -> None:
    data = b"photo"
    paths = [str(tmp_path / name) for name in ("gone", "other", "same")]
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / "same").write_bytes(data)
    assert read_verified(sha256(data), paths) == data
    with pytest.raises(DecodeError) as raised:
        read_verified(sha256(data), paths[:2])
    assert raised.value.code == "missing"
    with pytest.raises(FileNotFoundError):
        read_verified(sha256(data), paths[:1])


def test_a_reader_remembers_what_is_away(tmp_path: Path) -> None:
    reader = PhotoReader()
    (tmp_path / "a").write_bytes(b"other")
    with pytest.raises(DecodeError):
        reader.read(sha256(b"photo"), [str(tmp_path / "a")])
    assert reader.away == {sha256(b"photo")}


def test_large_files_are_read_only_if_they_begin_as_an_image(tmp_path: Path) -> None:
    with (tmp_path / "a.jpg").open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(DecodeError) as raised:
        read_photo(tmp_path / "a.jpg")
    assert raised.value.code == "not-an-image"


@pytest.fixture
def swapped(library, embedder, tmp_path: Path):
    """A library of two JPEGs, one made from the other, whose files are exchanged with the sizes
    and times that they had."""
    from PIL import Image
    from skimage import data

    folder = tmp_path / "photos"
    folder.mkdir()
    picture = Image.fromarray(data.coffee())
    picture.save(folder / "a.jpg", quality=80)
    with Image.open(folder / "a.jpg") as opened:
        opened.convert("L").save(folder / "b.png")
    ingest(library, [parse_source(str(folder))], embedder, model="colours")
    ids = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in os.listdir(folder)
    }
    for name in ids:
        path = folder / name
        before, size = path.stat(), path.stat().st_size
        with path.open("r+b") as file:  # the same inode, size and time
            file.seek(size // 2)
            file.write(b"changed")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return ids


def test_nothing_is_served_of_a_file_that_has_changed(library, swapped) -> None:
    for photo_id in swapped.values():
        for read in (open_original, read_original):
            with pytest.raises(LibraryError) as raised:
                read(library, photo_id, None)
            assert raised.value.code == "changed"


def test_no_derivation_is_kept_of_a_file_that_has_changed(library, swapped, tmp_path) -> None:
    Deduplicator(library).groups()
    for table in ("origins", "derivations"):
        rows = library.connection.execute(
            "SELECT 1 FROM sqlite_master WHERE name = ?", (table,)
        ).fetchall()
        if rows:
            assert library.connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes as files")
def test_what_became_a_pipe_is_not_waited_for(library, embedder, make_photo, tmp_path) -> None:
    photo = make_photo(tmp_path / "photos" / "a.png")
    ingest(library, [parse_source(str(photo.parent))], embedder, model="colours")
    photo_id = hashlib.sha256(photo.read_bytes()).hexdigest()
    photo.unlink()
    os.mkfifo(photo)
    with pytest.raises(LibraryError):
        open_original(library, photo_id)
