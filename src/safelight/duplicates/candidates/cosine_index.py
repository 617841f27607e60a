"""Cosine index: an exact join of vectors, in which a PCA bound prunes most pairs.

Along the directions in which the vectors of a library spread most, few numbers hold most of a
vector. What the others can add to a cosine is at most the product of what is left of both
(Cauchy and Schwarz). So x = (x', r) with x' the few and r the length of the rest gives, by one
short product, a bound that no pair exceeds; only pairs whose bound reaches the floor are
multiplied in full. Nothing is lost by it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from safelight.cosine import SLACK, cosines
from safelight.duplicates.candidates.pairs import CandidatePairs, nearest, rank_within_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]
    Numbers = npt.NDArray[np.float64]

#: Asked about and compared at once: both blocks and their products stay in the caches.
_ASKED, COMPARED = 1024, 4096

#: Fewer vectors than this are multiplied in full: quicker than to find the directions, which takes
#: 0.35 s of processor time and more (2026-11-28).
FEW = 4096

#: The same if fewer than this are asked about.
_FEW_ASKED = 256

#: More pairs of a block than this are first narrowed down to the best of each photo.
CROWD = _ASKED * COMPARED // 64

#: Cosines from blocks differ from those of two vectors by rounding, which depends on the block.
_SLACK = 1e-4

#: They are no farther off than this, whatever the processor.
_ROUGH = np.float32(SLACK)

#: Cosines that agree to this many steps of one are equal, and the photo that came last is taken.
_STEPS = 1024

#: Vectors from which the directions are learned; of these, as many are tried.
_SAMPLE, _TRIED = 4096, 512

# Nanoseconds, measured: for a number of a pair in a block, and for a number of a pair alone.
_IN_BLOCK, _ALONE = 0.01, 0.8


class CosineIndex:
    """Vectors, and which of them have a cosine to others.

    Parameters
    ----------
    vectors : sequence of (m, d) float32
        Of unit length; one after the other they make n rows. They may be maps of a file.
    places : (n,) int64
        Where each stands in the order that `before` speaks of; -1: it is not compared.
    floor : float
        The cosine that two must have.
    compared : int
        Rows that are compared at once.
    crowd : int
        More pairs of what is compared at once are first narrowed down to the best of each photo.
    few : int
        Fewer vectors are multiplied in full.
    """

    def __init__(
        self,
        vectors: Sequence[Vectors],
        places: npt.NDArray[np.int64],
        floor: float,
        *,
        compared: int = COMPARED,
        crowd: int = CROWD,
        few: int = FEW,
    ) -> None:
        self.floor = floor
        self._compared, self._crowd, self._few = compared, crowd, few
        self._places = places
        self._wholes: list[tuple[int, Vectors]] = []
        self._blocks: list[tuple[int, Vectors]] = []
        start = 0
        for whole in vectors:
            self._wholes.append((start, whole))
            for first in range(0, len(whole), compared):
                self._blocks.append((start + first, whole[first : first + compared]))
            start += len(whole)

    def rows(self, rows: npt.NDArray[np.int64]) -> Vectors:
        """Return some of the vectors."""
        dimension = self._wholes[0][1].shape[1] if self._wholes else 0
        found = np.empty((len(rows), dimension), np.float32)
        for start, whole in self._wholes:
            here = np.flatnonzero((rows >= start) & (rows < start + len(whole)))
            found[here] = whole[rows[here] - start]
        return found

    def cosines(self, rows: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> Numbers:
        """Return the cosines of pairs of rows; -1 where one of them is -1."""
        found = np.full(len(rows), -1.0)
        known = np.flatnonzero((rows >= 0) & (others >= 0))
        for start in range(0, len(known), self._compared):
            part = known[start : start + self._compared]
            found[part] = cosines(self.rows(rows[part]), self.rows(others[part]))
        return found

    def near(self, asked: Vectors, before: npt.NDArray[np.int64], most: int) -> CandidatePairs:
        """Return which vectors have at least the cosine.

        Parameters
        ----------
        asked : (q, d) float32
            Of unit length.
        before : (q,) int64
            Only vectors whose place is before this one.
        most : int
            So many for each asked, the nearest.

        Returns
        -------
        Near
            ``asked`` is a number in `asked`, ``found`` a place, ``measured`` a cosine.
        """
        found = []
        for start in range(0, len(asked), _ASKED):
            part = slice(start, start + _ASKED)
            near = self._near(asked[part], before[part], most, short=len(asked) >= _FEW_ASKED)
            found.append(CandidatePairs(near.asked + start, near.found, near.measured))
        return CandidatePairs.joined(found)

    def _near(
        self, asked: Vectors, before: npt.NDArray[np.int64], most: int, *, short: bool
    ) -> CandidatePairs:
        best = CandidatePairs.none()
        floors = np.full(len(asked), self.floor, np.float32)
        bounding = self._bounding if short else None
        shortened = None if bounding is None else _shorten(asked, bounding[0])
        # Memory that is used again: fresh pages from the system take longer than the product.
        room = np.empty(len(asked) * self._compared, np.float32)
        marks = np.empty(len(asked) * self._compared, bool)
        for number, (start, vectors) in enumerate(self._blocks):
            places = self._places[start : start + len(vectors)]
            if not ((places >= 0) & (places < before.max(initial=0))).any():
                continue
            least = floors[:, None] - _SLACK
            if bounding is None or shortened is None:
                numbers, rows = _crowd(asked, vectors, places, before, least, most, self._crowd)
            else:
                bounds = np.matmul(
                    shortened,
                    bounding[1][number].T,
                    out=room[: len(asked) * len(vectors)].reshape(len(asked), -1),
                )
                reached = np.greater_equal(
                    bounds, least, out=marks[: bounds.size].reshape(bounds.shape)
                )
                numbers, rows = np.divmod(np.flatnonzero(reached), len(vectors))
                if len(rows) > self._crowd:
                    numbers, rows = _crowd(asked, vectors, places, before, least, most, self._crowd)
            kept = (places[rows] >= 0) & (places[rows] < before[numbers])
            numbers, rows = numbers[kept], rows[kept]
            if not len(rows):
                continue
            exact = _cosines(asked, vectors, numbers, rows, self._compared)
            kept = exact >= self.floor
            more = CandidatePairs(numbers[kept], places[rows[kept]], exact[kept].astype(np.float32))
            best = CandidatePairs.joined([best, more])
            best = nearest(best, -np.rint(best.measured * _STEPS), most)
            full = rank_within_group(best.asked) == most - 1
            # A later block can only bring a place that is nearer, or as near and later.
            floors[best.asked[full]] = best.measured[full] - 1 / _STEPS
        return best

    @cached_property
    def _bounding(self) -> tuple[Vectors, list[Vectors]] | None:
        """The directions, and every vector by them and what is left; None if it gains nothing."""
        count = sum(len(vectors) for _, vectors in self._blocks)
        if count < self._few:
            return None
        chosen = np.linspace(0, count - 1, min(count, _SAMPLE)).astype(np.int64)
        sample = self.rows(chosen)
        dimension = sample.shape[1]
        _, directions = np.linalg.eigh(sample.T @ sample)
        directions = np.ascontiguousarray(directions[:, ::-1])
        tried = sample[:: max(1, len(sample) // _TRIED)]
        # Not with itself, and what is as near as asked for must be multiplied either way.
        costs = {dimension * _IN_BLOCK: dimension}
        for numbers in (16, 32, 64, 128):
            if numbers < dimension:
                short = _shorten(tried, directions[:, :numbers])
                passed = float((short @ short.T >= self.floor - _SLACK).sum() - len(tried))
                share = max(passed, 0.0) / max(1, len(tried) * (len(tried) - 1))
                costs[(numbers + 1) * _IN_BLOCK + share * dimension * _ALONE] = numbers
        numbers = costs[min(costs)]
        if numbers == dimension:
            return None
        directions = np.ascontiguousarray(directions[:, :numbers])
        return directions, [_shorten(vectors, directions) for _, vectors in self._blocks]


def _shorten(vectors: Vectors, directions: Vectors) -> Vectors:
    short = np.empty((len(vectors), directions.shape[1] + 1), np.float32)
    np.matmul(vectors, directions, out=short[:, :-1])
    left = np.einsum("ij,ij->i", vectors, vectors)
    left -= np.einsum("ij,ij->i", short[:, :-1], short[:, :-1])
    np.sqrt(np.maximum(left, 0), out=short[:, -1])
    return short


def _crowd(
    asked: Vectors,
    vectors: Vectors,
    places: npt.NDArray[np.int64],
    before: npt.NDArray[np.int64],
    least: Vectors,
    most: int,
    crowd: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the pairs that reach `least`; of more than `crowd`, the `most` best of each asked."""
    rough = asked @ vectors.T
    reached = rough >= least
    if reached.sum() > crowd:
        reached &= (places >= 0) & (places < before[:, None])
    if reached.sum() > crowd and most < len(vectors):
        # Steps of the cosine, then places: one number that orders as nearest() does. Between two
        # steps rounding decides which it is; those pairs count as the better for themselves, and
        # as the worse for others.
        ordered = np.rint((rough - _ROUGH) * _STEPS).astype(np.float64) * 2.0**40 + places
        ordered[~reached] = -np.inf
        threshold = np.partition(ordered, -most, axis=1)[:, -most, None]
        reached &= np.rint((rough + _ROUGH) * _STEPS) * 2.0**40 + places >= threshold
    numbers, rows = np.nonzero(reached)
    return numbers, rows


def _cosines(
    asked: Vectors,
    vectors: Vectors,
    numbers: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    at_once: int,
) -> Numbers:
    exact = np.empty(len(rows))
    for start in range(0, len(rows), at_once):
        part = slice(start, start + at_once)
        exact[part] = cosines(asked[numbers[part]], vectors[rows[part]])
    return exact
