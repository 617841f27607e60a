"""Candidate pairs as index arrays, capped per photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CandidatePairs:
    """Photos that were asked about, each with photos that are near it.

    Attributes
    ----------
    asked, found : (p,) int64
        No pair stands here twice.
    measured : (p,) float32
        How near: bits that differ, a cosine, seconds, words in common.
    """

    asked: Positions
    found: Positions
    measured: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.asked)

    @classmethod
    def none(cls) -> Self:
        """Return no pairs."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))

    @classmethod
    def joined(cls, parts: Iterable[CandidatePairs]) -> Self:
        """Return the pairs of all parts."""
        parts = [cls.none(), *parts]
        return cls(
            np.concatenate([part.asked for part in parts]),
            np.concatenate([part.found for part in parts]),
            np.concatenate([part.measured for part in parts]),
        )

    def where(self, kept: npt.NDArray[np.bool_] | Positions) -> CandidatePairs:
        """Return some of the pairs."""
        return CandidatePairs(self.asked[kept], self.found[kept], self.measured[kept])


def nearest(near: CandidatePairs, distances: npt.NDArray[np.float32], most: int) -> CandidatePairs:
    """Return the `most` pairs of smallest distance of each that was asked about.

    Among equals, those found last in the library come first: the result is then the same however
    the pairs are ordered, and one that is added later changes nothing for those before it.
    """
    order = np.lexsort((-near.found, distances, near.asked))
    return near.where(order[rank_within_group(near.asked[order]) < most])


def rank_within_group(values: npt.NDArray[np.int64]) -> Positions:
    """Return how many equal values stand before each, in values that are sorted."""
    numbers = np.arange(len(values))
    begins = np.ones(len(values), bool)
    begins[1:] = values[1:] != values[:-1]
    return numbers - np.maximum.accumulate(np.where(begins, numbers, 0))


def expand_ranges(starts: Positions, counts: Positions) -> tuple[Positions, Positions]:
    """Return the numbers of several ranges, one after the other, and which range each is of."""
    of = np.repeat(np.arange(len(counts)), counts)
    begins = np.cumsum(counts) - counts
    return np.arange(int(counts.sum())) + (starts - begins)[of], of


class GroupedKeys:
    """Rows with equal keys, as one: ten thousand black frames are compared once, not in pairs.

    Parameters
    ----------
    keys : (n,) int64, zero or more
    """

    def __init__(self, keys: npt.NDArray[np.int64]) -> None:
        self.count = len(keys)
        self._rows = np.argsort(keys, kind="stable")  # of each key, in their order
        found, self._starts = np.unique(keys[self._rows], return_index=True)
        self.keys: npt.NDArray[np.int64] = found
        # Sorted, so that the rows of a key before a given one are found by searching.
        self._places = np.repeat(np.arange(len(found)), self._sizes()) * (self.count + 1)
        self._places += self._rows

    def _sizes(self) -> Positions:
        return np.diff(self._starts, append=self.count)

    def latest(self, near: CandidatePairs, before: Positions, most: int) -> CandidatePairs:
        """Turn pairs of asked and key number into pairs of asked and row.

        Parameters
        ----------
        near : CandidatePairs
            ``measured`` is a distance; nearer keys are taken first, then the smaller key.
        before : (q,) int64
            By the number in ``near.asked``: only rows before it.
        most : int
            Rows for each asked; the last ones of a key are taken first.
        """
        near = near.where(np.lexsort((near.found, near.measured, near.asked)))
        ends = np.searchsorted(
            self._places, near.found * (self.count + 1) + before[near.asked], "left"
        )
        counts = ends - self._starts[near.found] if len(near) else np.empty(0, np.int64)
        # Of these, as many as are still wanted after the keys that come first.
        sums = np.cumsum(counts) - counts
        first = np.arange(len(near)) - rank_within_group(near.asked)
        counts = np.clip(most - (sums - sums[first]), 0, counts)
        places, of = expand_ranges(ends - counts, counts)
        return CandidatePairs(near.asked[of], self._rows[places], near.measured[of])
