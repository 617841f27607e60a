"""Originals: a photo's file sent as it is, whole or in parts, under its name."""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from fastapi.responses import Response, StreamingResponse

from safelight.files import open_regular
from safelight.imaging.media_types import HEAD, media_type
from safelight.library.originals import open_original, original_paths
from safelight.server.conditions import allows_range, conditional_status, http_date
from safelight.server.errors import Problem
from safelight.server.ranges import Piece, parse_range, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from starlette.types import Receive, Scope, Send

    from safelight.library.database import Database

_CHUNK = 1 << 18

#: Files whose digest was compared lately; for each a path and four numbers.
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """An open file that holds a photo's bytes.

    Attributes
    ----------
    file : binary file
    name : str
    size : int
    modified : float
        Seconds since 1970.
    media_type : str
    """

    file: IO[bytes]
    name: str
    size: int
    modified: float
    media_type: str


class Verified:
    """The files that were read whole and found to be their photos.

    A viewer asks for a large file in hundreds of parts. It is read to its end once, and again when
    its size, its times or its inode have changed.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], tuple[int, ...]] = OrderedDict()

    def open(
        self, library: Database, photo_id: str, namespaces: tuple[str, ...] | None
    ) -> Original:
        """Open the file of a photo; raises as :func:`safelight.library.originals.open_original`."""
        found = self._opened_before(library, photo_id, namespaces)
        if found is None:
            file, path = open_original(library, photo_id, namespaces)
            self._note(photo_id, path, file)
        else:
            file, path = found
        status = os.fstat(file.fileno())
        head = file.read(HEAD)
        file.seek(0)
        name = os.path.basename(path)
        return Original(file, name, status.st_size, status.st_mtime, media_type(head, name))

    def _opened_before(
        self, library: Database, photo_id: str, namespaces: tuple[str, ...] | None
    ) -> tuple[IO[bytes], str] | None:
        for path in original_paths(library, photo_id, namespaces):
            known = self._known.get((photo_id, path))
            if known is None:
                continue
            try:
                file = open_regular(path)
            except OSError:
                continue
            if _state(file) == known:
                return file, path
            file.close()
        return None

    def _note(self, photo_id: str, path: str, file: IO[bytes]) -> None:
        self._known[photo_id, path] = _state(file)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def answer(
    original: Original, photo_id: str, headers: Mapping[str, str], *, head_only: bool
) -> Response:
    """Return the answer to a request for an original.

    Parameters
    ----------
    headers : mapping
        Of the request.
    head_only : bool
        Whether it was a HEAD.

    Raises
    ------
    Problem
        With 412: it is not the version that the client insists on. With 416: nothing of what it
        asks for lies in the file.
    """
    size, kind = original.size, original.media_type
    etag = f'"{photo_id}"'
    own = {
        "ETag": etag,
        "Last-Modified": http_date(original.modified),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
    }
    status = conditional_status(headers, etag, original.modified)
    if status is not None:
        original.file.close()
        if status == 304:
            return Response(status_code=304, headers=own)
        raise Problem(412, "The photo's file is not the version that you asked for.", "condition")
    # Never shown in place, whatever it is: what is in it may be made to look like a page.
    own |= {"Content-Type": kind, "Content-Disposition": attachment(original.name)}
    pieces: tuple[Piece, ...] = (Piece(b"", 0, size),)
    length, status = size, 200
    if allows_range(headers, etag, original.modified):
        stretches = parse_range(headers.get("range"), size)
        if stretches == []:
            original.file.close()
            raise Problem(
                416,
                f"The file has {size} bytes, and none where you ask for some.",
                "range",
                {"Content-Range": f"bytes */{size}"},
            )
        if stretches is not None:
            parts = parts_of(stretches, size, kind)
            pieces, length, status = parts.pieces, parts.length, 206
            own |= parts.headers
    own["Content-Length"] = str(length)
    if head_only:
        original.file.close()
        return Response(status_code=status, headers=own)
    return _Sending(original, pieces, status, own)


def attachment(name: str) -> str:
    """Return the ``Content-Disposition`` of a file to be saved (RFC 6266, RFC 8187).

    >>> attachment("holidays 1.jpg")
    'attachment; filename="holidays 1.jpg"'
    """
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-") else "_" for c in name)
    if plain == name:
        return f'attachment; filename="{plain}"'
    coded = quote(name, safe="!#$&+-.^_`|~", errors="replace")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{coded}"


class _Sending(StreamingResponse):
    """An answer that closes its file, also if its client leaves before the first byte."""

    def __init__(
        self, original: Original, pieces: Sequence[Piece], status: int, headers: dict[str, str]
    ) -> None:
        super().__init__(_chunks(original, pieces), status_code=status, headers=headers)
        self._file = original.file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


def _chunks(original: Original, pieces: Sequence[Piece]) -> Iterator[bytes]:
    file = original.file
    for piece in pieces:
        if piece.text:
            yield piece.text
        if piece.start < piece.stop:
            file.seek(piece.start)
        left = piece.stop - piece.start
        while left > 0:
            chunk = file.read(min(_CHUNK, left))
            if not chunk:
                # The connection ends: the client sees that bytes are missing.
                raise OSError(f"{original.name} became shorter while it was sent")
            left -= len(chunk)
            yield chunk


def _state(file: IO[bytes]) -> tuple[int, ...]:
    found = os.fstat(file.fileno())
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
