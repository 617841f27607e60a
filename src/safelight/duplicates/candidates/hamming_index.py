"""Hamming index: hashes within a few bits of each other, by multi-index hashing.

Two hashes that differ in at most r bits, cut into m parts, differ in at most r // m bits in one of
the parts (Norouzi, Punjani and Fleet, "Fast search in Hamming space with multi-index hashing",
CVPR 2012). So each part is looked up in a table of its own, together with all its neighbours
within those few bits, and only what is found there is compared in full.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from safelight.duplicates.candidates.pairs import CandidatePairs, GroupedKeys, expand_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Hashes = npt.NDArray[np.uint64]

#: Fewer hashes than this are compared with all: quicker than to make the tables.
_FEW = 256

#: Pairs compared at once.
_AT_ONCE = 1 << 20

#: Bits of a part; a table has an entry for each of its values.
_MOST_BITS = 20

# Nanoseconds, measured: to look a value up, to compare a pair found, and to compare one of a row.
_LOOKING, _COMPARING, SCANNING = 25.0, 50.0, 1.1


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """The hashes by the values of one of their parts.

    Attributes
    ----------
    part, parts : int
        Which of how many.
    starts : (values + 1,) int32
        Where the rows of each value begin, and the end of the last.
    rows : (n,) int64
    masks : (m,) uint32
        What turns a value into those that differ in few bits, itself included.
    """

    part: int
    parts: int
    starts: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int64]
    masks: npt.NDArray[np.uint32]


class HashIndex:
    """Hashes, and which of them are within a radius of others.

    Parameters
    ----------
    hashes : (n, words) uint64
    radius : int
        Bits in which two may differ.
    scanning : float
        Nanoseconds to compare one of a row of hashes: tables are made if they cost less.
    """

    def __init__(self, hashes: Hashes, radius: int, *, scanning: float = SCANNING) -> None:
        self.radius = radius
        self._scanning = scanning
        order = np.lexsort(hashes.T)
        ordered = hashes[order]
        differs = np.ones(len(hashes), bool)
        differs[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        numbers = np.empty(len(hashes), np.int64)
        numbers[order] = np.cumsum(differs) - 1
        self._alike = GroupedKeys(numbers)
        self._hashes: Hashes = ordered[differs]
        self._columns = np.ascontiguousarray(self._hashes.T)

    def near(self, asked: Hashes, before: npt.NDArray[np.int64], most: int) -> CandidatePairs:
        """Return which hashes are within the radius.

        Parameters
        ----------
        asked : (q, variants, words) uint64
            It is enough that one variant is near; the nearest counts.
        before : (q,) int64
            Only hashes in rows before this one.
        most : int
            So many for each asked, the nearest.

        Returns
        -------
        Near
            ``asked`` is a number in `asked`, ``found`` a row of the hashes, ``measured`` bits.
        """
        count, variants, words = asked.shape
        flat = asked.reshape(count * variants, words)
        parts = self._scanned(flat) if count < _FEW or not self._tables else self._looked_up(flat)
        near = CandidatePairs.joined(parts)
        near = CandidatePairs(near.asked // variants, near.found, near.measured)
        return self._alike.latest(_smallest(near, len(self._hashes)), before, most)

    def _scanned(self, asked: Hashes) -> Iterator[CandidatePairs]:
        for number, hash_ in enumerate(asked):
            bits = np.zeros(len(self._hashes), np.uint16)
            for column, word in zip(self._columns, hash_, strict=True):
                bits += np.bitwise_count(column ^ word)
            found = np.flatnonzero(bits <= self.radius)
            if len(found):
                yield CandidatePairs(
                    np.full(len(found), number), found, bits[found].astype(np.float32)
                )

    def _looked_up(self, asked: Hashes) -> Iterator[CandidatePairs]:
        for table in self._tables:
            at_once = max(1, _AT_ONCE // len(table.masks))
            for start in range(0, len(asked), at_once):
                values = values_of(asked[start : start + at_once], table.part, table.parts)
                masked = (values[:, None] ^ table.masks).ravel()
                begins = table.starts[masked]
                counts = table.starts[masked + 1] - begins
                hit = np.flatnonzero(counts)
                yield from self._compared(
                    asked,
                    start + hit // len(table.masks),
                    begins[hit].astype(np.int64),
                    counts[hit].astype(np.int64),
                    table.rows,
                )

    def _compared(
        self,
        asked: Hashes,
        numbers: npt.NDArray[np.int64],
        begins: npt.NDArray[np.int64],
        counts: npt.NDArray[np.int64],
        rows: npt.NDArray[np.int64],
    ) -> Iterator[CandidatePairs]:
        # Cut where the pairs reach the limit; one value alone may exceed it, by no more than all.
        bounds = np.searchsorted(
            np.cumsum(counts), np.arange(_AT_ONCE, int(counts.sum()), _AT_ONCE), "right"
        )
        for one, other in zip([0, *bounds], [*bounds, len(counts)], strict=True):
            places, of = expand_ranges(begins[one:other], counts[one:other])
            found, number = rows[places], numbers[one:other][of]
            bits = np.bitwise_count(self._hashes[found, 0] ^ asked[number, 0]).astype(np.uint16)
            for word in range(1, asked.shape[1]):
                kept = np.flatnonzero(bits <= self.radius)
                found, number, bits = found[kept], number[kept], bits[kept]
                bits += np.bitwise_count(self._hashes[found, word] ^ asked[number, word])
            kept = np.flatnonzero(bits <= self.radius)
            yield CandidatePairs(number[kept], found[kept], bits[kept].astype(np.float32))

    @cached_property
    def _tables(self) -> list[_Table]:
        """One for each part that is looked up; none if a scan is quicker."""
        bits = 64 * self._hashes.shape[1]
        parts = _parts(bits, self.radius, len(self._hashes), self._scanning)
        tables = []
        for part, (size, within) in enumerate(split_radius(bits, self.radius, parts or 0)):
            if within >= 0:
                values = values_of(self._hashes, part, parts or 0)
                starts = np.zeros((1 << size) + 1, np.int32)
                np.cumsum(np.bincount(values, minlength=1 << size), out=starts[1:])
                rows = np.argsort(values, kind="stable")
                tables.append(_Table(part, parts or 0, starts, rows, masks_within(size, within)))
        return tables


def _smallest(near: CandidatePairs, count: int) -> CandidatePairs:
    """Return each pair once, with the smallest measure: several parts and variants find it."""
    pairs = near.asked * max(count, 1) + near.found
    order = np.lexsort((near.measured, pairs))
    first = np.ones(len(order), bool)
    first[1:] = pairs[order][1:] != pairs[order][:-1]
    return near.where(order[first])


def split_radius(bits: int, radius: int, parts: int) -> list[tuple[int, int]]:
    """Return of each part its bits, and within how many it is looked up; -1: not at all.

    With ``radius == parts * t + a`` it is enough to look within t in a + 1 parts and within t - 1
    in the others: differing by more in each of them makes at least radius + 1 together.
    """
    within, rest = divmod(radius, max(parts, 1))
    return [
        (len(range(part, bits, parts)), within if part <= rest else within - 1)
        for part in range(parts)
    ]


def _parts(bits: int, radius: int, count: int, scanning: float = SCANNING) -> int | None:
    """Return into how many parts to cut, or None if comparing with all is quicker."""
    costs = {}
    fewest = math.ceil(bits / _MOST_BITS)
    for parts in range(fewest, max(fewest, min(bits, radius + 1)) + 1):
        cost = 0.0
        for size, within in split_radius(bits, radius, parts):
            values = sum(math.comb(size, flipped) for flipped in range(within + 1))
            cost += values * (_LOOKING + _COMPARING * count / 2**size)
        costs[cost] = parts
    if not costs or min(costs) > scanning * count * bits / 64:
        return None
    return costs[min(costs)]


def values_of(hashes: Hashes, part: int, parts: int) -> npt.NDArray[np.uint32]:
    """Return every parts-th bit as a number, so that each part has some of all frequencies."""
    octets = np.ascontiguousarray(hashes, "<u8").view(np.uint8)
    bits = np.unpackbits(octets, axis=1, bitorder="little")[:, part::parts].astype(np.float32)
    # Exact: float32 holds whole numbers below 2 ** 24.
    values = bits @ (2.0 ** np.arange(bits.shape[1], dtype=np.float32))
    return values.astype(np.uint32)


def masks_within(bits: int, within: int) -> npt.NDArray[np.uint32]:
    """Return the XOR masks that flip at most `within` bits, zero included."""
    return np.array(
        [
            sum(1 << bit for bit in flipped)
            for count in range(within + 1)
            for flipped in combinations(range(bits), count)
        ],
        np.uint32,
    )
