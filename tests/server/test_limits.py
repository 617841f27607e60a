"""Excess is refused soon and with a reason; waiting requests cost nothing."""

from __future__ import annotations

import io
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from safelight.library.files import failures
from safelight.server.limits import Limits
from safelight.settings import Settings
from tests.fakes import ColourEmbedder
from tests.server.conftest import running
from tests.waiting import until

SMALL = Limits(
    json_bytes=20_000,
    image_bytes=30_000,
    upload_bytes=60_000,
    file_bytes=40_000,
    upload_files=3,
    pixels=10_000,
    terms=4,
    artifacts=2,
    streams=2,
)


@pytest.fixture
def small(filled, photos, embedder):
    with running(filled, embedder, limits=SMALL, roots=(str(photos),)) as found:
        yield found


def png(side: int, seed: int = 0) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), (200, 10, seed)).save(out, "PNG")
    return out.getvalue()


def is_refused(answer, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert len(answer.json()["detail"]) > 10


def test_bodies_are_not_read_beyond_their_limit(small) -> None:
    headers = {"Content-Type": "application/json"}
    path = "/api/v1/search"
    is_refused(
        small.client.post(path, content=b" " * 30_000, headers=headers), 413, "body-too-large"
    )
    # Nor if the length is not announced.
    chunks = (b" " * 1000 for _ in range(30))
    is_refused(small.client.post(path, content=chunks, headers=headers), 413, "body-too-large")
    answer = small.client.post("/api/v1/images/search", files={"image": ("x", bytes(40_000))})
    is_refused(answer, 413, "body-too-large")
    is_refused(small.upload(("x.jpg", bytes(70_000))), 413, "body-too-large")


def test_one_file_can_be_too_large_and_the_others_are_taken(small) -> None:
    large, good = small.upload(("large.jpg", bytes(45_000)), ("x.png", png(50))).json()["photos"]
    assert (large["code"], good["code"]) == ("too-large", None)


def test_too_many_files_are_refused(small) -> None:
    answer = small.upload(*((f"{n}.png", png(8, n)) for n in range(5)))
    assert answer.status_code in (400, 413, 422)
    assert answer.json()["detail"]


def test_photos_have_a_limit_of_pixels(small) -> None:
    (photo,) = small.upload(("x.png", png(101))).json()["errors"]
    assert photo["code"] == "too-large"
    answer = small.client.post("/api/v1/images/search", files={"image": ("x", png(101))})
    is_refused(answer, 422, "too-large")
    # Whoever sends it can neither set a variable of the server nor give an option to a command.
    for said in (photo["reason"], answer.json()["detail"]):
        assert "101 x 101 pixels, more than the limit of 10,000" in said
        assert "whoever runs the server can raise it" in said
        assert "SAFELIGHT_" not in said
        assert "--" not in said


def test_what_a_job_found_too_large_is_said_in_the_same_way(filled, photos, embedder) -> None:
    (photos / "large.png").write_bytes(png(101))
    settings = Settings(library=filled.path, pixel_limit=10_000)
    with running(filled, embedder, settings, roots=(str(photos),)) as server:
        job = server.post("/api/v1/ingest", {"source": f"{photos}/large.png"}).json()
        (failure,) = server.wait(job["id"])["summary"]["failures"]
    assert failure["code"] == "too-large"
    assert "limit of 10,000; whoever runs the server can raise it" in failure["reason"]
    # Those who do are told how.
    (kept,) = failures(filled)
    assert "raise SAFELIGHT_PIXEL_LIMIT and ingest with --retry-failed" in kept.reason


def test_questions_have_a_limit_of_parts_and_answers(small) -> None:
    path = "/api/v1/images/search"
    is_refused(small.post(path, {"query": "a + b + c + d + e"}), 400, "query")
    is_refused(small.post(path, {"query": "a", "limit": 1001}), 422, "invalid")
    is_refused(small.post("/api/v1/search", {"text": "a", "limit": 1001}), 422, "invalid")
    is_refused(small.post("/api/v1/vectors/search", {"embedding": [1] * 4097}), 422, "invalid")
    is_refused(small.get("/api/v1/photos?limit=1001"), 422, "invalid")


def test_batches_have_a_limit(small) -> None:
    answer = small.post("/api/v1/features", {"artifacts": [{}, {}, {}]})
    is_refused(answer, 413, "body-too-large")


def connect(server) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def test_a_body_that_stops_coming_is_not_waited_for(filled, embedder) -> None:
    limits = Limits(body_seconds=0.4)
    with running(filled, embedder, limits=limits) as server, connect(server) as slow:
        slow.sendall(
            b"POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
            b"Content-Type: application/json\r\n\r\n{"
        )
        began = time.monotonic()
        answer = slow.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 408"), answer
        assert time.monotonic() - began < Limits().body_seconds


def test_headers_without_end_are_refused(small) -> None:
    with connect(small) as endless:
        endless.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        for _ in range(200):
            try:
                endless.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")
            except OSError:
                break
        try:
            answer = endless.recv(1000)
        except ConnectionResetError:
            answer = b""
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert small.get("/health").status_code == 200


def test_listeners_have_a_limit(filled, photos, make_photo) -> None:
    class Gated(ColourEmbedder):
        go_on = threading.Event()

        def encode_prepared(self, inputs):
            assert self.go_on.wait(60)
            return super().encode_prepared(inputs)

    for number in range(10):
        make_photo(photos / "more" / f"{number}.png", "red", seed=50 + number)
    model = Gated()
    with running(filled, model, limits=SMALL, roots=(str(photos),)) as server:
        job = server.post("/api/v1/ingest", {"source": "more"}).json()["id"]
        path = f"/api/v1/jobs/{job}/events"
        with server.client.stream("GET", path) as one, server.client.stream("GET", path) as two:
            lines = [one.iter_lines(), two.iter_lines()]
            for each in lines:
                assert "event: progress" in [next(each) for _ in range(4)]
            refused = server.get(path)
            is_refused(refused, 429, "busy")
            assert int(refused.headers["retry-after"]) >= 1
        # Those who left make room.
        until(lambda: not server.service.streams)
        server.client.delete(f"/api/v1/jobs/{job}")
        model.go_on.set()


def test_connections_that_say_nothing_do_not_hurt(server) -> None:
    idle = [connect(server) for _ in range(300)]
    try:
        for each in idle[:50]:
            each.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert each.recv(100).startswith(b"HTTP/1.1 200")
        with ThreadPoolExecutor(8) as clients:
            body = {"query": "red", "limit": 3}
            answers = list(
                clients.map(lambda _: server.post("/api/v1/images/search", body), range(40))
            )
        assert {each.status_code for each in answers} == {200}
    finally:
        for each in idle:
            each.close()


def test_what_is_being_answered_is_finished_before_it_stops(filled) -> None:
    class Gated(ColourEmbedder):
        at_work, go_on = threading.Event(), threading.Event()

        def encode_texts(self, texts):
            if texts == ["red"]:  # not the words for comparison
                self.at_work.set()
                assert self.go_on.wait(60)
            return super().encode_texts(texts)

    answers = []
    model = Gated()
    with running(filled, model) as server:
        body = {"query": "red", "limit": 1}
        asking = threading.Thread(
            target=lambda: answers.append(server.post("/api/v1/images/search", body))
        )
        asking.start()
        assert model.at_work.wait(60)
        host, port = server.url.removeprefix("http://").split(":")
        server.stop()
        until(lambda: not _listens(host, int(port)))
        assert answers == []
        model.go_on.set()
        asking.join(60)
    assert answers[0].status_code == 200


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=30).close()
    except ConnectionRefusedError:
        return False
    return True
