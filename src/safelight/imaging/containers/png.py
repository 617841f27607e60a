"""PNG files by their chunks: the chunks of the picture, its colours, its frames.

Chunks: PNG, third edition (W3C, 2025). A viewer shows a picture whatever its other chunks hold, so
only IHDR, PLTE, IDAT and what says how to show them are given to the decoder.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.imaging.containers.tails import part, tail_parts
from safelight.types import Structure

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A picture of 2 GB in chunks of 8 kB has so many.
_MOST_CHUNKS = 262_144

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\0\0\0\0IEND\xaeB`\x82"

#: Given to the decoder as they are.
_NEEDED = frozenset((b"IHDR", b"PLTE", b"IDAT"))

#: Bytes of EXIF data that are given to it, and of transparency by the type of colour.
_MOST_EXIF = 2**20
_TRANSPARENCY = {0: range(2, 3), 2: range(6, 7), 3: range(1, 257)}

#: Chunks of text that hold EXIF or XMP data, and how many bytes of them are unpacked.
_TEXT = frozenset((b"tEXt", b"zTXt", b"iTXt"))
_MOST_TEXT = 2**20
_MOST_PROFILE = 2**24

_KEYS = (
    *(b"Raw profile type " + kind for kind in (b"exif", b"xmp", b"iptc")),  # of ImageMagick
    b"XML:com.adobe.xmp",
    b"Creation Time",
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: its type, and where it and its data begin and end."""

    kind: bytes
    start: int
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class PngColours:
    """Colour chunks of a PNG, as they stand in it.

    Attributes
    ----------
    profile : bytes or None
        An ICC profile.
    srgb : bool
    gamma : float or None
    chromaticities : tuple of float or None
        White, red, green, blue: x and y of each.
    cicp : tuple of int or None
        Primaries, transfer function, matrix, full range (ITU-T H.273).
    """

    profile: bytes | None = None
    srgb: bool = False
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None
    cicp: tuple[int, int, int, int] | None = None


def chunks(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks up to IEND, or to where the file ends; the last may be cut."""
    at = len(_SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            return
        length = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if not kind.isalpha():
            return
        yield Chunk(kind, at, at + 8, at + 8 + length)
        if kind == b"IEND":
            return
        at += 12 + length


def decodable(data: bytes) -> bytes:
    """Return a PNG with nothing in it that could fail the picture but what codes the picture."""
    pieces: list[bytes | memoryview] = [_SIGNATURE]
    view = memoryview(data)
    plain, before_picture = True, True
    for chunk in chunks(data):
        if chunk.kind == b"IEND":
            break
        before_picture &= chunk.kind != b"IDAT"
        # Behind the picture, transparency comes too late: viewers have shown it by then.
        is_late = chunk.kind == b"tRNS" and not before_picture
        if chunk.kind in _NEEDED or (not is_late and _is_welcome(data, chunk)):
            pieces.append(view[chunk.start : chunk.end + 4])
        elif (text := _metadata_text(data, chunk)) is not None:
            # What stands behind the picture is read without decoding it if it stands before.
            pieces.insert(len(pieces) if before_picture else 2, text)
            plain = False
        else:
            plain = False
    if plain and data.endswith(_END):
        return data
    pieces.append(_END)
    return b"".join(pieces)


def with_right_checksum(data: bytes) -> bytes | None:
    """Return a PNG whose packed data are whole, but for the checksum at their end; else None.

    Every viewer shows it. If the chunks' own checksums are right, it was written like that, and
    nothing was damaged since.
    """
    found = list(chunks(data))
    head = next((each for each in found if each.kind == b"IHDR"), None)
    packed = b"".join(data[each.at : each.end] for each in found if each.kind == b"IDAT")
    sound = all(_is_sound(data, each) for each in found if each.kind == b"IDAT")
    if head is None or head.end - head.at != 13 or not sound:
        return None
    width, height, depth, colour = struct.unpack_from(">IIBB", data, head.at)
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 4)
    # Interlaced, there are up to seven passes, each with a byte a row more.
    most = height * ((width * bits + 7) // 8 + 1) + 15 * (width + height)
    try:
        plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed[2:], most)
    except zlib.error:
        return None
    before, after = (
        b"".join(
            data[each.start : each.end + 4]
            for each in found
            if each.kind not in (b"IDAT", b"IEND") and (each.kind in (b"IHDR", b"PLTE")) is first
        )
        for first in (True, False)
    )
    return _SIGNATURE + before + after + _chunk(b"IDAT", zlib.compress(plain, 0)) + _END


def _is_welcome(data: bytes, chunk: Chunk) -> bool:
    size = chunk.end - chunk.at
    if chunk.kind == b"tRNS":
        return size in _TRANSPARENCY.get(data[25], ()) and _is_sound(data, chunk)
    return chunk.kind == b"eXIf" and size <= _MOST_EXIF and _is_sound(data, chunk)


def _is_sound(data: bytes, chunk: Chunk) -> bool:
    if chunk.end + 4 > len(data):
        return False
    checksum = int.from_bytes(data[chunk.end : chunk.end + 4], "big")
    return zlib.crc32(memoryview(data)[chunk.start + 4 : chunk.end]) == checksum


def _metadata_text(data: bytes, chunk: Chunk) -> bytes | None:
    """Return a text chunk with EXIF or XMP data as one that is not packed; None of any other."""
    if chunk.kind not in _TEXT or chunk.end > len(data):
        return None
    body = data[chunk.at : min(chunk.end, chunk.at + _MOST_TEXT)]
    key, _, rest = body.partition(b"\0")
    if key not in _KEYS or not _is_sound(data, chunk):
        return None
    if chunk.kind == b"zTXt":
        text = _unpacked(rest[1:], _MOST_TEXT)
        return None if text is None else _chunk(b"tEXt", key + b"\0" + text)
    if chunk.kind == b"iTXt":
        packed, rest = rest[:1], rest[2:]
        _, _, rest = rest.partition(b"\0")
        _, _, rest = rest.partition(b"\0")
        text = _unpacked(rest, _MOST_TEXT) if packed == b"\1" else rest
        return None if text is None else _chunk(b"iTXt", key + b"\0\0\0\0\0" + text)
    return _chunk(b"tEXt", body)


def _unpacked(packed: bytes, most: int) -> bytes | None:
    """Return unpacked data; None if it is damaged, or above a limit."""
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(packed, most)
    except zlib.error:
        return None
    return plain if unpacker.eof else None


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def png_colours(data: bytes) -> PngColours:
    """Return a PNG's colour data; a damaged or second chunk of a kind is ignored."""
    profile, srgb, gamma, chromaticities, cicp = None, False, None, None, None
    seen: set[bytes] = set()
    for chunk in chunks(data):
        if chunk.kind in (b"IDAT", b"IEND"):  # what says something of colours comes before
            break
        if chunk.kind not in (b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP"):
            continue
        if chunk.kind in seen or not _is_sound(data, chunk):
            continue
        seen.add(chunk.kind)
        body = data[chunk.at : chunk.end]
        if chunk.kind == b"iCCP":
            _, _, rest = body.partition(b"\0")
            profile = _unpacked(rest[1:], _MOST_PROFILE)
            # An invalid profile says nothing; the gamma does then.
            profile = profile if profile and profile[36:40] == b"acsp" else None
        elif chunk.kind == b"sRGB" and len(body) == 1:
            srgb = True
        elif chunk.kind == b"gAMA" and len(body) == 4:
            gamma = int.from_bytes(body, "big") / 100_000 or None
        elif chunk.kind == b"cHRM" and len(body) == 32:
            chromaticities = tuple(each / 100_000 for each in struct.unpack(">8I", body))
        elif chunk.kind == b"cICP" and len(body) == 4:
            primaries, transfer, matrix, full = body
            cicp = (primaries, transfer, matrix, full)
    return PngColours(profile, srgb, gamma, chromaticities, cicp)


def png_structure(data: bytes) -> Structure:
    """Return the structure of a PNG file; whether it is transparent only its pixels tell."""
    depth, frames, has_own_frame, end = 8, 0, False, 0
    view = memoryview(data)
    shared: list[memoryview] = []
    pieces: list[memoryview] = []
    before_picture = True
    for chunk in chunks(data):
        body = view[chunk.at : chunk.end]
        if chunk.kind == b"IHDR":
            depth = max(8, data[chunk.at + 8])
        elif chunk.kind == b"IDAT":
            before_picture = False
        elif chunk.kind == b"fcTL":
            # The picture is the first frame if a frame's header stands before it.
            has_own_frame |= before_picture
            frames += 1
            pieces.append(body[4:])
        elif chunk.kind == b"fdAT":
            pieces.append(body[4:])
        elif chunk.kind in (b"PLTE", b"tRNS"):  # what all frames share
            shared.append(body)
        end = chunk.end + 4
    further = frames - has_own_frame
    parts = [part("frames", [*shared, *pieces], further)] if further > 0 else []
    if end < len(data):
        parts += tail_parts(view[end:])
    return Structure(depth, parts=tuple(parts))
