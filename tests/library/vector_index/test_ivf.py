from __future__ import annotations

import os
from typing import TYPE_CHECKING

import faiss
import numpy as np
import pytest

from safelight.errors import SpaceError
from safelight.library.database import Database
from safelight.library.drop_space import drop_space
from safelight.library.schema import new_epoch
from safelight.library.spaces import add_space
from safelight.library.vector_index import ivf_build, ivf_file
from safelight.library.vector_index import open as opening
from safelight.library.vector_index.flat import matrix_path, open_index, open_with_state
from safelight.library.vector_index.ivf import ClusteredIndex, read_lists
from safelight.library.vector_index.ivf_build import TAIL, clusters_path, make, read_current
from safelight.library.vector_index.open import index_status, open_fastest
from tests.library.clouds import DIMENSION, SPACE, clouds, fill
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT = 20_000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A library of 20,000 vectors, in clusters; not to be changed."""
    with Database(tmp_path_factory.mktemp("many") / "library.db") as library:
        add_space(library, SPACE)
        fill(library, clouds(COUNT))
        assert make(library, SPACE.fingerprint)
        yield library


@pytest.fixture
def few(library: Database) -> Database:
    """A library of 400 vectors, in clusters."""
    add_space(library, SPACE)
    fill(library, clouds(400))
    assert make(library, SPACE.fingerprint)
    return library


def _open(library: Database, **options: float) -> ClusteredIndex:
    exact, state = open_with_state(library, SPACE.fingerprint)
    assert state is not None
    found = read_current(library, SPACE.fingerprint, state)
    assert found is not None
    return ClusteredIndex(found, exact, **options)


def _recall(library: Database, index: ClusteredIndex, allowed: np.ndarray | None = None) -> float:
    exact = open_index(library, SPACE.fingerprint)
    found = []
    for query in clouds(60, seed=7):
        truth = exact.search(query, 10, allowed=allowed)
        near = index.search(query, 10, allowed=allowed)
        assert len(near.keys) == len(truth.keys)
        assert (np.diff(near.scores) <= 0).all()
        right = np.isin(near.keys, truth.keys)
        found.append(right.mean())
        scores = dict(zip(truth.keys.tolist(), truth.scores.tolist(), strict=True))
        for key, score in zip(near.keys[right].tolist(), near.scores[right], strict=True):
            assert score == pytest.approx(scores[key], abs=1e-6), "no score comes from a code"
    return float(np.mean(found))


def test_looks_at_a_part_and_finds_what_all_would_give(many: Database) -> None:
    assert _recall(many, _open(many, scanned=4000)) >= 0.99


def test_looking_at_less_finds_less(many: Database) -> None:
    # Otherwise the tests beside this one would prove nothing: they would see all vectors.
    assert _recall(many, _open(many, scanned=200, reach=-100)) < 0.95


@pytest.mark.parametrize("share", [0.5, 0.05, 0.005, 0.0005])
@pytest.mark.parametrize("few", [0, 500])
def test_filters_lose_nothing(many: Database, share: float, few: int) -> None:
    keys = np.arange(1, COUNT + 1)
    allowed = np.sort(np.random.default_rng(3).choice(keys, round(COUNT * share), replace=False))
    assert _recall(many, _open(many, scanned=4000, few=few), allowed) >= 0.99


def test_a_filter_that_leaves_only_what_is_far_away_loses_nothing(many: Database) -> None:
    vectors = clouds(COUNT)
    index = _open(many, scanned=4000, few=0)
    exact = open_index(many, SPACE.fingerprint)
    found = []
    for query in clouds(30, seed=8):
        far = np.flatnonzero(vectors @ query < 0) + 1
        truth = exact.search(query, 10, allowed=far)
        found.append(np.isin(index.search(query, 10, allowed=far).keys, truth.keys).mean())
    assert np.mean(found) >= 0.99


def test_nothing_allowed_finds_nothing(many: Database) -> None:
    none = np.empty(0, np.int64)
    assert len(_open(many).search(clouds(1)[0], 10, allowed=none).keys) == 0


def test_all_that_there_are_can_be_asked_for(few: Database) -> None:
    index = _open(few)
    query = clouds(1, seed=2)[0]
    truth = open_index(few, SPACE.fingerprint).search(query, 1000)
    found = index.search(query, 1000)
    assert found.keys.tolist() == truth.keys.tolist()
    assert len(index) == 400


def test_a_query_of_another_space_is_refused(few: Database) -> None:
    with pytest.raises(SpaceError):
        _open(few).search(np.ones(4, np.float32), 1)


def test_codes_are_what_faiss_makes_of_them(few: Database) -> None:
    _, state = open_with_state(few, SPACE.fingerprint)
    found = read_current(few, SPACE.fingerprint, state)
    coder = faiss.IndexScalarQuantizer(
        DIMENSION, faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
    )
    lists = read_lists(found)
    for number, size in enumerate(found.sizes.tolist()):
        codes = faiss.rev_swig_ptr(lists.get_codes(number), size * DIMENSION)
        rows = faiss.rev_swig_ptr(lists.get_ids(number), size)
        values = coder.sa_decode(codes.view(np.uint8).reshape(size, DIMENSION))
        vectors = found.chosen.middle + found.chosen.step * values
        inside = np.abs(values) < 127
        wrong = np.abs(vectors - clouds(400)[rows])
        assert (wrong <= 0.51 * found.chosen.step)[inside].all()
        assert (found.members[rows] == number).all()


def test_lists_in_memory_give_the_same(few: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = clouds(10, seed=4)
    mapped = [_open(few).search(query, 10).keys.tolist() for query in queries]
    monkeypatch.delattr(faiss, "OnDiskInvertedLists")  # as on Windows
    assert [_open(few).search(query, 10).keys.tolist() for query in queries] == mapped


def test_threads_may_search_at_once(many: Database) -> None:
    from concurrent.futures import ThreadPoolExecutor

    index = _open(many, scanned=4000, few=0)
    queries = clouds(40, seed=5)
    odd = np.arange(1, COUNT + 1, 2)
    filters = [None, odd, None, odd + 1] * 10

    def ask(number: int) -> list[int]:
        return index.search(queries[number], 10, allowed=filters[number]).keys.tolist()

    one_by_one = [ask(number) for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(40))) == one_by_one


def test_new_photos_are_found_at_once(few: Database) -> None:
    new = clouds(30, seed=11)
    fill(few, new, first=400)
    index = _open(few)
    assert len(index) == 430
    for number, vector in enumerate(new):
        found = index.search(vector, 1)
        assert found.keys.tolist() == [401 + number]
        assert found.scores[0] == pytest.approx(1.0, abs=1e-6)
    odd = np.arange(401, 431, 2)
    assert set(index.search(new[0], 50, allowed=odd).keys.tolist()) == set(odd.tolist())


def test_clusters_grow_with_the_library(few: Database) -> None:
    before = ivf_file.read(clusters_path(few, SPACE.fingerprint))
    fill(few, clouds(300, seed=12), first=400)
    matrix_path(few, SPACE.fingerprint).unlink()  # or the new ones would stay in its tail
    assert make(few, SPACE.fingerprint)
    after = ivf_file.read(clusters_path(few, SPACE.fingerprint))
    assert after.state.count == 700
    assert after.chosen.centres.tolist() == before.chosen.centres.tolist(), "centres are kept"
    assert after.members[:400].tolist() == before.members.tolist()
    assert _recall(few, _open(few, few=0)) == 1.0
    fill(few, clouds(300, seed=13), first=700)
    matrix_path(few, SPACE.fingerprint).unlink()
    assert make(few, SPACE.fingerprint)
    assert ivf_file.read(clusters_path(few, SPACE.fingerprint)).chosen.rows == 1000
    assert _recall(few, _open(few, few=0)) == 1.0


def test_removed_vectors_are_not_found(few: Database) -> None:
    query = clouds(400)[17]
    assert _open(few).search(query, 1).keys.tolist() == [18]
    with few.transaction() as connection:
        connection.execute("DELETE FROM embeddings WHERE item_pk = 18")
        connection.execute("UPDATE spaces SET epoch = ?", (new_epoch(),))
    _, state = open_with_state(few, SPACE.fingerprint)
    assert read_current(few, SPACE.fingerprint, state) is None, "they are of another state"
    assert (
        18 not in open_fastest(few, SPACE.fingerprint, clusters_from=1000).search(query, 400).keys
    )
    assert make(few, SPACE.fingerprint)
    assert 18 not in _open(few).search(query, 400).keys


def test_clusters_of_another_library_are_not_believed(tmp_path: Path) -> None:
    with Database(tmp_path / "l.db") as old:
        add_space(old, SPACE)
        fill(old, clouds(400))
        make(old, SPACE.fingerprint)
        (epoch,) = old.connection.execute("SELECT epoch FROM spaces").fetchone()
    for name in ("l.db", "l.db-wal", "l.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    with Database(tmp_path / "l.db") as new:
        add_space(new, SPACE)
        new.connection.execute("UPDATE spaces SET epoch = ?", (epoch,))  # as from a backup
        fill(new, clouds(400, seed=1), first=5000)
        _, state = open_with_state(new, SPACE.fingerprint)
        assert read_current(new, SPACE.fingerprint, state) is None


@pytest.mark.parametrize("at", [0, 4095, 5000, 8000, -1])
def test_a_damaged_file_is_not_believed(few: Database, at: int) -> None:
    path = clusters_path(few, SPACE.fingerprint)
    data = bytearray(path.read_bytes())
    if at < 0:
        del data[at:]
    else:
        data[at] ^= 0x55
    path.write_bytes(data)
    assert ivf_file.read(path) is None or at == 4095  # the last of the padding
    assert make(few, SPACE.fingerprint)
    assert _recall(few, _open(few, few=0)) == 1.0


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"[]", b"{}", b"\0" * 9000, b'{"format": 1}'])
def test_what_is_not_a_clusters_file_is_not_believed(few: Database, garbage: bytes) -> None:
    path = clusters_path(few, SPACE.fingerprint)
    path.write_bytes(garbage)
    assert ivf_file.read(path) is None
    assert ivf_file.read_state(path) is None
    assert make(few, SPACE.fingerprint)
    assert ivf_file.read(path) is not None


def test_damaged_row_numbers_give_no_wrong_answer(few: Database) -> None:
    found = ivf_file.read(clusters_path(few, SPACE.fingerprint))
    start = int(found.starts[0] + found.sizes[0] * DIMENSION)
    with found.path.open("r+b") as file:  # the checksum does not cover what only FAISS reads
        file.seek(start)
        file.write(b"\xff\x7f" * 4 * int(found.sizes[0]))
    index = _open(few, few=0)
    keys = [index.search(query, 10).keys for query in clouds(20, seed=6)]
    assert all(((each >= 1) & (each <= 400)).all() for each in keys)


def test_they_are_made_in_the_background_and_used_when_ready(library: Database) -> None:
    add_space(library, SPACE)
    fill(library, clouds(2000))
    query = clouds(1, seed=3)[0]
    first = open_fastest(library, SPACE.fingerprint, clusters_from=2000)
    assert not isinstance(first, ClusteredIndex)

    def clustered() -> ClusteredIndex | None:
        found = open_fastest(library, SPACE.fingerprint, clusters_from=2000)
        return found if isinstance(found, ClusteredIndex) else None

    index = until(clustered, why=lambda: "no clusters were made")
    assert index.search(query, 10).keys.tolist() == first.search(query, 10).keys.tolist()
    status = index_status(library, SPACE.fingerprint, clusters_from=2000)
    assert (status.kind, status.clustered, status.lacking) == ("clusters", 2000, None)


def test_a_small_space_needs_none(few: Database) -> None:
    assert not isinstance(open_fastest(few, SPACE.fingerprint), ClusteredIndex)
    status = index_status(few, SPACE.fingerprint)
    assert (status.kind, status.clustered, status.running) == ("exact", 0, False)


def test_without_faiss_the_search_is_exact(few: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "has_faiss", lambda: False)
    index = open_fastest(few, SPACE.fingerprint, clusters_from=10)
    assert not isinstance(index, ClusteredIndex)
    assert len(index) == 400
    status = index_status(few, SPACE.fingerprint, clusters_from=10)
    assert status.lacking is not None
    assert "safelight[faiss]" in status.lacking


def test_only_one_process_makes_them(few: Database) -> None:
    import sqlite3

    lock = clusters_path(few, SPACE.fingerprint).with_suffix(".clustering")
    path = clusters_path(few, SPACE.fingerprint)
    path.unlink()
    other = sqlite3.connect(lock, isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        assert index_status(few, SPACE.fingerprint, clusters_from=10).running
        assert not make(few, SPACE.fingerprint)
        assert not path.exists()
    finally:
        other.close()
    assert not index_status(few, SPACE.fingerprint, clusters_from=10).running
    assert make(few, SPACE.fingerprint)


def test_what_failed_is_not_tried_at_each_search(few: Database) -> None:
    clusters_path(few, SPACE.fingerprint).unlink()
    lock = clusters_path(few, SPACE.fingerprint).with_suffix(".clustering")
    assert not ivf_build.start(few, SPACE.fingerprint), "make() was here a moment ago"
    os.utime(lock, (0, 0))
    assert ivf_build.start(few, SPACE.fingerprint)
    until(clusters_path(few, SPACE.fingerprint).exists, why=lambda: "no clusters were made")


def test_a_long_tail_is_due(few: Database) -> None:
    found = ivf_file.read(clusters_path(few, SPACE.fingerprint))
    assert ivf_build.is_due(None, 400)
    assert not ivf_build.is_due(found, 400 + TAIL)
    assert ivf_build.is_due(found, 401 + TAIL)


def test_a_dropped_space_leaves_none_behind(few: Database) -> None:
    drop_space(few, SPACE.fingerprint, force=True)
    assert list(matrix_path(few, "").parent.iterdir()) == []
