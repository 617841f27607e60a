"""Only the pixel limit of safelight counts for its decoder, and Pillow's own for everybody else."""

from __future__ import annotations

import io
import threading

import pytest
from PIL import Image

from safelight.errors import DecodeError
from safelight.imaging import decode
from safelight.imaging.header import read_header

SIZE = (120, 90)


def encoded(form: str, **options) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(SIZE).convert("RGB").save(out, form, **options)
    return out.getvalue()


PICTURES = {
    "webp": encoded("WEBP"),
    "lossless webp": encoded("WEBP", lossless=True),
    "webp with metadata": encoded("WEBP", exif=Image.Exif()),
    "tiff": encoded("TIFF"),
    "lzw tiff": encoded("TIFF", compression="tiff_lzw"),
    "jpeg tiff": encoded("TIFF", compression="jpeg"),
    "png": encoded("PNG"),
    "gif": encoded("GIF"),
    "bmp": encoded("BMP"),
    "jpeg": encoded("JPEG"),
}


@pytest.fixture
def strict_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Pillow refuse what has more than twice 100 pixels, as it does beyond 179 million."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)


@pytest.mark.usefixtures("strict_pillow")
@pytest.mark.parametrize("name", PICTURES)
def test_one_limit_for_all_formats(name: str) -> None:
    data = PICTURES[name]
    frame, header = decode(data), read_header(data)
    assert (frame.width, frame.height) == (header.width, header.height) == SIZE
    for read in (decode, read_header):
        with pytest.raises(DecodeError, match="limit of 10,000") as caught:
            read(data, max_pixels=10_000)
        assert caught.value.code == "too-large"


@pytest.mark.usefixtures("strict_pillow")
def test_pillow_s_own_limit_holds_outside() -> None:
    data = PICTURES["webp"]
    decode(data)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data))
    refused = []
    stop = threading.Event()

    def others() -> None:
        while not stop.is_set():
            try:
                Image.open(io.BytesIO(data))
            except Image.DecompressionBombError:
                refused.append(True)
            else:
                refused.append(False)

    thread = threading.Thread(target=others)
    thread.start()
    for _ in range(50):
        decode(data)
    stop.set()
    thread.join()
    assert refused
    assert all(refused)


def test_a_canvas_too_large_is_refused_before_it_is_made() -> None:
    extended = bytearray(PICTURES["lossless webp"])
    body = b"\0\0\0\0" + (16_382).to_bytes(3, "little") * 2
    chunk = b"VP8X" + len(body).to_bytes(4, "little") + body
    data = b"RIFF" + (len(extended) - 8 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk
    for read in (decode, read_header):
        with pytest.raises(DecodeError, match="16383 x 16383"):
            read(data + bytes(extended[12:]))
