"""Originals: parts, conditions, media types and names."""

from __future__ import annotations

import email
import os
from pathlib import Path
from urllib.parse import unquote

import pytest

from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.server.conditions import http_date
from safelight.server.ranges import parse_range
from tests.server.conftest import running


@pytest.fixture
def original(server):
    card = server.get("/api/v1/photos").json()["photos"][0]
    data = Path(card["path"]).read_bytes()
    return f"/api/v1/photos/{card['photo_id']}/original", data, card


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [("0-9", 0, 10), ("5-", 5, None), ("-7", -7, None), ("3-999999", 3, None), ("0-0", 0, 1)],
)
def test_a_part_is_sent(server, original, wanted, start, stop) -> None:
    path, data, _ = original
    answer = server.get(path, headers={"Range": f"bytes={wanted}"})
    assert (answer.status_code, answer.content) == (206, data[start:stop])
    first = len(data) + start if start < 0 else start
    last = first + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(data)}"
    assert answer.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    "wanted",
    ["lines=0-9", "bytes=9-3", "bytes=a-b", "bytes=", "bytes=--5", "bytes=-", "bytes=0-1,x",
     "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 60, 2))],
)  # fmt: skip
def test_an_unknown_range_is_passed_over(server, original, wanted) -> None:
    path, data, _ = original
    answer = server.get(path, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (200, data)
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("wanted", ["999999-", "-0", "999999-1000000,2000000-"])
def test_a_range_behind_the_end_is_refused(server, original, wanted) -> None:
    path, data, _ = original
    answer = server.get(path, headers={"Range": f"bytes={wanted}"})
    assert (answer.status_code, answer.json()["code"]) == (416, "range")
    assert answer.headers["content-range"] == f"bytes */{len(data)}"


def test_several_parts_are_sent_as_a_multipart(server, original) -> None:
    path, data, _ = original
    answer = server.get(path, headers={"Range": "bytes=20-29, 0-4, -3, 999999-"})
    assert answer.status_code == 206
    assert int(answer.headers["content-length"]) == len(answer.content)
    head = f"Content-Type: {answer.headers['content-type']}\r\n".encode()
    parts = email.message_from_bytes(head + answer.content).get_payload()
    assert [each["Content-Range"].split()[1].split("/")[0] for each in parts] == [
        "20-29", "0-4", f"{len(data) - 3}-{len(data) - 1}",
    ]  # fmt: skip
    assert data[20:30] in answer.content
    assert data[-3:] in answer.content


def test_overlapping_parts_are_sent_once() -> None:
    assert parse_range("bytes=0-9,5-14,20-21", 100) == [(0, 15), (20, 22)]
    assert parse_range("bytes=0-," * 16 + "0-", 100) is None  # more than anybody needs


def test_a_part_is_of_the_version_that_the_client_has(server, original) -> None:
    path, data, card = original
    modified = http_date(os.stat(card["path"]).st_mtime)
    etag = f'"{card["photo_id"]}"'
    for version, status in (
        (etag, 206), (modified, 206), ('"other"', 200), (f"W/{etag}", 200), (http_date(0), 200),
        ("yesterday", 200),
    ):  # fmt: skip
        answer = server.get(path, headers={"Range": "bytes=0-9", "If-Range": version})
        assert answer.status_code == status, version
        assert answer.content == (data[:10] if status == 206 else data)


def test_conditions_are_checked(server, original) -> None:
    path, _, card = original
    etag, modified = f'"{card["photo_id"]}"', os.stat(card["path"]).st_mtime
    for headers, status in (
        ({"If-None-Match": etag}, 304),
        ({"If-None-Match": f'"x", W/{etag}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"x"', "If-Modified-Since": http_date(modified)}, 200),
        ({"If-Modified-Since": http_date(modified)}, 304),
        ({"If-Modified-Since": http_date(modified - 1)}, 200),
        ({"If-Modified-Since": "not a date"}, 200),
        ({"If-Match": '"x"'}, 412),
        ({"If-Match": etag}, 200),
        ({"If-Unmodified-Since": http_date(modified - 1)}, 412),
        ({"If-Unmodified-Since": http_date(modified)}, 200),
    ):
        answer = server.get(path, headers=headers)
        assert answer.status_code == status, headers
        if status == 304:
            assert answer.content == b""
            assert answer.headers["etag"] == etag
            assert answer.headers["last-modified"] == http_date(modified)


def test_a_head_sends_no_byte_of_the_file(server, original) -> None:
    path, data, _ = original
    answer = server.client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len(data)
    part = server.client.head(path, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.headers["content-length"]) == (206, "10")


def test_a_part_is_refused_once_the_file_is_another(server, original) -> None:
    path, data, card = original
    assert server.get(path, headers={"Range": "bytes=0-9"}).status_code == 206
    Path(card["path"]).write_bytes(data[::-1])  # of the same size
    answer = server.get(path, headers={"Range": "bytes=0-9"})
    assert answer.json()["code"] == "changed"


@pytest.mark.parametrize(
    ("name", "form", "expected"),
    [
        ("täglich \"neu\" 'x'; y.png", "PNG", "image/png"),
        ("page.html.jpg", "JPEG", "image/jpeg"),
        ("small.webp", "WEBP", "image/webp"),
        ("scan.tif", "TIFF", "image/tiff"),
        ("new.avif", "AVIF", "image/avif"),
        ("wrong.png", "GIF", "image/gif"),
    ],
)
def test_an_original_has_its_media_type_and_name(
    library, embedder, tmp_path, name, form, expected
) -> None:
    from PIL import Image

    Image.new("RGB", (64, 64), (220, 30, 30)).save(tmp_path / name, form)
    ingest(library, [parse_source(f"images:{tmp_path}")], embedder, model=embedder.name)
    with running(library, embedder) as server:
        card = server.get("/api/v1/photos").json()["photos"][0]
        headers = server.get(f"/api/v1/photos/{card['photo_id']}/original").headers
    assert headers["content-type"] == expected
    assert headers["x-content-type-options"] == "nosniff"
    disposition = headers["content-disposition"]
    assert disposition.startswith("attachment; filename=")
    assert disposition.isascii()
    told = disposition.partition("filename*=UTF-8''")[2] or disposition.partition('"')[2][:-1]
    assert unquote(told) == name


def test_a_file_that_becomes_shorter_ends_the_connection(server, original, monkeypatch) -> None:
    # A disk that fails in mid-answer: the client sees that it has not got all.
    import httpx2

    from safelight.server.originals import Verified

    path, data, _ = original
    whole = Verified.open

    def cut(self, *given):
        found = whole(self, *given)
        object.__setattr__(found, "size", len(data) + 100)
        return found

    monkeypatch.setattr(Verified, "open", cut)
    with pytest.raises(httpx2.RemoteProtocolError):
        server.get(path)
    monkeypatch.undo()
    assert server.get(path).content == data
