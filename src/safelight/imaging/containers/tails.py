"""Content behind a picture's end: films, pictures, archives that programs append to a photo."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from safelight.types import Part

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Fewer bytes of no known kind are a program's note: a downloader's line.
_LEAST_DATA = 64

#: Samsung's phones end every photo with its time, in a block that ends with this; films make it
#: longer.
_SAMSUNG, _MOST_SAMSUNG = b"SEFT", 4096

_ARCHIVES = (b"PK\x03\x04", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"%PDF-")

#: Brands of ISO media files that hold sound only.
_SOUND_BRANDS = (b"M4A ", b"M4B ")


def part(kind: str, pieces: Iterable[bytes | memoryview], count: int = 1) -> Part:
    """Return a part with the size and the digest of some pieces of a file."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        # No file holds more than itself; pieces that lie on each other were made to take forever.
        if isinstance(piece, memoryview) and size > 2 * memoryview(piece.obj).nbytes:
            break
    return Part(kind, count, size, digest.hexdigest())


def tail_parts(tail: memoryview) -> list[Part]:
    """Return the parts that lie behind the end of a picture."""
    data = bytes(tail)
    if not data.strip(data[:1]):  # padding
        return []
    at = data.find(b"ftyp")
    if at >= 4:
        kind = "sound" if data[at + 4 : at + 8] in _SOUND_BRANDS else "film"
        return [part(kind, [tail[at - 4 :]])]
    if any(magic in data for magic in _ARCHIVES):
        return [part("archive", [tail])]
    if (at := data.find(b"\xff\xd8\xff")) >= 0:
        return [part(picture_kind(tail[at:]), [tail[at:]])]
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return [part("sound", [tail])]
    if len(data) < _LEAST_DATA or (data.endswith(_SAMSUNG) and len(data) <= _MOST_SAMSUNG):
        return []
    return [part("data", [tail])]


def picture_kind(jpeg: memoryview) -> str:
    """Return the purpose of a further JPEG in a file, by its own header."""
    head = bytes(jpeg[:65536]).lower()
    if b"hdrgm:" in head or b"hdrgainmap" in head or b"ts:21496:-1" in head:
        return "gain-map"
    if b"depth" in head or b"disparity" in head:
        return "depth-map"
    return "matte" if b"matte" in head else "picture"
