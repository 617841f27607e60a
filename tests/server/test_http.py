"""HTTP itself: methods, compression, request ids, caches, connections that go on."""

from __future__ import annotations

import gzip
import http.client
import json

import pytest

from safelight.library.state.tokens import create_token, revoke_token
from safelight.server.compression import accepts_gzip
from tests.server.conftest import running
from tests.waiting import until

API = "/api/v1"


def test_every_get_has_a_head(server) -> None:
    card = server.get(f"{API}/photos").json()["photos"][0]
    ids = {"photo_id": card["photo_id"], "vector_id": card["photo_id"]}
    for template, calls in server.get("/openapi.json").json()["paths"].items():
        if "get" not in calls or template == f"{API}/changes/events":  # which has no end
            continue
        path = template.format_map({**dict.fromkeys(_names(template), "0" * 32), **ids})
        get, head = server.get(path), server.client.head(path)
        assert head.status_code == get.status_code, path
        assert head.content == b""
        for name in ("content-type", "etag", "cache-control", "vary"):
            assert head.headers.get(name) == get.headers.get(name), (path, name)
        if template not in ("/metrics",):  # which counts
            assert len(head.headers.get("content-length", "")) == len(
                get.headers.get("content-length", "")
            )
    for path in ("/", "/static/js/main.js", "/docs", "/openapi.json"):
        assert server.client.head(path).status_code == 200


def _names(template: str) -> list[str]:
    import string

    return [name for _, name, _, _ in string.Formatter().parse(template) if name]


def test_every_path_says_what_it_takes(server) -> None:
    for template, calls in server.get("/openapi.json").json()["paths"].items():
        path = template.format_map(dict.fromkeys(_names(template), "0" * 64))
        expected = {method.upper() for method in calls} | {"OPTIONS"}
        if "GET" in expected:
            expected.add("HEAD")
        options = server.client.options(path)
        assert options.status_code == 204, path
        allowed = set(options.headers["allow"].split(", "))
        # A fixed path may be one of another call's ids, too.
        assert expected <= allowed, path
        refused = server.client.request("TRACE", path)
        assert (refused.status_code, refused.headers["allow"]) == (405, options.headers["allow"])
    for path in ("/", "/static/js/main.js", "/docs"):
        assert server.post(path).headers["allow"] == "GET, HEAD, OPTIONS"
    assert server.client.options("/nothing").status_code == 404
    assert "DELETE" not in server.post(f"{API}/facets").headers["allow"]


def test_text_is_compressed_for_those_who_take_it(server) -> None:
    path = "/openapi.json"
    for accepted, coding in (
        ("gzip", "gzip"), ("gzip;q=0", None), ("br;q=1, *;q=0.1", "gzip"), ("identity", None),
    ):  # fmt: skip
        answer = server.get(path, headers={"Accept-Encoding": accepted})
        assert answer.headers.get("content-encoding") == coding, accepted
        assert "Accept-Encoding" in answer.headers["vary"]
        assert answer.json()["openapi"]
    with server.client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as stream:
        raw = b"".join(stream.iter_raw())
        assert len(raw) == int(stream.headers["content-length"])
        assert json.loads(gzip.decompress(raw))
    small = server.get("/health", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in small.headers
    card = server.get(f"{API}/photos").json()["photos"][0]
    for picture in ("thumbnail", "original"):
        answer = server.get(
            f"{API}/photos/{card['photo_id']}/{picture}", headers={"Accept-Encoding": "gzip"}
        )
        assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("header", "taken"),
    [("GZIP", True), ("x-gzip", True), ("", False), ("gzip;q=0.000", False), ("gzip;q=x", False),
     (",,gzip ; q=0.2,", True), ("*", True), ("deflate", False)],
)  # fmt: skip
def test_weights_of_codings_count(header, taken) -> None:
    assert accepts_gzip(header) is taken


def test_an_answer_with_secrets_is_not_compressed(server) -> None:
    card = server.get(f"{API}/photos").json()["photos"][0]
    url = f"{API}/photos/{card['photo_id']}/thumbnail"
    answer = server.post(f"{API}/signatures", {"urls": [url] * 50})
    assert len(answer.content) > 2000
    assert "content-encoding" not in answer.headers
    assert "no-store" in answer.headers["cache-control"]


def test_a_request_has_an_id(server) -> None:
    from loguru import logger

    told = []
    handler = logger.add(lambda message: told.append(message.record["extra"].get("request_id")))
    try:
        answer = server.get(f"{API}/facets", headers={"X-Request-Id": "trace-1.a"})
        assert answer.headers["x-request-id"] == "trace-1.a"
        for bad in ("two words", "x" * 200, "<script>", "a\x7fb", ""):
            made = server.get(f"{API}/facets", headers={"X-Request-Id": bad})
            assert made.headers["x-request-id"] != bad
            assert len(made.headers["x-request-id"]) == 16
        missing = server.get(f"{API}/nothing", headers={"X-Request-Id": "trace-2"})
        assert missing.headers["x-request-id"] == missing.json()["request_id"] == "trace-2"
        assert until(lambda: {"trace-1.a", "trace-2"} <= set(told))
    finally:
        logger.remove(handler)
    assert not any(each and " " in each for each in told)


def test_nobody_keeps_what_a_token_shows(filled, embedder) -> None:
    text, token = create_token(filled, "me")
    with running(filled, embedder, needs_token=True) as server:
        mine = {"Authorization": f"Bearer {text}"}
        photo_id = server.get(f"{API}/photos", headers=mine).json()["photos"][0]["photo_id"]
        for path in (
            "/metrics", f"{API}/photos", f"{API}/photos/{photo_id}", f"{API}/nothing",
            f"{API}/photos/{photo_id}/thumbnail", f"{API}/photos/{photo_id}/image",
            f"{API}/photos/{photo_id}/original", f"{API}/photos/{photo_id}/focus",
        ):  # fmt: skip
            for headers in (mine, {}):
                answer = server.get(path, headers=headers)
                kept = answer.headers["cache-control"]
                assert kept in ("no-store", "private, no-cache"), path
                assert "Authorization" in answer.headers["vary"]
                if "no-cache" in kept:
                    etag = {**headers, "If-None-Match": answer.headers["etag"]}
                    assert server.get(path, headers=etag).status_code == 304
        # What a browser has kept is asked for again, and refused.
        path = f"{API}/photos/{photo_id}/thumbnail"
        etag = {**mine, "If-None-Match": server.get(path, headers=mine).headers["etag"]}
        revoke_token(filled, token.id)
        assert until(lambda: server.get(path, headers=etag).status_code == 401)


def test_a_connection_goes_on_after_a_refusal(server) -> None:
    host = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    sockets = set()
    for method, path, body, status in (
        ("GET", f"{API}/photos", None, 200),
        ("GET", f"{API}/nothing", None, 404),
        ("POST", f"{API}/search", b"{broken", 422),
        ("HEAD", f"{API}/photos", None, 200),
        ("POST", f"{API}/photos", b"x" * 5000, 405),
        ("PUT", f"{API}/photos", b"x" * 5000, 415),
        ("OPTIONS", f"{API}/photos", None, 204),
        ("GET", f"{API}/photos", None, 200),
    ):
        headers = {"Content-Type": "application/json"} if body else {}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        assert answer.status == status, (method, path)
        assert answer.headers["date"]
        if status == 204:
            assert "content-length" not in answer.headers
            assert "content-type" not in answer.headers
        elif method != "HEAD":
            assert len(data) == int(answer.headers["content-length"])
        sockets.add(id(connection.sock))
    assert len(sockets) == 1
    connection.close()
