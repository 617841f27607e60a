"""Banding: find hashes within a few bits of each other by their equal parts.

The pigeonhole of :mod:`safelight.duplicates.candidates.hamming_index`, for hashes that do not fit
on one machine: nobody looks up, but each hash is sent under all values by which another may know
it, and those that meet under one value are compared. Two whose part differs in w bits meet
half-way, under a value that is at most ``ceil(w / 2)`` bits from either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.duplicates.candidates.hamming_index import masks_within, split_radius, values_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Hashes = npt.NDArray[np.uint64]
    Numbers = npt.NDArray[np.int64]

BITS = 256

#: A part has at most so many bits: it is a whole number in float32, exactly.
_MOST_BITS = 23

_MOST_PARTS = 64

# Nanoseconds, roughly: to send a hash under one value across a cluster, and to compare two.
_SENDING, _COMPARING = 2000.0, 10.0


@dataclass(frozen=True, slots=True)
class Bands:
    """Split of hashes into bands.

    Attributes
    ----------
    radius : int
        Bits in which two may differ.
    parts : int
    reaches : tuple of int
        Of each part, how far from its own value a hash is sent; -1: the part is not used.
    """

    radius: int
    parts: int
    reaches: tuple[int, ...]

    def values(self, hashes: Hashes) -> Iterator[tuple[int, Numbers, Numbers]]:
        """Yield, for each part that is used, under which values each hash is sent.

        Yields
        ------
        int, (m,) int64, (m,) int64
            The part; rows of `hashes`; a value for each.
        """
        for part, reach in enumerate(self.reaches):
            if reach < 0:
                continue
            bits = len(range(part, BITS, self.parts))
            masks = masks_within(bits, reach)
            found = values_of(hashes, part, self.parts)[:, None] ^ masks
            rows = np.repeat(np.arange(len(hashes)), len(masks))
            yield part, rows, found.ravel().astype(np.int64)


def choose_bands(radius: int, count: int) -> Bands:
    """Return how to cut `count` hashes so that little is sent and little is compared."""
    choices: dict[float, Bands] = {}
    fewest = math.ceil(BITS / _MOST_BITS)
    for parts in range(fewest, max(fewest, min(radius + 1, _MOST_PARTS)) + 1):
        cost = 0.0
        reaches: list[int] = []
        for bits, within in split_radius(BITS, radius, parts):
            reach = -1 if within < 0 else (within + 1) // 2
            reaches.append(reach)
            if reach >= 0:
                sent = sum(math.comb(bits, flipped) for flipped in range(reach + 1))
                cost += sent * (_SENDING + _COMPARING * sent * count / 2**bits)
        choices[cost] = Bands(radius, parts, tuple(reaches))
    return choices[min(choices)]


def near(
    keys: Numbers, hashes: Hashes, radius: int, most: int
) -> tuple[Numbers, Numbers, Numbers, int]:
    """Return which of the hashes that meet under one value are within the radius.

    Parameters
    ----------
    keys : (n,) int64
        The values, ascending.
    hashes : (n, 4) uint64
    most : int
        Each is compared with so many after it: what meets a crowd is bounded.

    Returns
    -------
    (p,) int64, (p,) int64, (p,) int64, int
        Rows, ``one < other``; bits in which they differ; pairs that were not compared.
    """
    found: list[tuple[Numbers, Numbers, Numbers]] = []
    rows = np.arange(len(keys))
    for ahead in range(1, most + 1):
        rows = rows[rows + ahead < len(keys)]
        rows = rows[keys[rows + ahead] == keys[rows]]
        if not len(rows):
            break
        one, bits = rows, np.zeros(len(rows), np.int64)
        for word in range(hashes.shape[1]):
            bits = bits + np.bitwise_count(hashes[one, word] ^ hashes[one + ahead, word])
            kept = np.flatnonzero(bits <= radius)
            one, bits = one[kept], bits[kept]
        found.append((one, one + ahead, bits))
    _, sizes = np.unique(keys, return_counts=True)
    beyond = np.maximum(sizes - 1 - most, 0)
    none = (np.empty(0, np.int64),) * 3
    one, other, bits = (np.concatenate(column) for column in zip(none, *found, strict=True))
    return one, other, bits, int((beyond * (beyond + 1) // 2).sum())
