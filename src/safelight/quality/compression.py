"""Detect JPEG compression that took a picture's finest detail, and its noise with it.

JPEG rounds the frequencies of each block of 8x8 pixels, the highest most coarsely. Where they were
all rounded to zero, nothing can be said about the noise that was there. That shows in the pixels
alone, whatever the file is now: the blocks' own grid is without high frequencies, the same grid
moved by half a block is not.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_BLOCK = 8

# Frequencies (u, v) with u + v at least this are fine; there are 15.
_FINE = 11

# Root mean square of the fine frequencies, below which they are gone: rounding to 8 bits
# leaves 0.29.
_GONE = 0.5

# Blocks along a side that are looked at, at most: the answer is a share, and 576 blocks tell it.
_SAMPLED = 24

# Without compression both grids have lost alike, to a percent or two. So much more than the moved
# grid is its work; or, where hardly any block has detail, a third or less of what the moved grid
# has kept, give or take what a few blocks may do by chance.
_CLEARLY = 0.2
_TIMES = 3.0
_CHANCE = 0.02


def lost_share(gray: npt.NDArray[np.uint8]) -> float:
    """Return the share of JPEG's blocks whose finest detail was rounded away, 0 to 1.

    0 where there is no sign of JPEG: in a picture that is only blurred, or was scaled since.

    Parameters
    ----------
    gray : (h, w) uint8
        At the size at which it was compressed.
    """
    height, width = gray.shape
    if min(height, width) < 3 * _BLOCK:
        return 0.0
    moved = _empty_share(gray[_BLOCK // 2 :, _BLOCK // 2 :])
    # Turned upright, the grid may begin at any corner.
    starts = product({0, height % _BLOCK}, {0, width % _BLOCK})
    lost = max(_empty_share(gray[top:, left:]) for top, left in starts)
    kept, kept_when_moved = 1 - lost + _CHANCE, 1 - moved + _CHANCE
    compressed = lost - moved > _CLEARLY or kept_when_moved > _TIMES * kept
    return lost if compressed else 0.0


def _empty_share(gray: npt.NDArray[np.uint8]) -> float:
    """Return the share of the blocks without fine frequencies."""
    high, wide = (length // _BLOCK for length in gray.shape)
    blocks = gray[: high * _BLOCK, : wide * _BLOCK].reshape(high, _BLOCK, wide, _BLOCK)
    blocks = blocks[:: -(-high // _SAMPLED), :, :: -(-wide // _SAMPLED)]
    flat = blocks.swapaxes(1, 2).reshape(-1, _BLOCK * _BLOCK).astype(np.float64)
    # Not a matrix product: BLAS may sum in another order with other threads.
    fine = np.einsum("nk,fk->nf", flat, _fine_frequencies())
    return float(np.count_nonzero((fine**2).mean(axis=1) < _GONE**2)) / len(flat)


@cache
def _fine_frequencies() -> npt.NDArray[np.float64]:
    """Return the finest basis functions of the 8x8 cosine transform; (15, 64), orthonormal."""
    n = np.arange(_BLOCK)
    waves = np.cos(np.pi * n[:, None] * (2 * n + 1) / (2 * _BLOCK)) * np.sqrt(2 / _BLOCK)
    waves[0] /= np.sqrt(2)
    return np.stack(
        [
            np.outer(waves[u], waves[v]).ravel()
            for u, v in product(range(_BLOCK), repeat=2)
            if u + v >= _FINE
        ]
    )
