"""Hits of one search, page by page: each photo once, whatever changes between the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safelight.search.options import Answer, Found

#: Factor by which more of the nearest are looked for, when those that were found are read.
_MORE = 4


class Ranking:
    """Hits of a search, best first, found as far as they were asked for.

    The next hits are those of a wider search that did not come yet. So none comes twice and none
    is left out, even if photos are added, removed or ranked otherwise in between.

    Attributes
    ----------
    found : list of Found
    is_whole : bool
        There are no more.
    weak : bool
    notes : tuple of str
        Of the first search.
    """

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.is_whole = False
        self.weak = False
        self.notes: tuple[str, ...] = ()
        self._has_more = False
        self._keys: set[int] = set()
        self._top = 0

    def __len__(self) -> int:
        return len(self.found)

    def lacks(self, count: int) -> int | None:
        """Return how many of the nearest to look for, to have so many hits; None: they are here."""
        if self.is_whole or len(self.found) >= count:
            return None
        return count if not self._top else max(count, _MORE * self._top)

    def has_matches(self, start: int) -> bool:
        """Tell whether there are matches from a hit on."""
        return self.found[start].match if start < len(self.found) else self._has_more

    def add(self, answer: Answer, top: int) -> None:
        """Add what a search for the `top` nearest found."""
        if not self._top:
            self.weak, self.notes = answer.weak, answer.notes
        self._top, self._has_more = top, answer.more
        self.is_whole = len(answer.found) < top
        for each in answer.found:
            if each.key not in self._keys:
                self._keys.add(each.key)
                self.found.append(each)
