"""GIF and WebP files by their blocks: the frames behind the first.

GIF: GIF89a specification (CompuServe, 1990). WebP: RFC 9649.
"""

from __future__ import annotations

from itertools import count as count_from
from typing import TYPE_CHECKING

from safelight.imaging.containers.tails import part, tail_parts
from safelight.types import Structure

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Chunks of a WebP file that code pictures.
_CODED = frozenset((b"VP8 ", b"VP8L", b"ALPH", b"ANMF"))

#: So many blocks may be of any size.
_FEW_BLOCKS = 100_000

_EXTENSION, _PICTURE, _GRAPHIC_CONTROL = 0x21, 0x2C, 0xF9


def gif_structure(data: bytes) -> Structure:
    """Return the structure of a GIF file; whether it is transparent only its pixels tell."""
    view = memoryview(data)
    pieces: list[memoryview] = []
    pictures, end = 0, len(data)
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    head = view[:at]  # with the colours that all frames share
    while at < len(data):
        start = at
        if data[at] == _EXTENSION:
            kind = data[at + 1]
            at = _blocks_end(data, at + 2)
            if kind == _GRAPHIC_CONTROL:  # how long, and what is left of it for the next
                pieces.append(view[start:at])
        elif data[at] == _PICTURE:
            flags = data[at + 9]
            at += 10 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
            at = _blocks_end(data, at + 1)
            pictures += 1
            if pictures > 1:
                pieces.append(view[start:at])
        else:
            end = at + 1
            break
    parts = []
    if pictures > 1:
        parts.append(part("frames", [head, *pieces], pictures - 1))
    if end < len(data):
        parts += tail_parts(view[end:])
    return Structure(parts=tuple(parts))


def _blocks_end(data: bytes, at: int) -> int:
    start = at
    for count in count_from(1):
        if at >= len(data) or not data[at]:
            break
        at += 1 + data[at]
        # Encoders fill blocks of 255 bytes; blocks of one byte were made to take forever.
        if count > _FEW_BLOCKS and at - start < 8 * count:
            raise ValueError("blocks too small")
    return at + 1


def webp_structure(data: bytes) -> Structure:
    """Return the structure of a WebP file; whether it is transparent only its pixels tell."""
    view = memoryview(data)
    frames, pieces = 0, []
    for kind, start, end in _chunks(data):
        if kind != b"ANMF":
            continue
        frames += 1
        # Of the first frame, how long it is shown; the others as they are.
        pieces.append(view[start + 12 : start + 16] if frames == 1 else view[start:end])
    parts = [part("frames", pieces, frames - 1)] if frames > 1 else []
    whole = 8 + int.from_bytes(data[4:8], "little")
    if whole < len(data):
        parts += tail_parts(view[whole + whole % 2 :])
    return Structure(parts=tuple(parts))


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Return the size of a WebP file's canvas; None: its head is damaged."""
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = (int.from_bytes(body[at : at + 2], "little") for at in (6, 8))
        return width & 0x3FFF, height & 0x3FFF
    return None


def webp_decodable(data: bytes) -> bytes:
    """Return a WebP file that says how long it is, if all that codes its pictures is there."""
    if 8 + int.from_bytes(data[4:8], "little") <= len(data):
        return data
    end = 12
    for kind, _, stop in _chunks(data):
        if stop > len(data):
            if kind in _CODED:
                return data
            break
        end = stop + stop % 2
    body = data[8:end].ljust(end - 8, b"\0")
    return data if end == 12 else data[:4] + len(body).to_bytes(4, "little") + body


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], at + 8, at + 8 + size
        at += 8 + size + size % 2
