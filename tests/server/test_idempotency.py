"""POSTs that come twice are done once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from safelight.library.state import kept_answers
from safelight.library.state.tokens import create_token
from tests.server.conftest import running

KEY = {"Idempotency-Key": "one"}
VECTOR = {"embedding": [1.0, 0.0], "metadata": {"name": "mine"}}
INGEST = {"source": "red", "namespace": "red"}


def vectors(server) -> int:
    return sum(1 for each in server.get("/api/v1/vectors").json() if each["metadata"].get("name"))


def test_the_same_request_is_done_once_also_after_a_restart(filled, photos, embedder) -> None:
    with running(filled, embedder, roots=(str(photos),)) as server:
        first = server.post("/api/v1/ingest", INGEST, headers=KEY)
        assert "idempotency-replayed" not in first.headers
        server.wait(first.json()["id"])
        again = server.post("/api/v1/ingest", INGEST, headers=KEY)
        assert again.headers["idempotency-replayed"] == "true"
    with running(filled, embedder, roots=(str(photos),)) as server:
        later = server.post("/api/v1/ingest", INGEST, headers=KEY)
        other = server.post("/api/v1/ingest", INGEST, headers={"Idempotency-Key": "two"})
        server.wait(other.json()["id"])
    for each in (again, later):
        assert (each.status_code, each.content) == (first.status_code, first.content)
        assert each.headers["location"] == first.headers["location"]
        assert each.headers["content-type"] == first.headers["content-type"]
    jobs = filled.connection.execute("SELECT count(*) FROM jobs").fetchone()
    assert jobs == (2,)


def test_two_that_arrive_at_a_time_are_done_once(server) -> None:
    start = threading.Barrier(6)

    def send(_: int):
        start.wait()
        return server.post("/api/v1/vectors", VECTOR, headers=KEY)

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(send, range(6)))
    assert {each.status_code for each in found} == {201}
    assert len({each.content for each in found}) == 1
    assert vectors(server) == 1


@pytest.mark.parametrize(
    "other",
    [
        ("/api/v1/vectors", {**VECTOR, "metadata": {"name": "another"}}),
        ("/api/v1/vectors/embed", {"text": "red"}),
        ("/api/v1/forget", {"missing": True}),
    ],
)
def test_a_key_belongs_to_one_request(server, other) -> None:
    assert server.post("/api/v1/vectors", VECTOR, headers=KEY).status_code == 201
    refused = server.post(*other, headers=KEY)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key")
    assert vectors(server) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_what_cannot_be_a_key_is_refused(server, key) -> None:
    refused = server.post("/api/v1/vectors", VECTOR, headers={"Idempotency-Key": key})
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key")


def test_what_was_refused_may_be_tried_again(server) -> None:
    outside = {**INGEST, "source": "/etc"}
    for _ in range(2):
        refused = server.post("/api/v1/ingest", outside, headers=KEY)
        assert (refused.status_code, refused.json()["code"]) == (403, "outside")
    # Nothing was done by this key.
    assert server.post("/api/v1/vectors", VECTOR, headers=KEY).status_code == 201


def test_keys_are_those_of_a_token(filled, embedder) -> None:
    texts = [create_token(filled, name, may_write=True)[0] for name in ("a", "b")]
    with running(filled, embedder) as server:
        for text in texts:
            headers = {**KEY, "Authorization": f"Bearer {text}"}
            assert server.post("/api/v1/vectors", VECTOR, headers=headers).status_code == 201
        assert vectors(server) == 2


def test_reading_takes_no_key(server) -> None:
    for text in ("red", "green"):
        found = server.post("/api/v1/images/search", {"query": text}, headers=KEY)
        assert found.status_code == 200


def test_answers_are_kept_for_a_day_and_not_without_end(library) -> None:
    def claim(number: int, hours: int, **options):
        now = datetime.now(UTC) + timedelta(hours=hours)
        return kept_answers.claim(library, "t", str(number), "digest", now=now, **options)

    for number in range(5):
        assert claim(number, 8 * number) is None
        kept_answers.keep_answer(library, "t", str(number), 200, {"a": "b"}, b"body")
    kept = [claim(number, 39) for number in range(5)]
    assert [each is not None for each in kept] == [False, False, True, True, True]
    assert (kept[-1].status, dict(kept[-1].headers), kept[-1].body) == (200, {"a": "b"}, b"body")
    claim(9, 41, most=3)
    assert library.connection.execute("SELECT count(*) FROM answers").fetchone() == (3,)


def test_a_process_that_died_is_followed_by_another(library) -> None:
    assert kept_answers.claim(library, "", "key", "digest") is None
    with library.transaction() as connection:
        connection.execute("UPDATE answers SET owner = '999999999 1.00'")
    assert kept_answers.claim(library, "", "key", "digest") is None
    assert kept_answers.claim(library, "", "key", "another").request == "digest"
