"""Photos that came into a library without hashes are hashed later."""

from __future__ import annotations

import pytest

from safelight.duplicates.clustering.backfill import Hashing, hash_lacking
from safelight.hashing import HASH_VERSION
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.attributes.hashes import lacking_hashes, read_hashes


@pytest.fixture
def hashed(library, embedder, make_photo, tmp_path):
    """Three photos, and what the ingest made of them."""
    for number in range(3):
        make_photo(tmp_path / "photos" / f"{number}.png", seed=number, size=90)
    ingest(library, [parse_source(f"images:{tmp_path / 'photos'}")], embedder, model="colours")
    return read_hashes(library, HASH_VERSION)


def test_the_same_hashes_as_at_ingest(library, hashed):
    library.connection.execute("DELETE FROM hashes")
    seen: list[Hashing] = []
    assert hash_lacking(library, progress=seen.append) == Hashing(3, 3)
    assert [state.done for state in seen] == [1, 2, 3]
    again = read_hashes(library, HASH_VERSION)
    assert again.dct256.tolist() == hashed.dct256.tolist()
    assert again.words.tolist() == hashed.words.tolist()
    assert again.places.tolist() == hashed.places.tolist()
    assert hash_lacking(library) == Hashing(0, 0)


def test_what_cannot_be_read_is_tried_again(library, hashed, tmp_path, make_photo):
    library.connection.execute("DELETE FROM hashes")
    (tmp_path / "photos" / "0.png").unlink()
    make_photo(tmp_path / "photos" / "1.png", "blue", seed=7)  # another photo by now
    assert hash_lacking(library) == Hashing(3, 3, failed=2)
    assert len(lacking_hashes(library, HASH_VERSION)) == 2


def test_an_older_version_is_replaced(library, hashed):
    library.connection.execute("UPDATE hashes SET version = '0' WHERE item_pk = 2")
    assert hash_lacking(library) == Hashing(1, 1)
    assert read_hashes(library, HASH_VERSION).keys.tolist() == [1, 2, 3]


def test_only_a_namespace(library, hashed):
    library.connection.execute("DELETE FROM hashes")
    assert hash_lacking(library, namespace="elsewhere") == Hashing(0, 0)
    assert hash_lacking(library, namespace="default") == Hashing(3, 3)
