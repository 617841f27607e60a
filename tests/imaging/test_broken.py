"""Broken photos, made here: a frame or a DecodeError, quickly, and nothing else ever."""

from __future__ import annotations

import io
import random
import struct
import time
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from safelight.errors import DecodeError
from safelight.imaging import decode
from safelight.model import FAILURE_CODES, Frame

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF")


def _photo(form: str, **options) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    if form in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        options["exif"] = exif
    Image.fromarray(noise).save(out, form, **options)
    return out.getvalue()


GOOD = {form: _photo(form) for form in FORMATS}


def _attempt(data: bytes) -> str:
    """Return ``ok`` or the failure's code; anything else fails the test."""
    started = time.perf_counter()
    try:
        frame = decode(data, min_side=32, max_pixels=50_000_000)
    except DecodeError as exc:
        failure = exc
    else:
        failure = None
    assert time.perf_counter() - started < 5
    if failure is not None:
        assert failure.code in FAILURE_CODES
        assert str(failure).startswith(("is ", "has ", "needs "))
        return failure.code
    assert isinstance(frame, Frame)
    assert frame.pixels.ndim == 3
    assert frame.pixels.shape[2] == 3
    return "ok"


@pytest.mark.parametrize("form", FORMATS)
def test_truncation_is_told_and_never_half_a_photo(form: str) -> None:
    data = GOOD[form]
    codes = {_attempt(data[: len(data) * part // 100]) for part in range(5, 96, 5)}
    assert "ok" not in codes
    assert "truncated" in codes
    assert codes <= {"truncated", "corrupt", "not-an-image"}


@pytest.mark.parametrize("form", FORMATS)
def test_flipped_bits_stop_nothing(form: str) -> None:
    chance = random.Random(form)
    for _ in range(60):
        data = bytearray(GOOD[form])
        for _ in range(chance.randint(1, 12)):
            # The beginning, where headers are, as often as all the rest.
            end = chance.choice((200, len(data)))
            data[chance.randrange(min(end, len(data)))] ^= 1 << chance.randrange(8)
        _attempt(bytes(data))


@pytest.mark.parametrize("form", FORMATS)
def test_garbage_behind_a_good_beginning_stops_nothing(form: str) -> None:
    chance = random.Random(form)
    for keep in (4, 8, 12, 16, 32, 64, 128):
        _attempt(GOOD[form][:keep] + chance.randbytes(3000))


@given(st.binary(max_size=400), st.sampled_from([b"", *(data[:16] for data in GOOD.values())]))
@settings(deadline=None, max_examples=150)
def test_any_bytes_stop_nothing(data: bytes, start: bytes) -> None:
    _attempt(start + data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"hello, this is text", "not-an-image"),
        (b"%PDF-1.7 ...", "not-an-image"),
        (b"\0" * 5000, "not-an-image"),
        (b"\xff\xd8\xff", "truncated"),
        (b"PK\x03\x04", "not-an-image"),
    ],
)
def test_the_reason_is_the_right_one(data: bytes, code: str) -> None:
    assert _attempt(data) == code


def _bomb(form: str) -> bytes:
    """A few bytes that say they are 60,000 pixels wide and high."""
    side = 60_000
    if form == "PNG":
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        chunk = b"IHDR" + header
        return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(
            ">I", zlib.crc32(chunk)
        ) + struct.pack(">I", 10) + b"IDAT" + bytes(14)  # fmt: skip
    if form == "GIF":
        return b"GIF89a" + struct.pack("<HH", side, side) + b"\0\0\0" + b"," + struct.pack(
            "<HHHHB", 0, 0, side, side, 0
        ) + b"\x08\x01\x00\x00;"  # fmt: skip
    if form == "JPEG":
        data = bytearray(GOOD["JPEG"])
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", side, side)
        return bytes(data)
    out = io.BytesIO()
    Image.new("1", (10, 10)).save(out, form)
    data = bytearray(out.getvalue())
    if form == "BMP":
        data[18:26] = struct.pack("<ii", side, side)
    return bytes(data)


@pytest.mark.parametrize("form", ["PNG", "GIF", "JPEG", "BMP"])
def test_a_bomb_is_refused_before_it_is_decoded(form: str) -> None:
    assert _attempt(_bomb(form)) == "too-large"


def test_a_photo_is_not_lost_for_its_exif_data() -> None:
    data = GOOD["JPEG"]
    start = data.index(b"Exif\0\0") + 6
    chance = random.Random(0)
    for _ in range(100):
        broken = bytearray(data)
        for _ in range(6):
            broken[chance.randrange(start, start + 60)] = chance.randrange(256)
        assert _attempt(bytes(broken)) == "ok"


def test_real_broken_photos_stop_nothing(real_photos) -> None:
    codes = [
        _attempt(path.read_bytes())
        for path in sorted((real_photos / "camera").rglob("*"))
        if path.is_file() and path.suffix.lower() in (".jpg", ".heic", ".heif", ".webp")
    ]
    assert codes.count("ok") > 0.9 * len(codes)
