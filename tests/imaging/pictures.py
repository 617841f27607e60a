"""Photos that the tests make themselves: a picture, its files, and how alike two pictures are."""

from __future__ import annotations

import io
import struct
from functools import cache
from typing import Any

import numpy as np
from PIL import Image


@cache
def picture(width: int = 160, height: int = 112) -> Any:
    """A picture of smooth colours without any symmetry, (height, width, 3) uint8."""
    y, x = np.mgrid[:height, :width]
    red = 255 * x / (width - 1)
    green = 255 * y / (height - 1)
    blue = 127 + 120 * np.sin(5 * x / width + 9 * (y / height) ** 2)
    pixels = np.rint(np.stack([red, green, blue], axis=-1)).astype(np.uint8)
    pixels.flags.writeable = False
    return pixels


def save(image: Any, form: str, **options: Any) -> bytes:
    """The bytes of a file of `image`, a Pillow image or pixels."""
    if not isinstance(image, Image.Image):
        image = Image.fromarray(np.ascontiguousarray(image))
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def likeness(one: Any, other: Any) -> float:
    """Peak signal to noise ratio of two pictures of the same shape, in dB."""
    assert one.shape == other.shape
    error = np.mean((np.asarray(one, np.float64) - np.asarray(other, np.float64)) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


#: The tags of one TIFF directory, as (type, value), and the data that they describe.
Directory = tuple[dict[int, tuple[str, Any]], bytes]

_TYPES = {"B": 1, "s": 2, "H": 3, "I": 4, "i": 10}


def tiff(main: Directory, *inner: Directory) -> bytes:
    """A little-endian TIFF of a main directory and others within it, one strip each."""
    body = bytearray(b"II*\0\0\0\0\0")

    def put(data: bytes) -> int:
        body.extend(bytes(len(body) % 2))
        body.extend(data)
        return len(body) - len(data)

    def put_directory(tags: dict[int, tuple[str, Any]], data: bytes) -> int:
        if data:
            tags = {**tags, 273: ("I", put(data)), 279: ("I", len(data))}
        entries = b""
        for tag, (kind, value) in sorted(tags.items()):
            values = value if isinstance(value, tuple | bytes) else (value,)
            content = value if kind == "s" else struct.pack(f"<{len(values)}{kind}", *values)
            count = len(values) // 2 if kind == "i" else len(values)  # rationals are pairs
            field = struct.pack("<I", put(content)) if len(content) > 4 else content.ljust(4, b"\0")
            entries += struct.pack("<HHI", tag, _TYPES[kind], count) + field
        return put(struct.pack("<H", len(tags)) + entries + bytes(4))

    tags, data = main
    if inner:
        tags = {**tags, 330: ("I", tuple(put_directory(*each) for each in inner))}
    struct.pack_into("<I", body, 4, put_directory(tags, data))
    return bytes(body)


def dng(*previews: bytes, orientation: int = 1, sensor_first: bool = True) -> bytes:
    """A small DNG of 96 x 64 pixels: as cameras write them, or with a preview in front."""
    width, height = 96, 64
    sensor: Directory = (
        {
            254: ("I", 0), 256: ("I", width), 257: ("I", height), 258: ("H", 16), 259: ("H", 1),
            262: ("H", 32803), 277: ("H", 1), 278: ("I", height), 33421: ("H", (2, 2)),
            33422: ("B", b"\0\1\1\2"),
        },
        np.full((height, width), 2000, "<u2").tobytes(),
    )  # fmt: skip
    about: dict[int, tuple[str, Any]] = {
        271: ("s", b"Maker\0"), 272: ("s", b"Camera\0"), 274: ("H", orientation),
        306: ("s", b"2021:03:04 05:06:07\0"), 50706: ("B", b"\1\4\0\0"),
        50708: ("s", b"Maker Camera\0"), 50778: ("H", 21),
        50721: ("i", (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)),
    }  # fmt: skip
    parts = [_preview(preview) for preview in previews]
    parts.insert(0 if sensor_first else 1, sensor)
    (tags, data), *inner = parts
    return tiff(({**tags, **about}, data), *inner)


def _preview(jpeg: bytes) -> Directory:
    width, height = Image.open(io.BytesIO(jpeg)).size
    tags = {
        254: ("I", 1), 256: ("I", width), 257: ("I", height), 258: ("H", (8, 8, 8)),
        259: ("H", 7), 262: ("H", 6), 277: ("H", 3), 278: ("I", height),
    }  # fmt: skip
    return tags, jpeg
