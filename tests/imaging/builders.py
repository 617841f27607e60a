"""Files that no encoder at hand writes, put together from their parts."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tests.imaging.pictures import save

if TYPE_CHECKING:
    from collections.abc import Sequence


def chunk(kind: bytes, body: bytes, *, crc: int | None = None) -> bytes:
    """A chunk of a PNG."""
    checksum = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def png(pixels: Any, extra: bytes = b"", *, after: bytes = b"", end: bool = True) -> bytes:
    """A PNG of 8 or 16 bits with other chunks before and after its data."""
    pixels = np.asarray(pixels)
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    depth = 8 * pixels.dtype.itemsize
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + extra
        + chunk(b"IDAT", zlib.compress(raw))
        + after
        + (chunk(b"IEND", b"") if end else b"")
    )


def film(seed: int = 0, size: int = 5000) -> bytes:
    """The beginning of an MP4 film, and noise."""
    noise = np.random.default_rng(seed).bytes(size)
    return box(b"ftyp", b"mp42\0\0\0\0mp42isom") + box(b"mdat", noise)


def box(kind: bytes, body: bytes) -> bytes:
    """A box of an ISO media file."""
    return struct.pack(">I", 8 + len(body)) + kind + body


def samsung(jpeg: bytes, movie: bytes) -> bytes:
    """A motion photo as Samsung's phones write it."""
    name = b"MotionPhoto_Data"
    entry = b"\0\0\x30\x0a" + struct.pack("<I", len(name)) + name + movie
    directory = b"SEFH" + struct.pack("<III", 107, 1, 0) + struct.pack(
        "<HHII", 0, 0x0A30, len(entry), len(entry)
    )  # fmt: skip
    return jpeg + entry + directory + struct.pack("<I", len(directory)) + b"SEFT"


def multi_picture(first: bytes, *others: tuple[int, bytes]) -> bytes:
    """A multi-picture JPEG: further pictures, each with its type, behind the first."""
    count = 1 + len(others)
    header = 4 + 4 + 2 + 3 * 12 + 4
    size = header + 16 * count
    segment = 2 + 2 + 4 + size
    base = 2 + 2 + 2 + 4  # of the first picture, behind SOI, marker, length, "MPF\0"
    start = len(first) + segment
    entries = struct.pack("<IIIHH", 0x20030000, start, 0, 0, 0)
    for kind, data in others:
        entries += struct.pack("<IIIHH", kind, len(data), start - base, 0, 0)
        start += len(data)
    directory = struct.pack("<H", 3)
    directory += struct.pack("<HHI4s", 0xB000, 7, 4, b"0100")
    directory += struct.pack("<HHII", 0xB001, 4, 1, count)
    directory += struct.pack("<HHII", 0xB002, 7, 16 * count, header)
    body = b"MPF\0II*\0" + struct.pack("<I", 8) + directory + bytes(4) + entries
    app2 = b"\xff\xe2" + struct.pack(">H", 2 + len(body)) + body
    return first[:2] + app2 + first[2:] + b"".join(data for _, data in others)


def animation(frames: Sequence[Any], form: str = "GIF", **options: Any) -> bytes:
    """An animation of some pictures."""
    first, *others = (
        each if isinstance(each, Image.Image) else Image.fromarray(each) for each in frames
    )
    return save(first, form, save_all=True, append_images=others, **options)


def heif(
    items: Sequence[tuple[int, bytes, bytes]],
    references: Sequence[tuple[bytes, int, tuple[int, ...]]] = (),
    properties: Sequence[tuple[int, bytes, bytes]] = (),
    *,
    primary: int = 1,
    after: bytes = b"",
) -> bytes:
    """A HEIF file by its boxes: items (id, type, data) that nobody can decode.

    `references` are type, item, other items; `properties` item, type, content.
    """

    def full(kind: bytes, body: bytes, version: int = 0) -> bytes:
        return box(kind, bytes([version, 0, 0, 0]) + body)

    infos = b"".join(
        full(b"infe", struct.pack(">HH4s", item, 0, kind) + b"\0", 2) for item, kind, _ in items
    )
    held = b"".join(box(kind, content) for _, kind, content in properties)
    owners = sorted({item for item, _, _ in properties})
    used = struct.pack(">I", len(owners))
    for owner in owners:
        own = [at for at, (item, _, _) in enumerate(properties, 1) if item == owner]
        used += struct.pack(">HB", owner, len(own)) + bytes(own)
    links = b"".join(
        box(kind, struct.pack(f">HH{len(onto)}H", of, len(onto), *onto))
        for kind, of, onto in references
    )
    boxes = full(b"hdlr", bytes(4) + b"pict" + bytes(13)) + full(
        b"pitm", struct.pack(">H", primary)
    )
    boxes += full(b"iinf", struct.pack(">H", len(items)) + infos)
    boxes += full(b"iref", links) if links else b""
    boxes += box(b"iprp", box(b"ipco", held) + full(b"ipma", used))
    head = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    place = 8 + 4 + 2 + 2 + 14 * len(items)
    start = len(head) + 8 + 4 + len(boxes) + place + 8
    places = b"\x44\0" + struct.pack(">H", len(items))
    for item, _, data in items:
        places += struct.pack(">HHHII", item, 0, 1, start, len(data))
        start += len(data)
    boxes += full(b"iloc", places)
    media = box(b"mdat", b"".join(data for _, _, data in items))
    return head + full(b"meta", boxes) + media + after


def opened(data: bytes) -> Image.Image:
    """Open a file with Pillow."""
    return Image.open(io.BytesIO(data))
