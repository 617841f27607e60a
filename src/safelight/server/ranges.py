"""Parts of a file: the ``Range`` of a request, and the answer that holds them (RFC 9110, 14)."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from itertools import pairwise

#: More parts than a viewer of large files asks for are answered with the whole.
_MOST = 16

_PART = re.compile(r"(\d{0,19})-(\d{0,19})")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer: bytes of our own, or a stretch of the file.

    Attributes
    ----------
    text : bytes
        What comes before the stretch.
    start, stop : int
        The stretch.
    """

    text: bytes
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Parts:
    """An answer with some parts of a file.

    Attributes
    ----------
    pieces : tuple of Piece
    length : int
        Of the whole answer, in bytes.
    headers : dict
    """

    pieces: tuple[Piece, ...]
    length: int
    headers: dict[str, str]


def parse_range(text: str | None, size: int) -> list[tuple[int, int]] | None:
    """Return the stretches (start, stop) that a ``Range`` asks for, in order.

    None: there is none, or none that is understood, and the whole is to be sent. An empty list:
    nothing of it lies in the file.

    >>> parse_range("bytes=0-4,-3", 100)
    [(0, 5), (97, 100)]
    >>> parse_range("bytes=200-", 100)
    []
    """
    if text is None:
        return None
    unit, is_there, wanted = text.partition("=")
    if not is_there or unit.strip().lower() != "bytes":
        return None
    asked = [each.strip() for each in wanted.split(",") if each.strip()]
    stretches = []
    for each in asked:
        found = _PART.fullmatch(each)
        if found is None or each == "-":
            return None
        first, last = found.groups()
        if not first:
            start, stop = max(0, size - int(last)), size
        else:
            start, stop = int(first), min(size, int(last) + 1) if last else size
            if last and int(last) < start:
                return None
        if start < stop:
            stretches.append((start, stop))
    if not asked or len(asked) > _MOST:
        return None
    return _joined(stretches)


def parts_of(stretches: list[tuple[int, int]], size: int, media_type: str) -> Parts:
    """Return the answer with these stretches of a file: one as it is, several as a multipart."""
    if len(stretches) == 1:
        start, stop = stretches[0]
        headers = {"Content-Type": media_type, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        return Parts((Piece(b"", start, stop),), stop - start, headers)
    boundary = secrets.token_hex(16)
    pieces = [
        Piece(
            f"\r\n--{boundary}\r\nContent-Type: {media_type}\r\n"
            f"Content-Range: bytes {start}-{stop - 1}/{size}\r\n\r\n".encode(),
            start,
            stop,
        )
        for start, stop in stretches
    ]
    pieces.append(Piece(f"\r\n--{boundary}--\r\n".encode(), 0, 0))
    length = sum(len(each.text) + each.stop - each.start for each in pieces)
    return Parts(
        tuple(pieces), length, {"Content-Type": f"multipart/byteranges; boundary={boundary}"}
    )


def _joined(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join stretches that overlap, so that no byte is sent twice; others keep their order."""
    ordered = sorted(stretches)
    if all(one[1] <= two[0] for one, two in pairwise(ordered)):
        return stretches
    joined = [ordered[0]]
    for start, stop in ordered[1:]:
        if start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined
