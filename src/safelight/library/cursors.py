"""Cursors: opaque texts that tell where a list goes on.

A cursor belongs to one query of one library. It carries the place of the last item, and a digest of
both, so that a broken one and one of another query are refused. It holds nothing else: no path, no
token, nothing that its reader may not know.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from safelight.errors import LibraryError, UsageError
from safelight.library.outbox import library_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.library.database import Database

Row = TypeVar("Row")

# The event loop of a server asks for one with each search, and is not to wait for a look-up.
_IDS: WeakKeyDictionary[Database, str] = WeakKeyDictionary()

_DIGEST = 9  # bytes, three of which make four characters

#: Characters of the longest cursor.
LONGEST = 2000


def list_query(library: Database, name: str, *parts: object) -> bytes:
    """Return the digest of a list and its filters, which its cursors belong to.

    Parameters
    ----------
    name : str
        Of the list.
    parts : object
        Whatever decides its items and their order; their ``repr`` counts.
    """
    known = _IDS.get(library)
    if known is None:
        known = _IDS[library] = library_id(library)
    text = repr((known, name, parts))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def write_cursor(query: bytes, place: Sequence[object]) -> str:
    """Return the cursor for a place, JSON-ready values, in a list."""
    body = json.dumps(list(place), ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_digest(query, body) + body).decode().rstrip("=")


def read_cursor(query: bytes, cursor: str, *kinds: type | tuple[type, ...]) -> list[Any]:
    """Return the place that a cursor of this query names.

    Parameters
    ----------
    kinds : type or tuple of type
        Of each of its values.

    Raises
    ------
    UsageError
        With the code ``cursor``: it is broken, or of another query.
    """
    place = _place(query, cursor)
    if place is None or len(place) != len(kinds) or not all(map(isinstance, place, kinds)):
        raise UsageError(
            "The cursor is not one of this list with these filters. Send it with the parameters "
            "that it came from, or leave it out to begin again.",
            code="cursor",
        )
    return place


def cut(
    query: bytes, rows: Sequence[Row], limit: int, place: Callable[[Row], Sequence[object]]
) -> tuple[list[Row], str | None]:
    """Return a page of rows, of which one more than its limit was read, and the next cursor.

    Parameters
    ----------
    place : callable
        Returns the place of a row, which nothing changes as long as the row is there.
    """
    page = list(rows[:limit])
    if len(rows) <= limit:
        return page, None
    return page, write_cursor(query, place(page[-1]))


def expired(what: str) -> LibraryError:
    """Return the refusal of a cursor, or snapshot, that is too old."""
    return LibraryError(
        f"{what} is too old: the list was not kept for so long. Begin again, without it.",
        code="cursor-expired",
    )


def _place(query: bytes, cursor: str) -> list[Any] | None:
    if len(cursor) > LONGEST or not cursor.isascii():
        return None
    try:
        whole = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        body = whole[_DIGEST:]
        if _digest(query, body) != whole[:_DIGEST]:
            return None
        place = json.loads(body)
    except (binascii.Error, ValueError, RecursionError):
        return None
    return place if isinstance(place, list) else None


def _digest(query: bytes, body: bytes) -> bytes:
    return hashlib.sha256(query + body).digest()[:_DIGEST]
