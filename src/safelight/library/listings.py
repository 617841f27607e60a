"""Lists as they were at one moment, kept in memory so that their pages fit together.

Whatever is written between two pages, a list that is kept has every item at one place. It is kept
for an hour after it was last read, and as long as there is room; a cursor can go on without it
where the order of a list is that of its items' own values.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.library.browse import Card, Filter, cards, matching
from safelight.library.cursors import expired, list_query, read_cursor, write_cursor
from safelight.library.items import item_keys
from safelight.library.ordering import places_of, sort_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence, Sized

    from safelight.library.database import Database

    Keys = np.ndarray[Any, np.dtype[np.int64]]

#: Seconds that a list is kept after it was last read.
KEPT_FOR = 3600.0

#: Items of all lists that are kept together: 64 MB of keys.
KEPT_ITEMS = 8_000_000

#: Lists that are kept, however short they are.
KEPT_LISTS = 1000

#: Of a page, how many of the last photos are tried for a place to go on from.
_LAST = 8


@dataclass(slots=True)
class _Kept:
    query: bytes
    items: Any
    size: int
    read_at: float = field(default_factory=time.monotonic)


class Listings:
    """Lists by name; the least recently read go first.

    Parameters
    ----------
    seconds : float
        For which a list is kept after it was last read.
    items, lists : int
        How many are kept together.
    """

    def __init__(
        self, *, seconds: float = KEPT_FOR, items: int = KEPT_ITEMS, lists: int = KEPT_LISTS
    ) -> None:
        self._seconds, self._most, self._lists = seconds, items, lists
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._last: dict[bytes, str] = {}  # the list that was kept last, by query
        self._size = 0

    def keep(self, query: bytes, items: Sized, name: str | None = None) -> str:
        """Return the name by which a list is kept; the same object has the same name.

        Parameters
        ----------
        name : str, optional
            That of a list that may be longer now.
        """
        with self._lock:
            name = name or self._last.get(query, "")
            kept = self._kept.get(name)
            if kept is not None and kept.items is items:
                self._size += len(items) - kept.size
                kept.size = len(items)
                kept.read_at = time.monotonic()
                self._kept.move_to_end(name)
                return name
            name = self._last[query] = secrets.token_hex(8)
            self._kept[name] = _Kept(query, items, len(items))
            self._size += len(items)
            while len(self._kept) > 1 and (
                self._size > self._most
                or len(self._kept) > self._lists
                or next(iter(self._kept.values())).read_at < time.monotonic() - self._seconds
            ):
                old, gone = self._kept.popitem(last=False)
                self._size -= gone.size
                if self._last.get(gone.query) == old:
                    del self._last[gone.query]
        return name

    def find(self, query: bytes, name: str) -> Any:
        """Return the list of a name if it is kept and of this query; else None."""
        with self._lock:
            kept = self._kept.get(name)
            if kept is None or kept.query != query:
                return None
            if kept.read_at < time.monotonic() - self._seconds:
                return None
            kept.read_at = time.monotonic()
            self._kept.move_to_end(name)
            return kept.items


@dataclass(frozen=True, slots=True)
class PhotoPage:
    """A page of photos.

    Attributes
    ----------
    cards : tuple of Card
        Without photos that are gone since the list was made.
    next : str or None
        The cursor of the next page.
    total : int
        Photos in the list, when it was made.
    start : int
        Photos before this page.
    snapshot : str
        The name of the list.
    """

    cards: tuple[Card, ...]
    next: str | None
    total: int
    start: int
    snapshot: str


def page_of_photos(
    library: Database,
    listings: Listings,
    where: Filter,
    order: str,
    *,
    limit: int,
    cursor: str | None = None,
    snapshot: str | None = None,
    offset: int = 0,
    around: str | None = None,
    listed: Callable[[], Keys] | None = None,
) -> PhotoPage:
    """Return a page of photos in order.

    Parameters
    ----------
    cursor : str, optional
        Where to go on. If the list is no longer kept, what comes behind the place of the last
        photo is listed again.
    snapshot : str, optional
        The name of a list, of which the page begins at `offset`.
    around : str, optional
        A photo's id: the page that has it, if one has; pages begin at multiples of `limit`.
    listed : callable, optional
        Returns the keys of the whole list, for those who have it in memory.

    Raises
    ------
    UsageError
        With the code ``cursor``: it is broken, or of another list.
    LibraryError
        With the code ``cursor-expired``: the snapshot is no longer kept.
    """
    query = list_query(library, "photos", where.key, order)
    start = offset
    if cursor is not None:
        name, start, place = read_cursor(query, cursor, str, int, list)
        keys = listings.find(query, name)
        if keys is None:
            keys, start = _behind(library, where, order, place)
            name = listings.keep(query, keys)
    elif snapshot is not None:
        name, keys = snapshot, listings.find(query, snapshot)
        if keys is None:
            raise expired("The snapshot")
    else:
        keys = listed() if listed is not None else _listed(library, where, order)
        name = listings.keep(query, keys)
    if around:
        key = item_keys(library.connection, [around]).get(around, -1)
        at = np.flatnonzero(keys == key)
        start = int(at[0]) // limit * limit if len(at) else start
    part = keys[start : start + limit].tolist()
    following = None
    if start + limit < len(keys):
        last = _last_place(library, part, order, where)
        following = write_cursor(query, (name, start + limit, last))
    page = tuple(cards(library, part, where.namespaces))
    return PhotoPage(page, following, len(keys), start, name)


@dataclass(frozen=True, slots=True)
class IdPage:
    """A page of a list of ids.

    Attributes
    ----------
    ids : tuple of str
    next : str or None
        The cursor of the next page.
    total : int
        Ids in the list, when it was made.
    """

    ids: tuple[str, ...]
    next: str | None
    total: int


def page_of_ids(
    listings: Listings,
    query: bytes,
    listed: Sequence[str],
    *,
    limit: int,
    cursor: str | None = None,
) -> IdPage:
    """Return a page of a list whose order may change, as it was when its first page was asked for.

    Parameters
    ----------
    listed : sequence of str
        The list as it is now, of short ids. It is gone through if the former one is no longer
        kept, from behind the last id of the page before that is still there.

    Raises
    ------
    UsageError
        With the code ``cursor``: it is broken, or of another list.
    LibraryError
        With the code ``cursor-expired``: the list is no longer kept, and none of those ids there.
    """
    start, ids = 0, listed
    if cursor is None:
        name = listings.keep(query, listed) if len(listed) > limit else ""
    else:
        name, start, last = read_cursor(query, cursor, str, int, list)
        kept: Sequence[str] | None = listings.find(query, name)
        if kept is not None:
            ids = kept
        else:
            places = {each: place for place, each in enumerate(listed)}
            there = [places[each] for each in reversed(last) if each in places]
            if not there:
                raise expired("The cursor")
            start = there[0] + 1
            name = listings.keep(query, ids)
    page = tuple(ids[start : start + limit])
    following = None
    if start + limit < len(ids):
        following = write_cursor(query, (name, start + limit, page[-_LAST:]))
    return IdPage(page, following, len(ids))


def _listed(library: Database, where: Filter, order: str) -> Keys:
    return np.asarray(matching(library, where, order), np.int64)


def _behind(library: Database, where: Filter, order: str, place: Sequence[Any]) -> tuple[Keys, int]:
    """Return a list as it is now, and how many photos are not behind a place."""
    keys = _listed(library, where, order)
    columns = sort_columns(library, order, where.namespaces)
    if len(place) != len(columns.columns) or not all(
        isinstance(value, int | float | str) for value in place
    ):
        raise expired("The cursor")
    behind = set(matching(library, where, order, place))
    start = next((at for at, key in enumerate(keys.tolist()) if key in behind), len(keys))
    return keys, start


def _last_place(library: Database, keys: Sequence[int], order: str, where: Filter) -> list[Any]:
    """Return the place of the last photo that is still there; an empty one if none is."""
    columns = sort_columns(library, order, where.namespaces)
    for key in reversed(keys[-_LAST:]):  # mostly the first of them is there
        place = places_of(library, [key], columns).get(key)
        if place is not None and None not in place:
            return list(place)
    return []
