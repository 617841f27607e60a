"""A data set out of a vector store, and into one."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.errors import StoreError
from safelight.exchange.parquet.export import export_library
from safelight.exchange.parquet.fill_store import import_into_store
from safelight.exchange.parquet.load import import_data_set
from safelight.exchange.parquet.read_store import export_store
from safelight.exchange.stores import open_store, sync
from safelight.library.database import Database
from safelight.library.documents import read_documents
from safelight.library.vector_index.flat import open_index
from safelight.types import Space
from tests.exchange.stores.conftest import SPACE, clustered, fill, label_and_score, photo_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from safelight.exchange.stores import VectorStore

#: A folder takes some hundred a second.
COUNT = 25


@pytest.fixture(params=["qdrant-folder", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], VectorStore]:
    """Open a store; each call another, empty one."""
    with contextlib.ExitStack() as stack:

        def another() -> VectorStore:
            address = f"qdrant:{tmp_path / str(len(made))}"
            if request.param == "postgresql":
                address = request.getfixturevalue("postgres").new_schema()
            made.append(address)
            return stack.enter_context(contextlib.closing(open_store(address)))

        made: list[str] = []
        yield another


def _documents(store: VectorStore) -> dict[str, tuple]:
    return {
        each.photo_id: (
            each.vector.tobytes(), each.namespaces, each.taken_at, each.labels, each.metadata
        )
        for each in store.documents(SPACE.fingerprint)
    }  # fmt: skip


def test_a_data_set_is_sent_as_its_library_would_be(
    opened: Callable[[], VectorStore], tmp_path: Path, library: Database
) -> None:
    fill(library, COUNT)
    label_and_score(library, COUNT)
    first = opened()
    assert sync(library, first).problem is None
    export_library(library, tmp_path / "set")
    second = opened()
    done = import_into_store(second, tmp_path / "set")
    assert (done.photos, done.vectors, done.problems) == (COUNT, COUNT, ())
    assert _documents(second) == _documents(first)
    assert len(_documents(second)) == COUNT
    assert import_into_store(second, tmp_path / "set").problems == ()
    assert second.count(SPACE.fingerprint) == COUNT
    # The library goes on feeding it; another one does not.
    assert sync(library, second).problem is None
    with Database(tmp_path / "other.db") as other:
        fill(other, 1)
        assert sync(other, second).problem.code == "store-owned"


def test_a_library_that_is_lost_comes_back_from_its_store(
    opened: Callable[[], VectorStore], tmp_path: Path, library: Database
) -> None:
    vectors = fill(library, COUNT)
    store = opened()
    sync(library, store)
    assert export_store(store, tmp_path / "set", SPACE).photos == COUNT
    with Database(tmp_path / "b.db") as other:
        done = import_data_set(other, tmp_path / "set")
        assert (done.new, done.vectors, done.problems) == (COUNT, COUNT, ())
        query = (
            "SELECT i.id, i.kind, i.format, i.width, i.taken_at, json_extract(i.exif, "
            "'$.taken_at'), f.path, n.name, m.key, m.value FROM items i "
            "JOIN files f ON f.item_pk = i.pk JOIN namespaces n ON n.pk = f.namespace_pk "
            "JOIN metadata m ON m.file_pk = f.pk ORDER BY 1"
        )
        assert (
            other.connection.execute(query).fetchall()
            == library.connection.execute(query).fetchall()
        )
        for id_, vector in other.connection.execute(
            "SELECT id, vector FROM items i JOIN embeddings e ON e.item_pk = i.pk"
        ):
            kept = np.frombuffer(vector, "<f4")
            assert abs(np.linalg.norm(kept) - 1) < 1e-6
            np.testing.assert_allclose(kept, vectors[int(id_, 16)], atol=1e-3)
        ask = clustered(1, seed=3)[0]
        exact = open_index(other, SPACE.fingerprint).search(ask, 5)
        assert exact.keys.size == 5
    done = export_store(store, tmp_path / "rare", SPACE, namespaces=["rare"])
    assert done.photos == 2


def test_of_another_model_nothing_is_exported(
    opened: Callable[[], VectorStore], tmp_path: Path, library: Database
) -> None:
    fill(library, 3)
    store = opened()
    sync(library, store)
    wrong = Space(SPACE.fingerprint, "other", SPACE.dimension + 1, "other")
    with pytest.raises(StoreError, match="vectors of 32 numbers, not of 33"):
        export_store(store, tmp_path / "a", wrong)
    with pytest.raises(StoreError, match="nothing was sent there yet"):
        export_store(store, tmp_path / "b", Space("cd" * 32, "x", 32, "x"))


def test_what_a_store_does_not_take_keeps_no_other_out(
    tmp_path: Path, library: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qdrant_client import QdrantClient

    from safelight.errors import StoreRefused
    from safelight.exchange.stores.qdrant import QdrantStore

    fill(library, 20)
    export_library(library, tmp_path / "set")
    with contextlib.closing(QdrantClient(":memory:")) as client:
        store = QdrantStore(client, "qdrant in memory", local=True)
        put = store.put

        def fussy(fingerprint: str, documents) -> None:
            if any(each.photo_id == photo_id(7) for each in documents):
                raise StoreRefused("no sevens")
            put(fingerprint, documents)

        monkeypatch.setattr(store, "put", fussy)
        done = import_into_store(store, tmp_path / "set")
        assert (done.photos, done.vectors) == (20, 19)
        assert [str(each) for each in done.problems] == [f"{photo_id(7)[:12]}: no sevens"]
        assert store.count(SPACE.fingerprint) == 19


def test_every_store_gives_back_what_it_was_sent(library: Database, store: VectorStore) -> None:
    vectors = fill(library, COUNT)
    sync(library, store)
    found = {each.photo_id: each for each in store.documents(SPACE.fingerprint)}
    sent = read_documents(library, SPACE.fingerprint, list(found))
    assert found.keys() == {photo_id(number) for number in range(COUNT)}
    for key, document in found.items():
        np.testing.assert_allclose(document.vector, vectors[int(key, 16)], atol=1e-3)
        assert document.namespaces == sent[key].namespaces
        assert document.taken_at == sent[key].taken_at
        ours = {name for name, value in sent[key].metadata.items() if value is not None}
        assert {name: document.metadata[name] for name in ours - {"taken_at"}} == {
            name: sent[key].metadata[name] for name in ours - {"taken_at"}
        }
    with pytest.raises(StoreError, match="nothing was sent there yet"):
        list(store.documents("cd" * 32))
