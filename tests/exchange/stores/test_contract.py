"""Contract of every store: it finds the same as the exact index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.errors import SpaceError, StoreError
from safelight.exchange.stores import StoreIndex, sync
from safelight.library.attributes.label_filter import with_label
from safelight.library.attributes.scores import at_least
from safelight.library.database import Database
from safelight.library.drop_space import drop_space
from safelight.library.files import allowed_items
from safelight.library.outbox import library_id
from safelight.library.vector_index.flat import open_index
from safelight.library.write import FileRecord, mark_gone, write
from safelight.types import Space
from tests.exchange.stores.conftest import RARE, SPACE, clustered, fill, label_and_score, photo_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from safelight.exchange.stores import VectorStore


def _ids(store: VectorStore) -> set[str]:
    return set(store.ids(SPACE.fingerprint))


def _index(library: Database, store: VectorStore, **options) -> StoreIndex:
    return StoreIndex(library, store, SPACE.fingerprint, **options)


def test_it_answers_as_the_exact_index(library: Database, store: VectorStore, count: int) -> None:
    fill(library, count)
    label_and_score(library, count)
    assert sync(library, store).problem is None
    exact, index = open_index(library, SPACE.fingerprint), _index(library, store)
    assert len(index) == len(exact) == count
    filters = {
        "none": None,
        "namespace": allowed_items(library, namespace="rare"),
        "label": with_label(library, "beach", SPACE.fingerprint),
        "score": at_least(library, {"focus": 0.5}),
        "date": [
            key
            for (key,) in library.connection.execute(
                "SELECT pk FROM items WHERE taken_at BETWEEN '2003' AND '2005'"
            )
        ],
        "nothing": [],
    }
    assert all(len(keys) for name, keys in filters.items() if name not in ("none", "nothing"))
    for name, keys in filters.items():
        allowed = None if keys is None else np.sort(np.asarray(list(keys), np.int64))
        for query in clustered(6, seed=99):
            expected = exact.search(query, 10, allowed=allowed)
            found = index.search(query, 10, allowed=allowed)
            assert found.keys.tolist() == expected.keys.tolist(), name
            np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)


def test_it_leaves_out_other_namespaces_by_itself(
    library: Database, store: VectorStore, count: int
) -> None:
    fill(library, count)
    sync(library, store)
    rare = np.asarray(allowed_items(library, namespace="rare"), np.int64)
    assert len(rare) == count // RARE
    query = clustered(1, seed=5)[0]
    expected = open_index(library, SPACE.fingerprint).search(query, 10, allowed=rare)
    found = _index(library, store, namespace="rare").search(query, 10)
    assert found.keys.tolist() == expected.keys.tolist()
    assert len(_index(library, store, namespace="nobody").search(query, 10).keys) == 0


def test_filters_that_let_much_pass_lose_nothing(
    library: Database, store: VectorStore, count: int
) -> None:
    fill(library, count)
    sync(library, store)
    # As with a million photos: more are allowed than are named at once.
    exact, index = (
        open_index(library, SPACE.fingerprint), _index(library, store, named=20, most=60)
    )  # fmt: skip
    query = clustered(1, seed=6)[0]
    everything = exact.search(query, count).keys
    for allowed in (everything[::2], everything[70:], everything[-25:], everything[30:55]):
        allowed = np.sort(allowed)
        expected = exact.search(query, 10, allowed=allowed).keys.tolist()
        assert index.search(query, 10, allowed=allowed).keys.tolist() == expected


def test_what_changes_is_sent_and_nothing_else(library: Database, store: VectorStore) -> None:
    fill(library, 60)
    assert sync(library, store).sent == 60
    again = sync(library, store)
    assert (again.sent, again.removed, again.left) == (0, 0, 0)
    fill(library, 5, first=60)
    paths = {f"/p/{photo_id(number)}.jpg" for number in (3, 4)}
    gone = [
        pk for pk, path in library.connection.execute("SELECT pk, path FROM files") if path in paths
    ]
    mark_gone(library, gone)
    done = sync(library, store)
    assert (done.sent, done.removed, done.left) == (5, 2, 0)
    assert _ids(store) == {photo_id(number) for number in range(65) if number not in (3, 4)}
    # One that is back is sent again; a second file changes what is known about a photo.
    write(library, "other", [FileRecord("/q/x.jpg", "x.jpg", None, photo_id(3))])
    assert sync(library, store).sent == 1
    index = _index(library, store, namespace="other")
    assert len(index.search(clustered(1)[0], 10).keys) == 1


def test_everything_can_be_sent_again(library: Database, store: VectorStore) -> None:
    fill(library, 40)
    sync(library, store)
    store.remove(SPACE.fingerprint, [photo_id(number) for number in range(10)])
    assert len(_ids(store)) == 30
    # As after a library was restored from a backup: the store has what the library never saw.
    library.connection.execute("DELETE FROM files WHERE item_pk = 40")
    library.connection.execute("DELETE FROM items WHERE pk = 40")
    library.connection.execute("DELETE FROM outbox")
    done = sync(library, store, everything=True)
    assert (done.sent, done.removed, done.left) == (39, 1, 0)
    assert len(_ids(store)) == 39


def test_removed_photos_are_removed(library: Database, store: VectorStore) -> None:
    fill(library, 10)
    sync(library, store)
    library.connection.execute("DELETE FROM files WHERE item_pk = 4")
    library.connection.execute("DELETE FROM items WHERE pk = 4")
    assert sync(library, store).removed == 1
    assert len(_ids(store)) == 9


def test_spaces_are_apart_and_can_be_dropped(library: Database, store: VectorStore) -> None:
    other = Space("0b" * 32, "other", 16, "other")
    fill(library, 30)
    fill(library, 20, space=other)
    sync(library, store)
    assert (store.count(SPACE.fingerprint), store.count(other.fingerprint)) == (30, 20)
    query = clustered(1, dimension=16)[0]
    assert len(StoreIndex(library, store, other.fingerprint).search(query, 30).keys) == 20
    drop_space(library, other.fingerprint)
    assert sync(library, store).problem is None
    with pytest.raises(StoreError, match="nothing was sent there yet") as caught:
        store.count(other.fingerprint)
    assert caught.value.code == "store-empty"
    assert store.count(SPACE.fingerprint) == 30


def test_two_libraries_do_not_fight_over_one_place(
    library: Database, tmp_path: Path, store: VectorStore
) -> None:
    fill(library, 20)
    sync(library, store)
    with Database(tmp_path / "other.db") as other:
        fill(other, 30, first=10)
        done = sync(other, store)
        assert done.problem is not None
        assert done.problem.code == "store-owned"
        assert "--take-over" in str(done.problem)
        assert (done.sent, done.left) == (0, 30)
        done = sync(other, store, take_over=True)
        assert (done.problem, done.sent, done.removed) == (None, 30, 10)
        assert _ids(store) == {photo_id(number) for number in range(10, 40)}
        assert library_id(other) != library_id(library)


def test_a_query_of_another_space_is_refused(library: Database, store: VectorStore) -> None:
    fill(library, 2)
    sync(library, store)
    with pytest.raises(SpaceError):
        _index(library, store).search(np.ones(4, np.float32), 1)
    with pytest.raises(SpaceError):
        StoreIndex(library, store, "00" * 32)


def test_a_space_that_was_never_sent_says_so(library: Database, store: VectorStore) -> None:
    fill(library, 2)
    with pytest.raises(StoreError, match="safelight sync"):
        _index(library, store).search(clustered(1)[0], 1)


def test_it_can_be_opened_again(library: Database, open_place: Callable[[], VectorStore]) -> None:
    fill(library, 10)
    first = open_place()
    sync(library, first)
    first.close()
    second = open_place()
    assert second.count(SPACE.fingerprint) == 10
    assert sync(library, second).sent == 0
