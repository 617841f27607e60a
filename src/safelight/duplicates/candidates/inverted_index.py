"""Inverted index over visual words: pairs of photos that share words."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.duplicates.candidates.pairs import CandidatePairs, expand_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Words = npt.NDArray[np.uint32]
    Bounds = npt.NDArray[np.int64]

#: Pairs of a word counted at once.
AT_ONCE = 1 << 22

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
    numbers : (m,) int32 or None
        By word, which list is its, or -1; None where words are too large for a table.
    """

    words: Words
    begins: npt.NDArray[np.int32]
    sets: npt.NDArray[np.int32]
    numbers: npt.NDArray[np.int32] | None

    def of(self, words: Words) -> npt.NDArray[np.int32]:
        """Return which list is each word's, or -1."""
        if self.numbers is None:
            at = np.searchsorted(self.words, words)
            same = self.words.take(at, mode="clip") == words
            return np.where(same & (at < len(self.words)), at, -1).astype(np.int32)
        found = self.numbers.take(words, mode="clip")
        found[words >= len(self.numbers)] = -1
        return found


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
    at_once : int
        Pairs of a word and a set counted at once.
    """

    def __init__(
        self, words: Words, bounds: Bounds, *, least: int, common: int, at_once: int = AT_ONCE
    ) -> None:
        self.least, self.common = least, common
        self._words, self._bounds = words, bounds
        self._at_once = at_once
        self._made: _Lists | None = None
        self._making = threading.Lock()  # two signals may ask for the lists at the same time

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def rows(self, start: int, stop: int) -> tuple[Words, Bounds]:
        """Return the words of some sets, and their rows by word."""
        words = self._words[self._bounds[start] : self._bounds[stop]]
        counts = np.diff(self._bounds[start : stop + 1])
        return words, np.repeat(np.arange(start, stop), counts)

    def near(self, words: Words, asked: Bounds, before: Bounds) -> Iterator[CandidatePairs]:
        """Return which sets have enough words in common with others.

        Parameters
        ----------
        words : (m,) uint32
            Of all that are asked about; of none of them a word twice.
        asked : (m,) int64
            Whose each word is; all of one stand together.
        before : (m,) int64
            Only sets in rows before this one, the same for all words of one.

        Yields
        ------
        Near
            ``found`` is a row, ``measured`` is how many words. All of one asked come at once.
        """
        if not len(words):
            return
        firsts = np.flatnonzero(np.diff(asked, prepend=-1))
        if len(firsts) < _FEW and self._made is None:
            yield from self._read_through(words, asked, before, firsts)
            return
        lists = self.make_lists()
        numbers = lists.of(words)
        known = np.flatnonzero(numbers >= 0)
        begins = lists.begins[numbers[known]].astype(np.int64)
        sizes = lists.begins[numbers[known] + 1] - begins
        # A list is common if the one after so many is still before the asked.
        last = np.minimum(begins + self.common, max(len(lists.sets) - 1, 0))
        kept = (sizes <= self.common) | (lists.sets[last] >= before[known])
        known, begins, sizes = known[kept], begins[kept], np.minimum(sizes[kept], self.common)
        yield from self._counted(lists, asked[known], before[known], begins, sizes)

    def make_lists(self) -> _Lists:
        """Make what :meth:`near` is quick with; without it, few are found by reading all words."""
        with self._making:
            if self._made is None:
                self._made = _lists(self._words, self._bounds)
            return self._made

    def _read_through(
        self, words: Words, asked: Bounds, before: Bounds, firsts: Bounds
    ) -> Iterator[CandidatePairs]:
        hits = np.flatnonzero(self._are_among(words))
        hit_words = self._words[hits]
        sets = np.searchsorted(self._bounds, hits, "right") - 1
        for one, other in zip(firsts, [*firsts[1:], len(asked)], strict=True):
            own = np.sort(words[one:other])
            at = np.searchsorted(own, hit_words)
            mine = (own.take(at, mode="clip") == hit_words) & (sets < before[one])
            often = np.bincount(at[mine], minlength=len(own)) > self.common
            found, counts = np.unique(sets[mine][~often[at[mine]]], return_counts=True)
            kept = counts >= self.least
            yield CandidatePairs(
                np.full(kept.sum(), asked[one]), found[kept], counts[kept].astype(np.float32)
            )

    def _are_among(self, words: Words) -> npt.NDArray[np.bool_]:
        """Tell of each word of all sets whether it is one of some."""
        if int(words.max()) >= _MARKED:
            return np.isin(self._words, words)
        marks = np.zeros(int(words.max()) + 2, bool)
        marks[words] = True
        return marks.take(self._words, mode="clip")  # the last mark is of no word

    def _counted(
        self, lists: _Lists, asked: Bounds, before: Bounds, begins: Bounds, sizes: Bounds
    ) -> Iterator[CandidatePairs]:
        """Count how often sets stand in lists; those for one asked stand together."""
        sums = np.cumsum(sizes)
        start = 0
        while start < len(asked):
            stop = int(np.searchsorted(sums, sums[start] + self._at_once, "right"))
            if stop < len(asked):  # not in the midst of an asked
                stop = max(
                    int(np.searchsorted(asked, asked[stop], "left")),
                    int(np.searchsorted(asked, asked[start], "right")),
                )
            places, number = expand_ranges(begins[start:stop], sizes[start:stop])
            pairs = asked[start:stop][number] << 32 | lists.sets[places]
            pairs = pairs[(pairs & 0xFFFFFFFF) < before[start:stop][number]]
            pairs.sort()
            # What stands as often as needed is still itself so many places further on.
            firsts = np.flatnonzero(np.diff(pairs, prepend=-1))
            times = np.diff(firsts, append=len(pairs))
            enough = times >= self.least
            pairs = pairs[firsts[enough]]
            yield CandidatePairs(pairs >> 32, pairs & 0xFFFFFFFF, times[enough].astype(np.float32))
            start = stop


def _lists(all_words: Words, bounds: Bounds) -> _Lists:
    count = len(all_words)
    # Sorted by word, and then by set: numbers sort quicker than an order by them is found.
    both = all_words.astype(np.uint64) << np.uint64(32)
    sizes = np.diff(bounds)
    both |= np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
    both.sort()
    sets = both.astype(np.uint32).view(np.int32)  # the lower half
    both >>= np.uint64(32)
    begins = np.flatnonzero(np.diff(both.view(np.int64), prepend=-1))
    words = both[begins].astype(np.uint32)
    del both
    numbers = None
    if len(words) and words[-1] < _MARKED:
        numbers = np.full(int(words[-1]) + 1, -1, np.int32)
        numbers[words] = np.arange(len(words), dtype=np.int32)
    return _Lists(words, np.append(begins, count).astype(np.int32), sets, numbers)
