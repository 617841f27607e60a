"""Searches that go on: the hits of one are kept between its pages."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safelight.library.cursors import expired, read_cursor, write_cursor
from safelight.search.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from safelight.library.listings import Listings
    from safelight.search import Answer, Found


@dataclass(frozen=True, slots=True)
class RankedPage:
    """A page of hits; `total` is None as long as nobody knows how many there are.

    `more` tells whether there are matches behind it.
    """

    found: tuple[Found, ...]
    next: str | None
    total: int | None
    weak: bool
    more: bool
    notes: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Kept:
    ranking: Ranking = field(default_factory=Ranking)
    # Two requests for one page are one search.
    searching: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __len__(self) -> int:
        return len(self.ranking)


async def page_of_hits(
    listings: Listings,
    query: bytes,
    search: Callable[[int], Awaitable[Answer]],
    *,
    limit: int,
    cursor: str | None = None,
) -> RankedPage:
    """Return a page of the hits of a search.

    Parameters
    ----------
    search : callable
        Given how many of the nearest are wanted.

    Raises
    ------
    UsageError
        With the code ``cursor``: it is broken, or of another search.
    LibraryError
        With the code ``cursor-expired``: the hits are no longer kept.
    """
    start, name = 0, None
    kept: _Kept | None = _Kept()
    if cursor is not None:
        name, start = read_cursor(query, cursor, str, int)
        kept = listings.find(query, name)
    if kept is None:
        raise expired("The cursor")
    ranking = kept.ranking
    async with kept.searching:
        while (top := ranking.lacks(start + limit)) is not None:
            ranking.add(await search(top), top)
    following = None
    if not ranking.is_whole or len(ranking.found) > start + limit:
        following = write_cursor(query, (listings.keep(query, kept, name), start + limit))
    return RankedPage(
        tuple(ranking.found[start : start + limit]),
        following,
        len(ranking.found) if ranking.is_whole else None,
        ranking.weak,
        ranking.has_matches(start + limit),
        ranking.notes,
    )
