"""Nothing is lost: servers away and back, overloaded, kill -9, changes in between."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from safelight.errors import StoreAway, StoreError
from safelight.exchange.stores import feed, open_store, sync
from safelight.library.attributes.scores import ScoreRecord, write_scores
from safelight.library.outbox import add_store, next_queued, queued, remove_store, sending, stores
from safelight.library.spaces import add_space
from safelight.library.write import FileRecord, ItemRecord, mark_gone, write
from tests.exchange.stores import qdrant_server
from tests.exchange.stores.conftest import SPACE, fill, label_and_score, photo_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from safelight.exchange.stores import VectorStore
    from safelight.library.database import Database
    from tests.exchange.stores import postgres_server

SAFELIGHT = str(Path(sys.executable).with_name("safelight"))
COUNT = 800


@pytest.fixture(params=["qdrant", "postgresql"])
def server(
    request: pytest.FixtureRequest,
) -> Iterator[qdrant_server.Server | postgres_server.Server]:
    """A server that can be stopped."""
    name = "qdrant" if request.param == "qdrant" else "postgres"
    found = request.getfixturevalue(name)
    yield found
    if name == "postgres":  # which other tests use as well
        found.start()


@pytest.fixture
def address(server: qdrant_server.Server | postgres_server.Server) -> str:
    return getattr(server, "new_schema", lambda: server.url)()


def test_a_store_that_was_away_has_everything_once_it_is_back(
    library: Database, server: qdrant_server.Server, address: str
) -> None:
    fill(library, 300)
    with closing(open_store(address)) as store:
        assert sync(library, store).sent == 300
        server.stop()
        fill(library, 20, first=300)
        done = sync(library, store, patience=0.3)
        assert isinstance(done.problem, StoreAway)
        assert "does not answer" in str(done.problem)
        assert "Start the server" in str(done.problem)
        assert (done.sent, done.left) == (0, 20)
        server.start()
        assert sync(library, store).sent == 20
        assert store.count(SPACE.fingerprint) == 320


def test_it_waits_for_a_store_that_comes_back(
    library: Database, server: qdrant_server.Server, address: str
) -> None:
    fill(library, 20)
    server.stop()
    said: list[str] = []

    def tell(note: str) -> None:
        said.append(note)
        server.start()

    with closing(open_store(address)) as store:
        done = sync(library, store, patience=120, tell=tell)
        assert (done.problem, done.sent) == (None, 20)
    assert len(said) == 1
    assert "Trying again" in said[0]


@pytest.mark.parametrize(("kind", "times"), [("qdrant", 1), ("postgresql", 3)])
def test_killed_in_the_middle_the_next_run_sends_the_rest(
    library: Database, kind: str, times: int, request: pytest.FixtureRequest
) -> None:
    if kind == "qdrant":
        server = request.getfixturevalue("qdrant")
        address, server.slow = server.url, 0.05
    else:
        server = request.getfixturevalue("postgres")
        address = server.new_schema()
    fill(library, COUNT)
    environ = {
        **os.environ,
        "SAFELIGHT_LIBRARY": str(library.path),
        "SAFELIGHT_STORE": address,
    }
    command = [SAFELIGHT, "sync", "--quiet"]
    key = add_store(library, open_store(address).shown)
    kills = 0
    with closing(open_store(address)) as store:
        while kills < times:
            process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE)
            before = _progress(server, store)
            while process.poll() is None and _progress(server, store) == before:
                time.sleep(0.01)
            process.kill()
            _, said = process.communicate()
            if process.returncode == 0:
                break
            assert said == b""
            kills += 1
            # Whatever the store has not is still queued.
            waiting = {item for _, item in next_queued(library, key, after=0, limit=COUNT)}
            assert set(store.ids(SPACE.fingerprint)) | waiting == {
                photo_id(number) for number in range(COUNT)
            }
        assert kills, "it was over before it could be killed"
        subprocess.run(command, env=environ, check=True, capture_output=True)
        ids = list(store.ids(SPACE.fingerprint))
        assert len(ids) == COUNT == len(set(ids))
    assert queued(library, key) == 0


def _progress(server: qdrant_server.Server | postgres_server.Server, store: VectorStore) -> int:
    """Return a number that grows with each batch that arrives."""
    if isinstance(server, qdrant_server.Server):
        return sum(each.startswith("PUT") and "/points" in each for each in server.requests)
    try:
        return store.count(SPACE.fingerprint)
    except StoreError:
        return 0


def test_an_overloaded_server_is_asked_again(
    library: Database, qdrant: qdrant_server.Server
) -> None:
    fill(library, 20)
    qdrant.busy = 2
    with closing(open_store(qdrant.url)) as store:
        done = sync(library, store)
        assert (done.sent, done.problem) == (20, None)
        assert qdrant.busy == 0


def test_one_that_is_refused_keeps_nobody_else_out(
    library: Database, qdrant: qdrant_server.Server
) -> None:
    fill(library, 300)
    qdrant.refused = photo_id(7)
    with closing(open_store(qdrant.url)) as store:
        done = sync(library, store)
        assert (done.sent, done.left, done.problem) == (299, 1, None)
        assert [item for item, _ in done.refused] == [photo_id(7)]
        assert "not to my taste" in done.refused[0][1]
        qdrant.refused = None
        assert sync(library, store).sent == 1


def test_what_changes_while_it_is_sent_is_sent_again(
    library: Database, qdrant: qdrant_server.Server
) -> None:
    fill(library, 10)
    with closing(open_store(qdrant.url)) as store:
        put = store.put

        def put_late(fingerprint, documents) -> None:
            put(fingerprint, documents)
            if not queue_grew:
                write(library, "more", [FileRecord("/m.jpg", "m.jpg", None, photo_id(2))])
                queue_grew.append(True)

        queue_grew: list[bool] = []
        store.put = put_late
        done = sync(library, store)
        assert (done.sent, done.left) == (11, 0), "one of the ten was sent twice"
        assert len(store.nearest(SPACE.fingerprint, fill(library, 1)[0], 5, namespace="more")) == 1


def test_what_is_not_news_is_not_queued(library: Database) -> None:
    fill(library, 10)
    key = add_store(library, "somewhere")
    assert queued(library, key) == 10
    library.connection.execute("DELETE FROM outbox")
    fill(library, 10)
    assert queued(library, key) == 0, "an ingest that found nothing new"
    label_and_score(library, 10)
    assert queued(library, key) == 10
    library.connection.execute("DELETE FROM outbox")
    score = ScoreRecord("focus", "1", 1.0, 0.1)
    write_scores(library, {photo_id(0): [score]})
    assert queued(library, key) == 0
    files = [FileRecord(f"/p/{photo_id(1)}.jpg", "x.jpg", None, photo_id(1), {"by": "Bo"})]
    write(library, "default", files)
    assert [item for _, item in next_queued(library, key, after=0, limit=9)] == [photo_id(1)]


def test_a_file_whose_content_changed_tells_of_both(library: Database) -> None:
    fill(library, 3)
    key = add_store(library, "somewhere")
    library.connection.execute("DELETE FROM outbox")
    write(library, "default", [FileRecord(f"/p/{photo_id(1)}.jpg", "x.jpg", None, photo_id(2))])
    waiting = {item for _, item in next_queued(library, key, after=0, limit=9)}
    assert waiting == {photo_id(1), photo_id(2)}


def test_a_library_without_stores_queues_nothing(library: Database) -> None:
    fill(library, 10)
    mark_gone(library, [1, 2])
    assert stores(library) == []
    assert library.connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    add_store(library, "somewhere")
    assert stores(library) == [("somewhere", 8)]
    assert remove_store(library, "somewhere")
    assert not remove_store(library, "somewhere")
    assert library.connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


def test_texts_are_sent_as_well(library: Database, qdrant: qdrant_server.Server) -> None:
    add_space(library, SPACE)
    vector = fill(library, 1)[0]
    item = ItemRecord("ab" * 32, "text", 3, vector, text="a\0b")
    write(
        library,
        "notes",
        [FileRecord("/t.txt#1", "t.txt#1", None, item.id)],
        [item],
        fingerprint=SPACE.fingerprint,
    )
    with closing(open_store(qdrant.url)) as store:
        assert sync(library, store).sent == 2
    name = f"safelight_{SPACE.fingerprint[:16]}"
    (point,) = (
        each for each in qdrant.client.scroll(name, limit=9)[0] if each.payload["type"] == "text"
    )
    assert point.payload["text"] == "ab"
    assert point.payload["namespace"] == ["notes"]


def test_only_one_sends_at_a_time(library: Database, qdrant: qdrant_server.Server) -> None:
    fill(library, 10)
    with closing(open_store(qdrant.url)) as store, sending(library, patience=0) as first:
        assert first
        done = sync(library, store, wait=0.05)
        assert done.problem is not None
        assert done.problem.code == "store-busy"
        assert done.left == 10
    with closing(open_store(qdrant.url)) as store:
        assert sync(library, store, wait=0.05).sent == 10


def test_feeding_asks_nothing_of_a_store_that_has_everything(
    library: Database, qdrant: qdrant_server.Server
) -> None:
    fill(library, 10)
    sent = feed(library, qdrant.url)
    assert sent is not None
    assert sent.sent == 10
    qdrant.stop()
    assert feed(library, qdrant.url) is None


def test_two_stores_each_receive_everything(
    library: Database, qdrant: qdrant_server.Server, tmp_path: Path
) -> None:
    fill(library, 10)
    feed(library, qdrant.url)
    feed(library, f"qdrant:{tmp_path / 'q'}")
    fill(library, 5, first=10)
    assert [left for _, left in stores(library)] == [5, 5]
    feed(library, qdrant.url)
    assert [left for _, left in stores(library)] == [0, 5]
