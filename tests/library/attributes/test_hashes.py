"""The hashes of photos in a library."""

from __future__ import annotations

import numpy as np
import pytest

from safelight.hashing import HASH_VERSION, hash_frame
from safelight.imaging import decode
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.attributes.hashes import (
    HashRecord,
    lacking_hashes,
    read_hashes,
    write_hashes,
)


def record(first: int, words: tuple[int, ...] = (1, 5), version: str = "1") -> HashRecord:
    return HashRecord(
        version,
        np.array([first, 2, 3, 2**64 - 1], np.uint64),
        np.array(words, np.uint32),
        np.array(words, np.uint32) * 3,
    )


@pytest.fixture
def ids(library, embedder, make_photo, tmp_path) -> list[str]:
    """Three photos in a library, without hashes."""
    for number in range(3):
        make_photo(tmp_path / "photos" / f"{number}.png", seed=number)
    ingest(library, [parse_source(f"images:{tmp_path / 'photos'}")], embedder, model="colours")
    library.connection.execute("DELETE FROM hashes")
    return [row[0] for row in library.connection.execute("SELECT id FROM items ORDER BY pk")]


def test_what_is_written_is_read(library, ids):
    write_hashes(library, {ids[2]: record(9, (7,)), ids[0]: record(4), ids[1]: record(5, ())})
    found = read_hashes(library, "1")
    assert found.keys.tolist() == [1, 2, 3]
    assert found.dct256[:, 0].tolist() == [4, 5, 9]
    assert found.dct256[0, 3] == 2**64 - 1
    assert [found.words_of(row).tolist() for row in range(3)] == [[1, 5], [], [7]]
    assert found.places.tolist() == [3, 15, 21]


def test_a_photo_that_is_not_there_is_left_out(library, ids):
    write_hashes(library, {"0" * 64: record(1)})
    assert read_hashes(library, "1").keys.size == 0


def test_only_what_comes_after(library, ids):
    write_hashes(library, {photo_id: record(4) for photo_id in ids})
    found = read_hashes(library, "1", after=2)
    assert found.keys.tolist() == [3]
    assert found.words_of(0).tolist() == [1, 5]


def test_another_version_lacks_and_is_replaced(library, ids):
    write_hashes(library, {photo_id: record(4) for photo_id in ids})
    assert lacking_hashes(library, "1") == []
    assert [photo_id for photo_id, _ in lacking_hashes(library, "2")] == ids
    write_hashes(library, {ids[0]: record(8, version="2")})
    assert [photo_id for photo_id, _ in lacking_hashes(library, "2")] == ids[1:]
    assert read_hashes(library, "2").dct256[:, 0].tolist() == [8]
    assert read_hashes(library, "1").keys.tolist() == [2, 3]


def test_lacking_in_a_namespace(library, ids):
    assert len(lacking_hashes(library, "1", "default")) == 3
    assert lacking_hashes(library, "1", "other") == []


def test_a_photo_whose_files_are_gone_lacks_nothing(library, ids):
    library.connection.execute("UPDATE files SET gone = 1 WHERE item_pk = 2")
    assert [photo_id for photo_id, _ in lacking_hashes(library, "1")] == [ids[0], ids[2]]


def test_every_ingest_hashes(library, embedder, make_photo, tmp_path):
    path = make_photo(tmp_path / "photos" / "one.png", seed=1, size=80)
    ingest(library, [parse_source(f"images:{tmp_path / 'photos'}")], embedder, model="colours")
    found = read_hashes(library, HASH_VERSION)
    alone = hash_frame(decode(path.read_bytes()))
    assert found.dct256[0].tolist() == alone.dct256.tolist()
    assert found.words_of(0).tolist() == alone.words.tolist()
    assert found.places.tolist() == alone.places.tolist()
