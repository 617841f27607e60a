"""Camera RAW: a small DNG with an embedded preview, written here tag by tag."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from safelight.errors import DecodeError
from safelight.imaging import decode

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8}


def _directory(at: int, tags: dict[int, tuple[int, bytes]]) -> bytes:
    """One TIFF directory that begins at the offset `at`: its entries, then their long values."""
    entries, values = b"", b""
    start = at + 2 + 12 * len(tags) + 4
    for tag in sorted(tags):
        kind, content = tags[tag]
        count = len(content) // _SIZES[kind]
        if len(content) <= 4:
            field = content.ljust(4, b"\0")
        else:
            field = struct.pack("<I", start + len(values))
            values += content + bytes(len(content) % 2)
        entries += struct.pack("<HHI", tag, kind, count) + field
    return struct.pack("<H", len(tags)) + entries + bytes(4) + values


def _dng(preview: bytes | None, orientation: int = 1) -> bytes:
    width, height = 96, 64
    short, long = (lambda v: (3, struct.pack("<H", v))), (lambda v: (4, struct.pack("<I", v)))
    sensor = np.full((height, width), 2000, "<u2").tobytes()

    def build(sensor_at: int, preview_at: int, inner_at: int) -> tuple[bytes, bytes]:
        main = {
            254: long(0),
            256: long(width),
            257: long(height),
            258: short(16),
            259: short(1),
            262: short(32803),
            271: (2, b"Maker\0"),
            272: (2, b"Camera\0"),
            273: long(sensor_at),
            274: short(orientation),
            277: short(1),
            278: long(height),
            279: long(len(sensor)),
            306: (2, b"2021:03:04 05:06:07\0"),
            33421: (3, struct.pack("<HH", 2, 2)),
            33422: (1, b"\0\1\1\2"),
            50706: (1, b"\1\4\0\0"),
            50708: (2, b"Maker Camera\0"),
            50717: long(4095),
            50721: (10, struct.pack("<18i", *(n for v in np.eye(3).ravel() for n in (int(v), 1)))),
            50778: short(21),
        }
        if preview is not None:
            main[330] = long(inner_at)
        inner = {
            254: long(1),
            256: long(480),
            257: long(320),
            258: (3, struct.pack("<HHH", 8, 8, 8)),
            259: short(7),
            262: short(6),
            273: long(preview_at),
            277: short(3),
            278: long(320),
            279: long(len(preview or b"")),
        }
        return _directory(8, main), _directory(inner_at, inner)

    main, inner = build(0, 0, 0)
    inner_at = 8 + len(main)
    sensor_at = inner_at + len(inner)
    main, inner = build(sensor_at, sensor_at + len(sensor), inner_at)
    return b"II*\0" + struct.pack("<I", 8) + main + inner + sensor + (preview or b"")


def _preview() -> bytes:
    pixels = np.zeros((320, 480, 3), np.uint8)
    pixels[:, :240] = (200, 30, 30)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=95)
    return out.getvalue()


@pytest.mark.parametrize(
    ("orientation", "size", "red_at"),
    [(1, (96, 64), (160, 60)), (6, (64, 96), (60, 160)), (8, (64, 96), (420, 160)),
     (3, (96, 64), (160, 420))],
)  # fmt: skip
def test_the_preview_is_taken_and_is_upright(orientation, size, red_at) -> None:
    frame = decode(_dng(_preview(), orientation))
    assert frame.format == "RAW"
    assert (frame.width, frame.height) == size
    assert sorted(frame.pixels.shape[:2]) == [320, 480]
    assert frame.pixels[red_at][0] > 150
    assert frame.exif.camera_make == "Maker"
    assert frame.exif.taken_at == "2021-03-04T05:06:07"


def test_a_raw_file_without_a_preview_says_so() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(_dng(None))
    assert caught.value.code == "no-preview"


def test_a_damaged_raw_file_is_a_failure() -> None:
    with pytest.raises(DecodeError):
        decode(_dng(_preview())[:900])


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.imaging.raw.available_extras", frozenset)
    with pytest.raises(DecodeError, match=r"safelight\[raw\]") as caught:
        decode(_dng(_preview()))
    assert caught.value.code == "missing-extra"
