"""Broken photos, made here: a frame or a DecodeError, quickly, and nothing else ever."""

from __future__ import annotations

import io
import random
import struct
import time
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from safelight.errors import DecodeError
from safelight.imaging import decode
from safelight.types import FAILURE_CODES, Frame
from tests.imaging.pictures import picture, save, tiff

if TYPE_CHECKING:
    from pathlib import Path

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
    started = time.process_time()  # whatever else the machine is busy with
    try:
        frame = decode(data, min_side=32, max_pixels=50_000_000)
    except DecodeError as exc:
        failure = exc
    else:
        failure = None
    assert time.process_time() - started < 5
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


def test_a_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded() -> None:
    data = save(Image.new("RGB", (2400, 1600)), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert decode(data[:-2] + last * 60 + b"\xff\xd9", min_side=64).width == 2400
    # What stands behind the picture is none of its scans.
    assert decode(data + last * 3000, min_side=64).width == 2400
    with pytest.raises(DecodeError, match="scans") as caught:
        decode(data[:-2] + last * 3000 + b"\xff\xd9")
    assert caught.value.code == "too-large"


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"\xef\xbb\xbf  <svg/>", "SVG"),
        (b"<!DOCTYPE html><title>404</title>", "web page"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "film"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "film"),
        (b"RIFF\0\1\0\0AVI LIST", "film"),
        (b"\x1a\x45\xdf\xa3matroska", "film"),
        (b"PK\x03\x04docx", "ZIP"),
    ],
)
def test_other_files_under_a_photo_s_name_are_called_what_they_are(data: bytes, word: str) -> None:
    with pytest.raises(DecodeError, match=word) as caught:
        decode(data)
    assert caught.value.code == "not-an-image"


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


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 4}])
@pytest.mark.parametrize("min_side", [None, 48, 8])
def test_a_jpeg_is_whole_or_truncated_at_every_scale(
    options: dict[str, object], min_side: int | None
) -> None:
    data = save(picture(512, 384), "JPEG", quality=90, **options)
    for part in range(20, 99, 6):
        with pytest.raises(DecodeError) as caught:
            decode(data[: len(data) * part // 100], min_side=min_side)
        assert caught.value.code == "truncated"


def test_a_jpeg_that_runs_into_zeros_is_truncated_too() -> None:
    # What remains of a copy that was given its full size first. libjpeg makes grey of it.
    thumbnail = b"Exif\0\0" + save(picture(32, 32), "JPEG")
    data = save(picture(512, 384), "JPEG", quality=90, exif=thumbnail)
    for part in (50, 75, 95):
        end = len(data) * part // 100
        assert _attempt(data[:end] + bytes(len(data) - end)) == "truncated"
    assert _attempt(data + bytes(4096)) == "ok"
    assert _attempt(data + b"\xff\xd9" + bytes(100)) == "ok"


def test_a_format_that_is_not_read_is_called_by_its_name() -> None:
    with pytest.raises(DecodeError, match="icon") as caught:
        decode(save(picture(), "ICO"))
    assert caught.value.code == "unsupported"


def test_a_kind_of_tiff_that_is_not_read_is_not_damage() -> None:
    tags = {
        256: ("I", 4), 257: ("I", 4), 258: ("H", (16, 16, 16)), 259: ("H", 34677),
        262: ("H", 32845), 277: ("H", 3), 278: ("I", 4), 339: ("H", (2, 2, 2)),
    }  # fmt: skip
    with pytest.raises(DecodeError, match="save it as") as caught:
        decode(tiff((tags, bytes(4 * 4 * 12))))
    assert caught.value.code == "unsupported"


def test_a_kind_of_heif_that_is_not_read_is_not_damage() -> None:
    data = GOOD["AVIF"]
    brands = int.from_bytes(data[:4], "big")
    hidden = data[:brands].replace(b"avif", b"mif1") + data[brands:]
    assert _attempt(hidden) == "unsupported"


def test_without_the_heif_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.imaging.open.available_extras", frozenset)
    with pytest.raises(DecodeError, match=r"safelight\[heif\]") as caught:
        decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert caught.value.code == "missing-extra"


def test_a_tiff_bomb_is_refused_before_it_is_decoded() -> None:
    tags = {256: ("I", 60_000), 257: ("I", 60_000), 258: ("H", 8), 262: ("H", 1), 278: ("I", 1)}
    assert _attempt(tiff((tags, bytes(100)))) == "too-large"


def test_a_webp_bomb_is_refused_before_it_is_decoded() -> None:
    # A canvas of 16,383 pixels squared, which is more than Pillow itself would begin with.
    canvas = (16_382).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + canvas + bytes(64)
    assert _attempt(b"RIFF" + struct.pack("<I", len(body)) + body) == "too-large"


def test_real_heic_photos_cut_anywhere_are_failures(real_photos: Path) -> None:
    data = (real_photos / "camera" / "heic" / "cheers_1440x960.heic").read_bytes()
    for part in range(5, 100, 10):
        assert _attempt(data[: len(data) * part // 100]) in ("truncated", "corrupt")
