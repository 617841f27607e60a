"""Tenengrad: the energy of a picture's gradient, as a whole and tile by tile.

The mean of Gx² + Gy², where Gx and Gy are the 3x3 Sobel derivatives (Tenenbaum 1970; Krotkov 1987;
compared with its rivals by Pertuz et al. 2013). Sums are of whole numbers, so nothing depends on
their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

#: What white noise of standard deviation 1 adds to the mean: the sum of both kernels' squares.
NOISE_GAIN = 24.0

#: Rows at a time: they and what is computed from them stay in the processor's cache. Whatever
#: their number, the result is the same.
STRIP = 128


def tenengrad(gray: npt.NDArray[np.uint8], *, strip: int = STRIP) -> float:
    """Return the mean gradient energy of (h, w) uint8, 0 to about 2 million.

    Pixels beyond the border mirror those inside, as OpenCV's Sobel has it.

    Examples
    --------
    >>> tenengrad(np.array([[0, 0, 9], [0, 0, 9], [0, 0, 9]], np.uint8))
    432.0
    """
    return float(_row_energies(gray, 1, gray.shape[1], strip).sum()) / gray.size


def tile_energies(
    gray: npt.NDArray[np.uint8], grid: int, *, strip: int = STRIP
) -> npt.NDArray[np.float64]:
    """Return the mean gradient energy of each of (grid, grid) tiles.

    All tiles are of one size, so up to `grid` - 1 rows at the bottom and columns at the right are
    in none. Both sides of (h, w) have at least `grid` pixels.
    """
    high, wide = gray.shape[0] // grid, gray.shape[1] // grid
    rows = _row_energies(gray, grid, wide, strip)[: grid * high]
    sums: npt.NDArray[np.int64] = rows.reshape(grid, high, grid).sum(axis=1)
    means: npt.NDArray[np.float64] = sums / (high * wide)
    return means


def _row_energies(
    gray: npt.NDArray[np.uint8], parts: int, wide: int, strip: int
) -> npt.NDArray[np.int64]:
    """Return the summed energy of `parts` stretches of `wide` pixels of each row; (h, parts)."""
    height = len(gray)
    padded = np.pad(gray, 1, mode="reflect")
    result = np.empty((height, parts), np.int64)
    for top in range(0, height, strip):
        energy = _energy(padded[top : top + strip + 2])[:, : parts * wide]
        np.sum(
            energy.reshape(-1, parts, wide), axis=2, dtype=np.int64, out=result[top : top + strip]
        )
    return result


def _energy(strip: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Return Gx² + Gy² of all but the outermost pixels."""
    pixels = strip.astype(np.int16)  # derivatives are at most 4 * 255
    smooth = pixels[1:-1] * 2
    smooth += pixels[:-2]
    smooth += pixels[2:]
    across = (smooth[:, 2:] - smooth[:, :-2]).astype(np.int32)
    steep = pixels[2:] - pixels[:-2]
    down16 = steep[:, 1:-1] * 2
    down16 += steep[:, :-2]
    down16 += steep[:, 2:]
    down = down16.astype(np.int32)
    across *= across
    down *= down
    across += down
    return across
