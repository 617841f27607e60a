"""Changes as they happen: told once each, resumed behind any of them, also after a restart."""

from __future__ import annotations

import contextlib
import json
import threading
from itertools import islice
from typing import TYPE_CHECKING

from safelight.client import Client
from safelight.library.state.tokens import create_token
from tests.server.conftest import running

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/api/v1/changes/events"


@contextlib.contextmanager
def listening(server, **options) -> Iterator[Iterator[tuple[str, str, dict]]]:
    """Yield the id, name and data of each event."""
    with server.client.stream("GET", PATH, **options) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")

        def events():
            fields = {}
            for line in response.iter_lines():
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                elif "data" in fields:
                    yield fields["id"], fields["event"], json.loads(fields["data"])
                    fields = {}

        yield events()


def forget(server, photo_id: str) -> None:
    assert server.client.delete(f"/api/v1/photos/{photo_id}").is_success


def test_changes_are_told_as_they_happen_and_resumed(filled, embedder) -> None:
    with running(filled, embedder) as server:
        with listening(server, params={"since": "now"}) as events:
            _, name, _ = next(events)
            assert name == "ready"
            photo = server.get("/api/v1/photos").json()["photos"][0]["photo_id"]
            forget(server, photo)
            known, name, change = next(events)
            assert (name, change["photo_id"], change["photo"]) == ("removed", photo, None)
            assert change["cursor"] == known
        other = server.get("/api/v1/photos").json()["photos"][0]["photo_id"]
        forget(server, other)
    with (
        running(filled, embedder) as server,
        listening(server, headers={"Last-Event-ID": known}) as events,
    ):
        assert [event[2].get("photo_id") for event in islice(events, 2)] == [other, None]


def test_a_new_listener_learns_all_photos_that_it_may_see(filled, embedder) -> None:
    text, _ = create_token(filled, "guest", namespaces=["red"])
    with running(filled, embedder) as server:
        with listening(server) as events:
            *told, (last, name, data) = islice(events, 10)
        assert {event[1] for event in told} == {"added"}
        assert len({event[2]["photo_id"] for event in told}) == 9
        assert (name, data["cursor"]) == ("ready", last)
        with listening(server, headers={"Authorization": f"Bearer {text}"}) as events:
            found = list(islice(events, 4))
        assert {event[2].get("namespace") for event in found} == {"red", None}
        for cursor in ("nonsense", last[:-2]):
            refused = server.get(PATH, params={"since": cursor})
            assert (refused.status_code, refused.json()["code"]) == (400, "cursor")


def test_the_client_follows_changes(server) -> None:
    with Client(server.url) as client:
        changes = client.follow_changes(None)
        first = [next(changes) for _ in range(9)]
        assert {change.kind for change in first} == {"added"}
        photo = first[0].photo_id
        threading.Timer(0.3, forget, (server, photo)).start()
        change = next(changes)
        assert (change.kind, change.photo_id) == ("removed", photo)
        changes.close()
