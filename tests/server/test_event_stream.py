"""Events of jobs: resumed where they were left, and over when the job is."""

from __future__ import annotations

import json

import pytest

from safelight.library.state.jobs import add_job
from safelight.library.state.tokens import create_token, revoke_token
from tests.server.conftest import running


def events(stream) -> list[dict[str, str]]:
    found, event = [], {}
    for line in stream.iter_lines():
        name, _, value = line.partition(": ")
        if not line:
            found.append(event)
            event = {}
        elif name:
            event[name] = value
    return found


@pytest.fixture
def ended(server):
    job = server.post("/api/v1/ingest", {"source": "red", "namespace": "again"}).json()
    server.wait(job["id"])
    return f"/api/v1/jobs/{job['id']}/events"


def test_who_knows_the_end_is_told_so(server, ended) -> None:
    with server.client.stream("GET", ended) as stream:
        assert stream.headers["cache-control"] == "no-store, no-transform"
        first, *rest = events(stream)
    assert int(first["retry"]) > 0
    (done,) = rest
    assert done["event"] == "done"
    assert json.loads(done["data"])["state"] == "done"
    assert done["id"]
    again = server.get(ended, headers={"Last-Event-ID": done["id"]})
    assert (again.status_code, again.content) == (204, b"")
    # Who knows an earlier state, or none of ours, has missed the end.
    for known in ("running-1-3-0", "x"):
        with server.client.stream("GET", ended, headers={"Last-Event-ID": known}) as stream:
            assert events(stream)[-1]["id"] == done["id"]
    assert server.client.head(ended).headers["content-type"].startswith("text/event-stream")


def test_a_state_is_told_once(server) -> None:
    # A job that waits for ever: nobody of this process works on it.
    job = add_job(server.library, "ingest", "red", {})
    path = f"/api/v1/jobs/{job.id}/events"
    with server.client.stream("GET", path) as stream:
        lines = stream.iter_lines()
        told = next(line for line in lines if line.startswith("id: "))
    headers = {"Last-Event-ID": told.removeprefix("id: ")}
    with server.client.stream("GET", path, headers=headers, timeout=1) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry: ")
        with pytest.raises(Exception, match="timed out"):
            next(line for line in lines if line)
    assert server.client.head(path).status_code == 200


def test_a_revoked_token_hears_no_more(filled, embedder) -> None:
    text, token = create_token(filled, "listener")
    with running(filled, embedder, needs_token=True) as server:
        job = add_job(filled, "ingest", "red", {})
        headers = {"Authorization": f"Bearer {text}"}
        path = f"/api/v1/jobs/{job.id}/events"
        with server.client.stream("GET", path, headers=headers) as stream:
            lines = stream.iter_lines()
            next(line for line in lines if line.startswith("data: "))
            revoke_token(filled, token.id)
            assert not [line for line in lines if line.startswith("data: ")]
        assert server.get(path, headers=headers).status_code == 401
