"""Files on their way: uploads piece by piece, originals as streams, downloads that go on."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import socketserver
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
from PIL import Image

from safelight import errors
from safelight.client import AsyncClient, Client
from safelight.client.downloads import PartialFile
from safelight.client.multipart import AsyncForm, Form
from tests.server.conftest import filled, photos, running, server

__all__ = ["filled", "photos", "server"]

SIZE = 200 * 2**20


def png(seed: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), (seed, 9, 200)).save(out, "PNG")
    return out.getvalue()


class _Sink(socketserver.StreamRequestHandler):
    """Takes whatever is sent, and answers as an upload of nothing."""

    def handle(self) -> None:
        length = 0
        while (line := self.rfile.readline().strip().lower()) != b"":
            name, _, value = line.partition(b":")
            if name == b"content-length":
                length = int(value)
        buffer = bytearray(1 << 18)
        while length > 0 and (count := self.rfile.readinto(memoryview(buffer)[:length])):
            length -= count
            self.server.taken += count
        body = b'{"photos": []}'
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


@pytest.fixture
def sink():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Sink) as server:
        server.taken = 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_large_file_is_never_in_memory(sink, tmp_path, kind) -> None:
    path = tmp_path / "large.tif"
    with path.open("wb") as file:
        file.truncate(SIZE)
    url = "http://{}:{}".format(*sink.server_address)

    async def upload() -> None:
        async with AsyncClient(url) as client:
            await client.upload(path)

    tracemalloc.start()
    try:
        if kind == "sync":
            with Client(url) as client:
                client.upload(path)
        else:
            asyncio.run(upload())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert SIZE < sink.taken < SIZE + 1000
    assert peak < 8 * 2**20


def test_a_slow_disk_does_not_stop_the_loop(server) -> None:
    class Slow(io.BytesIO):
        def read(self, size=-1):
            time.sleep(0.1)
            return super().read(min(size, 50))

    async def upload() -> tuple[int, object]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.005)
                ticks += 1

        async with AsyncClient(server.url) as client:
            ticking = asyncio.create_task(tick())
            taken = await client.upload(("slow.png", Slow(png(1))))
            ticking.cancel()
            return ticks, taken

    ticks, taken = asyncio.run(upload())
    assert taken.photos[0].new
    assert ticks > 10


def _pieces(data: bytes):
    for start in range(0, len(data), 7):
        yield data[start : start + 7]
        yield b""


async def _later(data: bytes):
    for piece in _pieces(data):
        await asyncio.sleep(0)
        yield piece


class _Awaited:
    """A file as those of asynchronous libraries are."""

    name = "folder/awaited.png"

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    async def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


def test_every_kind_of_file_is_sent(server, tmp_path) -> None:
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"ü {number}.png")
        paths[-1].write_bytes(png(number))
    read, write = os.pipe()
    os.write(write, png(7))
    os.close(write)
    with open(paths[2], "rb") as opened, open(read, "rb") as pipe:
        half = io.BytesIO(b"something before" + png(4))
        half.seek(len(b"something before"))
        files = [
            paths[0], str(paths[1]), opened, ("half.png", half), ("bytes.png", png(3)),
            ("array.png", bytearray(png(5))), ("pieces.png", _pieces(png(6))), ("pipe.png", pipe),
        ]  # fmt: skip
        with Client(server.url) as client:
            taken = client.upload(files).photos
            assert client.upload(io.BytesIO(png(0))).photos[0].new is False
            assert client.images_search(image=("like.png", io.BytesIO(png(1))), limit=1).hits
    assert [each.code for each in taken] == [None] * 8
    assert [each.photo_id for each in taken] == [
        hashlib.sha256(png(number)).hexdigest() for number in (0, 1, 2, 4, 3, 5, 6, 7)
    ]
    assert [each.name for each in taken[:3]] == [path.name for path in paths]

    async def upload():
        async with AsyncClient(server.url) as client:
            return await client.upload(
                [("later.png", _later(png(8))), _Awaited(png(9)), ("now.png", _pieces(png(10)))]
            )

    taken = asyncio.run(upload()).photos
    assert [each.photo_id for each in taken] == [
        hashlib.sha256(png(number)).hexdigest() for number in (8, 9, 10)
    ]
    assert taken[1].name == "awaited.png"


@pytest.mark.parametrize(
    "given",
    [None, 5, b"bytes", {"a": 1}, [None], [5], ("name", 5), ("name", None), [("a", "b", "c")]],
)
def test_what_cannot_be_sent_is_refused(given) -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(errors.UsageError):
        client.upload(given)


def test_what_fails_while_it_is_sent_is_told(server, tmp_path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(1))
    with Client(server.url) as client:
        with pytest.raises(errors.SourceError, match="missing"):
            client.upload(tmp_path / "missing.png")
        with pytest.raises(errors.SourceError, match="folder"):
            client.upload(tmp_path)
        with open(path, encoding="latin-1") as text, pytest.raises(errors.UsageError, match="rb"):
            client.upload(text)
        with pytest.raises(errors.UsageError, match="AsyncClient"):
            client.upload(("later.png", _later(png(1))))
        assert client.health().status == "healthy"
    form = Form([("files", path)], {})
    path.write_bytes(b"shorter")
    with pytest.raises(errors.SourceError, match="changed"):
        list(form)


def test_a_form_can_be_sent_again_unless_it_is_read_once() -> None:
    file = io.BytesIO(b"xxdata")
    file.seek(2)
    form = Form([("files", ("a.jpg", file))], {"request": "{}"})
    first = b"".join(form)
    assert b"data" in first
    assert b"xx" not in first
    assert b"".join(form) == first
    assert int(form.headers["Content-Length"]) == len(first)
    once = Form([("files", ("a.jpg", iter([b"data"])))], {})
    assert "Content-Length" not in once.headers
    list(once)
    with pytest.raises(errors.UsageError, match="once"):
        list(once)

    async def parts() -> list[bytes]:
        return [part async for part in AsyncForm([("files", ("a.jpg", file))], {"request": "{}"})]

    file.seek(2)
    assert len(b"".join(asyncio.run(parts()))) == len(first)


def test_a_name_cannot_end_its_header() -> None:
    (head, *_) = Form([("files", ('a"\r\nX: y.jpg', b"data"))], {})
    assert head.count(b"\r\n") == 4
    assert b"%22%0D%0A" in head


def test_an_original_is_a_stream(server) -> None:
    card = server.get("/api/v1/photos").json()["photos"][0]
    data = Path(card["path"]).read_bytes()
    with Client(server.url) as client:
        with client.original(card["photo_id"]) as stream:
            assert (stream.size, stream.start, stream.name) == (len(data), 0, card["name"])
            assert stream.media_type == "image/png"
            assert b"".join(stream) == data
        with client.original(card["photo_id"], start=10) as stream:
            assert (stream.size, stream.start) == (len(data), 10)
            assert stream.read() == data[10:]
        with pytest.raises(errors.UsageError):
            stream.read()
        with (
            pytest.raises(errors.LibraryError) as caught,
            client.original("0" * 64) as stream,
        ):
            pass
        assert caught.value.code == "no-photo"

    async def read() -> bytes:
        async with (
            AsyncClient(server.url) as client,
            client.original(card["photo_id"]) as stream,
        ):
            return await stream.read()

    assert asyncio.run(read()) == data


def test_a_download_goes_on_where_it_broke(server, tmp_path, monkeypatch) -> None:
    card = server.get("/api/v1/photos").json()["photos"][0]
    data = Path(card["path"]).read_bytes()
    target = tmp_path / "new" / "copy.png"
    part = PartialFile(target, card["photo_id"], overwrite=False)
    part.open()
    part.write(data[:100])
    part.close()
    asked = []
    with Client(server.url) as client:
        begin = client._begin
        monkeypatch.setattr(
            client, "_begin", lambda path, headers: asked.append(headers) or begin(path, headers)
        )
        assert client.save_original(card["photo_id"], target) == target
        assert asked[0]["Range"] == "bytes=100-"
        assert target.read_bytes() == data
        assert os.listdir(target.parent) == ["copy.png"]
        with pytest.raises(errors.UsageError, match="overwrite"):
            client.save_original(card["photo_id"], target)
        target.write_bytes(b"other")
        client.save_original(card["photo_id"], target, overwrite=True)
        assert target.read_bytes() == data
        # What arrived before is not of this photo.
        part = PartialFile(tmp_path / "b.png", card["photo_id"], overwrite=False)
        part.open()
        part.write(b"x" * 50)
        part.close()
        with pytest.raises(errors.ServerError, match="again"):
            client.save_original(card["photo_id"], tmp_path / "b.png")
        client.save_original(card["photo_id"], tmp_path / "b.png")
        assert (tmp_path / "b.png").read_bytes() == data
        # All of it had arrived.
        part = PartialFile(tmp_path / "c.png", card["photo_id"], overwrite=False)
        part.open()
        part.write(data)
        part.close()
        client.save_original(card["photo_id"], tmp_path / "c.png")
        assert (tmp_path / "c.png").read_bytes() == data

    async def save() -> Path:
        async with AsyncClient(server.url) as client:
            return await client.save_original(card["photo_id"], tmp_path / "d.png")

    assert asyncio.run(save()).read_bytes() == data


def test_a_connection_that_breaks_in_mid_file_is_made_again(filled, embedder, tmp_path) -> None:
    from safelight.server import originals

    cut, whole = [True], originals._chunks

    def broken(original, pieces):
        chunks = whole(original, pieces)
        if cut and cut.pop():
            yield next(chunks)[:50]
            raise OSError("the line broke")
        yield from chunks

    with pytest.MonkeyPatch.context() as patch, running(filled, embedder) as server:
        patch.setattr(originals, "_chunks", broken)
        card = server.get("/api/v1/photos").json()["photos"][0]
        with Client(server.url) as client:
            saved = client.save_original(card["photo_id"], tmp_path / "saved.png")
    assert saved.read_bytes() == Path(card["path"]).read_bytes()
    assert not cut
