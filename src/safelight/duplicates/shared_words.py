"""Sets that have words in common with others: for every word, a list of the sets that have it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from safelight.duplicates.near import Near, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Words = npt.NDArray[np.uint32]
    Bounds = npt.NDArray[np.int64]

#: Pairs of a word counted at once.
_AT_ONCE = 1 << 22

#: For fewer sets than this, all words are read through: quicker than to make the lists.
_FEW = 16

#: Words are marked in a table of all words while these are below; else they are sorted.
_MARKED = 1 << 26


@dataclass(frozen=True, slots=True, eq=False)
class _Lists:
    """Every word's sets, one list after the other.

    Attributes
    ----------
    words : (v,) uint32, sorted
    begins : (v + 1,) int32
        Where each word's list begins, and the end of the last.
    sets : (w,) int32
        Ascending in each list.
    list_of, place_of : (w,) int32
        Of each word of each set, as the sets were given: which list, and where the set is in it.
    """

    words: Words
    begins: npt.NDArray[np.int32]
    sets: npt.NDArray[np.int32]
    list_of: npt.NDArray[np.int32]
    place_of: npt.NDArray[np.int32]


class WordIndex:
    """Sets of words, and which of them have words in common with others.

    Parameters
    ----------
    words : (w,) uint32
        Of all sets, one set after the other; in a set no word stands twice.
    bounds : (n + 1,) int64
        Where each set begins, and the end of the last.
    least : int
        Words that two must have in common.
    common : int
        A word that more of the sets that come into question have tells nothing and is passed over.
    """

    def __init__(self, words: Words, bounds: Bounds, *, least: int, common: int) -> None:
        self.least, self.common = least, common
        self._words, self._bounds = words, bounds

    def near_rows(self, start: int, stop: int) -> Iterator[Near]:
        """Return which sets before each of the sets `start` to `stop` have enough in common.

        Yields
        ------
        Near
            ``asked`` and ``found`` are rows, ``measured`` is how many words. All of one asked come
            at once.
        """
        first, last = self._bounds[start], self._bounds[stop]
        if stop - start < _FEW and "_lists" not in self.__dict__:
            for row in range(start, stop):
                words = self._words[self._bounds[row] : self._bounds[row + 1]]
                for near in self.near(words, row):
                    yield Near(near.asked + row, near.found, near.measured)
            return
        of = np.repeat(np.arange(start, stop), np.diff(self._bounds[start : stop + 1]))
        begins = self._lists.begins[self._lists.list_of[first:last]].astype(np.int64)
        yield from self._counted(of, begins, self._lists.place_of[first:last] - begins)

    def near(self, words: Words, before: int | None = None) -> Iterator[Near]:
        """Return which sets, before one if that is given, have enough in common with words.

        Like :meth:`near_rows`; ``asked`` is 0.
        """
        if "_lists" not in self.__dict__:
            yield self._read_through(words, len(self._bounds) - 1 if before is None else before)
            return
        lists = self._lists
        at = np.searchsorted(lists.words, words)
        at = at[(at < len(lists.words)) & (lists.words.take(at, mode="clip") == words)]
        begins, ends = lists.begins[at].astype(np.int64), lists.begins[at + 1].astype(np.int64)
        if before is not None:
            ends = np.array(
                [
                    one + np.searchsorted(lists.sets[one:other], before)
                    for one, other in zip(begins, ends, strict=True)
                ],
                np.int64,
            )
        yield from self._counted(np.zeros(len(at), np.int64), begins, ends - begins)

    def make_lists(self) -> None:
        """Make what :meth:`near` is quick with; without it, each call reads all words through."""
        _ = self._lists

    def _read_through(self, words: Words, before: int) -> Near:
        known = self._words[: self._bounds[before]]
        if len(words) == 0 or len(known) == 0:
            return Near.none()
        if int(known.max()) < _MARKED and int(words.max()) < _MARKED:
            marks = np.zeros(_MARKED, bool)
            marks[words] = True
            hits = np.flatnonzero(marks[known])
        else:
            hits = np.flatnonzero(np.isin(known, words))
        numbers = np.searchsorted(words_sorted := np.sort(words), known[hits])
        often = np.bincount(numbers, minlength=len(words_sorted)) > self.common
        hits = hits[~often[numbers]]
        sets = np.searchsorted(self._bounds, hits, "right") - 1
        found, counts = np.unique(sets, return_counts=True)
        kept = counts >= self.least
        return Near(
            np.zeros(int(kept.sum()), np.int64), found[kept], counts[kept].astype(np.float32)
        )

    def _counted(self, of: Bounds, begins: Bounds, counts: Bounds) -> Iterator[Near]:
        """Count how often sets stand in lists; those for one asked stand together in `of`."""
        kept = (counts > 0) & (counts <= self.common)
        of, begins, counts = of[kept], begins[kept], counts[kept]
        sums = np.cumsum(counts)
        start = 0
        while start < len(of):
            stop = int(np.searchsorted(sums, sums[start] + _AT_ONCE, "right"))
            if stop < len(of):  # not in the midst of an asked
                stop = max(
                    int(np.searchsorted(of, of[stop], "left")),
                    int(np.searchsorted(of, of[start], "right")),
                )
            places, number = spread(begins[start:stop], counts[start:stop])
            pairs = of[start:stop][number] << 32 | self._lists.sets[places]
            pairs.sort()
            # What stands as often as needed is still itself so many places further on.
            firsts = np.flatnonzero(np.diff(pairs, prepend=-1))
            times = np.diff(firsts, append=len(pairs))
            enough = times >= self.least
            pairs = pairs[firsts[enough]]
            yield Near(pairs >> 32, pairs & 0xFFFFFFFF, times[enough].astype(np.float32))
            start = stop

    @cached_property
    def _lists(self) -> _Lists:
        count = len(self._words)
        # Sorted by word, and then as they stand: to sort numbers is quicker than to sort by them.
        both = self._words.astype(np.uint64) << np.uint64(32)
        both |= np.arange(count, dtype=np.uint64)
        both.sort()
        order = both.astype(np.uint32)  # the lower half
        both >>= np.uint64(32)
        begins = np.flatnonzero(np.diff(both.view(np.int64), prepend=-1))
        words = both[begins].astype(np.uint32)
        del both
        ends = np.append(begins, count).astype(np.int32)
        list_of, place_of = np.empty(count, np.int32), np.empty(count, np.int32)
        list_of[order] = np.repeat(np.arange(len(words), dtype=np.int32), np.diff(ends))
        place_of[order] = np.arange(count, dtype=np.int32)
        sets = np.repeat(np.arange(len(self._bounds) - 1, dtype=np.int32), np.diff(self._bounds))[
            order
        ]
        return _Lists(words, ends, sets, list_of, place_of)
