"""Connections that a client leaves half done: none is kept, and no body is read for nothing."""

from __future__ import annotations

import socket
import time

import pytest

from safelight.library.state.tokens import create_token
from safelight.server.limits import Limits
from tests.server.conftest import running
from tests.waiting import until

SHORT = Limits(
    head_seconds=0.6, body_seconds=0.6, send_seconds=0.8, drain_seconds=0.6, connections=30
)
HOST = b"Host: localhost\r\n"


@pytest.fixture
def short(filled, photos, embedder):
    """A server with short limits that needs a token."""
    text, _ = create_token(filled, "writer", may_write=True)
    reader, _ = create_token(filled, "reader")
    with running(filled, embedder, limits=SHORT, roots=(str(photos),), needs_token=True) as found:
        found.client.headers["Authorization"] = f"Bearer {text}"
        found.writer, found.reader = text, reader
        yield found


def connect(server) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def is_ended(connection: socket.socket) -> bool:
    """Tell whether the server has ended it; what it answered is read and dropped."""
    connection.settimeout(0.05)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def drip(connection: socket.socket, data: bytes, *, seconds: float = 6.0) -> bool:
    """Send a byte every tenth of a second; return whether the server ends it before long."""
    connection.settimeout(0.1)
    began = time.monotonic()
    for byte in data * 100:
        if time.monotonic() - began > seconds:
            return False
        try:
            connection.send(bytes([byte]))
            if connection.recv(65536) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


HEALTH = b"GET /health HTTP/1.1\r\n" + HOST


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"G",
        b"GET /health HTTP/1.1\r\nHost: lo",
        HEALTH + b"\r\nGET /hea",  # behind another request, at once
        HEALTH + b"X-More: ",
    ],
    ids=["nothing", "letter", "half", "second", "header"],
)
def test_half_a_head_is_not_kept(short, begun) -> None:
    with connect(short) as left, connect(short) as dripping:
        left.sendall(begun)
        dripping.sendall(begun)
        assert drip(dripping, b"x")
        until(lambda: is_ended(left), seconds=10)


def test_a_kept_connection_has_the_time_for_a_whole_head_only(short) -> None:
    with connect(short) as kept:
        for _ in range(2):
            kept.sendall(HEALTH + b"\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += kept.recv(4096)
            time.sleep(0.7)  # it may rest between two requests
        kept.sendall(b"GET /health HT")
        until(lambda: is_ended(kept), seconds=10)


def post(token: str, length: int = 5000) -> bytes:
    return (
        b"POST /api/v1/search HTTP/1.1\r\nContent-Type: application/json\r\n"
        + HOST
        + f"Content-Length: {length}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )


def test_a_body_that_drips_is_given_up(short) -> None:
    chunked = post(short.writer).replace(b"Content-Length: 5000", b"Transfer-Encoding: chunked")
    for head, part in ((post(short.writer), b" "), (chunked, b"1\r\n \r\n")):
        with connect(short) as slow:
            slow.sendall(head)
            answer = b""
            slow.settimeout(0.1)
            began = time.monotonic()
            while not answer and time.monotonic() - began < 10:
                slow.sendall(part)
                try:
                    answer = slow.recv(4096)
                except TimeoutError:
                    continue
            assert answer.startswith(b"HTTP/1.1 408"), answer
            # What still comes is not read forever.
            assert drip(slow, b" ")


def test_the_rest_of_a_refused_body_is_not_read_for_ever(short) -> None:
    with connect(short) as refused:
        refused.sendall(post("wrong"))
        assert refused.recv(4096).startswith(b"HTTP/1.1 401")
        assert drip(refused, b" ")


def test_an_answer_that_is_not_taken_is_given_up(short) -> None:
    with connect(short) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(1)
        # Answers pile up until nothing more fits between us; nobody reads them.
        ask = b"GET /openapi.json HTTP/1.1\r\n" + HOST + b"\r\n"
        until(lambda: not _is_sent(deaf, ask * 500), seconds=20)
    until(lambda: not [c for c in short.server.server_state.connections if not c.is_idle])


def _is_sent(connection: socket.socket, data: bytes) -> bool:
    try:
        connection.sendall(data)
    except TimeoutError:
        return True  # it is full, and not ended yet
    except OSError:
        return False
    return True


def test_a_new_connection_takes_the_place_of_an_idle_one(short) -> None:
    idle = [connect(short) for _ in range(SHORT.connections)]
    try:
        began = time.monotonic()
        with connect(short) as late:
            late.sendall(HEALTH + b"\r\n")
            assert late.recv(4096).startswith(b"HTTP/1.1 200")
        assert len(short.server.server_state.connections) <= SHORT.connections
        assert is_ended(idle[0]) or time.monotonic() - began > SHORT.head_seconds
    finally:
        for each in idle:
            each.close()


def test_who_may_not_is_told_before_a_body_is_read(short) -> None:
    """For every call that takes a body: the head is sent, and none of the body."""
    paths = short.get("/openapi.json").json()["paths"]
    tried = 0
    for path, operations in paths.items():
        for method in operations:
            if method not in ("post", "put", "delete"):
                continue
            for token, statuses in ((None, b"401"), (short.reader, b"403")):
                # A token to read may.
                is_reading = path.endswith(("/search", "/search/upload", "/batch", "/signatures"))
                if token and is_reading:
                    continue
                target = path.replace("{photo_id}", "0" * 64).replace("{job_id}", "0" * 32)
                head = f"{method.upper()} {target} HTTP/1.1\r\nHost: localhost\r\n"
                head += (
                    "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 7000000\r\n"
                )
                if token:
                    head += f"Authorization: Bearer {token}\r\n"
                with connect(short) as asking:
                    asking.sendall(head.encode() + b"\r\n")
                    answer = asking.recv(4096)
                assert answer.split()[1] == statuses, (method, path, answer)
                tried += 1
    assert tried > 20


def test_bodies_wait_for_room_unread(filled, embedder) -> None:
    limits = Limits(bodies_bytes=1_000_000, room_seconds=0.5, body_seconds=5)
    head = (
        b"POST /api/v1/search HTTP/1.1\r\nContent-Type: application/json\r\n"
        + HOST
        + b"Content-Length: 2000000\r\n\r\n{"
    )
    with running(filled, embedder, limits=limits) as server:
        with connect(server) as first, connect(server) as second:
            first.sendall(head)
            until(lambda: server.service.bodies.free == 0)
            second.sendall(head)
            assert second.recv(4096).startswith(b"HTTP/1.1 429")
            # Small ones do not wait.
            assert server.post("/api/v1/search", {"text": "red"}).status_code == 200
        until(lambda: server.service.bodies.free == limits.bodies_bytes)
