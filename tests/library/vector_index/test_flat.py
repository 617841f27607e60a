from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.cosine import DECIMALS
from safelight.errors import SpaceError
from safelight.library.database import Database
from safelight.library.spaces import add_space
from safelight.library.vector_index.flat import TAIL, ExactIndex, matrix_path, open_index
from safelight.library.write import FileRecord, ItemRecord, write
from safelight.types import Space

SPACE = Space("f" * 64, "test", 8, "test")


def _vectors(count: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, 8), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _fill(library: Database, vectors: np.ndarray, first: int = 0) -> None:
    items = [
        ItemRecord(f"{first + number:064x}", "photo", 1, vector)
        for number, vector in enumerate(vectors)
    ]
    files = [FileRecord(f"/{item.id}", item.id, None, item.id) for item in items]
    write(library, "default", files, items, fingerprint=SPACE.fingerprint)


@given(
    st.integers(0, 300),
    st.integers(1, 320),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 310), max_size=60),
)
@settings(deadline=None)
def test_agrees_with_sorting_all_scores(count: int, k: int, seed: int, some: list[int]) -> None:
    vectors = _vectors(count, seed)
    keys = np.arange(count, dtype=np.int64)
    cut = count // 3
    index = ExactIndex(8, [(keys[:cut], vectors[:cut]), (keys[cut:], vectors[cut:])])
    query = _vectors(1, seed + 1)[0]
    scores = np.round(vectors.astype(np.float64) @ query.astype(np.float64), DECIMALS)
    order = np.argsort(-scores, kind="stable")
    assert index.search(query, k).keys.tolist() == order[:k].tolist()
    allowed = np.unique(np.array(some, np.int64))
    expected = [key for key in order.tolist() if key in allowed][:k]
    assert index.search(query, k, allowed=allowed).keys.tolist() == expected


def test_ties_go_to_the_older_item() -> None:
    vectors = np.repeat(_vectors(1), 50, axis=0)
    index = ExactIndex(8, [(np.arange(50, dtype=np.int64), vectors)])
    assert index.search(vectors[0], 5).keys.tolist() == [0, 1, 2, 3, 4]


def test_a_query_of_another_space_is_refused() -> None:
    with pytest.raises(SpaceError):
        ExactIndex(8, []).search(np.ones(4, np.float32), 1)


def test_the_matrix_file_follows_the_library(library: Database) -> None:
    add_space(library, SPACE)
    vectors = _vectors(TAIL + 40)
    path = matrix_path(library, SPACE.fingerprint)
    _fill(library, vectors[:10])
    assert len(open_index(library, SPACE.fingerprint)) == 10
    first = path.read_bytes()
    _fill(library, vectors[10:20], 10)
    assert len(open_index(library, SPACE.fingerprint)) == 20
    assert path.read_bytes() == first, "a short tail is read from the library"
    _fill(library, vectors[20:], 20)
    index = open_index(library, SPACE.fingerprint)
    assert path.stat().st_size > len(first), "a long tail makes a new file"
    found = index.search(vectors[7], 1)
    assert found.keys[0] == 8
    assert found.scores[0] == pytest.approx(1.0)


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\0" * 5000, None])
def test_a_damaged_or_missing_matrix_file_is_made_again(
    library: Database, damage: bytes | None
) -> None:
    add_space(library, SPACE)
    vectors = _vectors(30)
    _fill(library, vectors)
    path = matrix_path(library, SPACE.fingerprint)
    open_index(library, SPACE.fingerprint)
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    assert open_index(library, SPACE.fingerprint).search(vectors[3], 1).keys[0] == 4


def test_a_matrix_file_of_another_library_is_not_believed(tmp_path) -> None:
    with Database(tmp_path / "l.db") as old:
        add_space(old, SPACE)
        _fill(old, _vectors(20, 1))
        open_index(old, SPACE.fingerprint)
    for name in ("l.db", "l.db-wal", "l.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    with Database(tmp_path / "l.db") as new:
        add_space(new, SPACE)
        vectors = _vectors(20, 2)
        _fill(new, vectors, 500)
        found = open_index(new, SPACE.fingerprint).search(vectors[4], 1)
        assert found.scores[0] == pytest.approx(1.0)


def test_a_folder_that_cannot_be_written_costs_no_answer(library: Database) -> None:
    add_space(library, SPACE)
    vectors = _vectors(30)
    _fill(library, vectors)
    matrix_path(library, SPACE.fingerprint).parent.write_text("a file where the folder should be")
    assert open_index(library, SPACE.fingerprint).search(vectors[3], 1).keys[0] == 4


def test_wrong_dimensions_are_refused(library: Database) -> None:
    add_space(library, SPACE)
    with pytest.raises(SpaceError):
        _fill(library, np.ones((1, 4), np.float32))
    assert library.connection.execute("SELECT count(*) FROM items").fetchone() == (0,)
    with pytest.raises(SpaceError):
        add_space(library, Space(SPACE.fingerprint, "test", 4, "test"))
