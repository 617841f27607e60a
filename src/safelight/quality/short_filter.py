"""Short filters along both axes of a picture, in double precision, strip by strip.

A filter of a few taps is a product with a matrix that is zero but for a band around its diagonal.
Cut into blocks of a few rows, that takes two to three times the multiplications, and yet less time
than adding shifted copies of the picture: BLAS does them, on numbers in the processor's cache. Each
product is too small for BLAS to share it out among threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import as_strided

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

#: Pixels of a strip, about: what is computed from them stays in the processor's cache.
STRIP_PIXELS = 32_768

#: Pixels that a result needs beyond the strip, on each side.
MARGIN = 3

# A product filters so many rows of so many columns down, then any rows of so many columns across.
_DOWN = (8, 64)
_ACROSS = 16

_MOST_ROWS = 256

# MATLAB's imresize by one half: the cubic kernel of Keys (1981), stretched to twice its width. All
# are multiples of 1 / 256, so that sums of 8-bit pixels are exact.
_HALF = (-3 / 256, -9 / 256, 29 / 256, 111 / 256, 111 / 256, 29 / 256, -9 / 256, -3 / 256)


class ShortFilter:
    """A filter of seven or eight taps, the same down and across, for strips of a picture.

    Parameters
    ----------
    taps : tuple of float
        The first one belongs :data:`MARGIN` pixels before the pixel of the result.
    step : int
        The result has every pixel (1), or every second one (2).
    layers, rows, width : int
        The size of the largest strip; so many pictures are filtered at once.

    Attributes
    ----------
    source : (layers, at least rows + 6, at least width + 6) float64
        The strip, with :data:`MARGIN` pixels around it; written here before :meth:`apply`.
    """

    def __init__(
        self, taps: tuple[float, ...], step: int, layers: int, rows: int, width: int
    ) -> None:
        high, chunk = _DOWN
        down, across = -(-rows // high), -(-width // _ACROSS)
        chunks = -(-(across * _ACROSS + 2 * MARGIN) // chunk)
        self.source = np.zeros((layers, down * high + 2 * MARGIN, chunks * chunk))
        self._between = np.zeros((layers, down * high // step, chunks * chunk))
        self._result = np.empty((layers, down * high // step, across * _ACROSS // step))
        self._step = step
        self._downwards = _banded(taps, step, high)
        self._sideways = _banded(taps, step, _ACROSS).T

        layer, row, column = self.source.strides
        self._source_windows = as_strided(
            self.source,
            (layers, down, chunks, high + 2 * MARGIN, chunk),
            (layer, high * row, chunk * column, row, column),
        )
        layer, row, column = self._between.strides
        self._between_blocks = as_strided(
            self._between,
            (layers, down, chunks, high // step, chunk),
            (layer, high // step * row, chunk * column, row, column),
        )
        self._between_windows = as_strided(
            self._between,
            (layers, across, down * high // step, _ACROSS + 2 * MARGIN),
            (layer, _ACROSS * column, row, column),
        )
        layer, row, column = self._result.strides
        self._result_blocks = as_strided(
            self._result,
            (layers, across, down * high // step, _ACROSS // step),
            (layer, _ACROSS // step * column, row, column),
        )

    def apply(self, rows: int) -> Numbers:
        """Filter the first rows of :attr:`source`.

        Returns
        -------
        (layers, at least rows / step, at least width / step) float64
            Overwritten by the next call.
        """
        blocks = -(-rows // _DOWN[0])
        lines = blocks * _DOWN[0] // self._step
        np.matmul(
            self._downwards,
            self._source_windows[:, :blocks],
            out=self._between_blocks[:, :blocks],
        )
        np.matmul(
            self._between_windows[:, :, :lines],
            self._sideways,
            out=self._result_blocks[:, :, :lines],
        )
        return self._result


def _banded(taps: tuple[float, ...], step: int, length: int) -> Numbers:
    """Return the matrix that filters `length` pixels, with their margins, into one block."""
    matrix = np.zeros((length // step, length + 2 * MARGIN))
    for row in range(len(matrix)):
        matrix[row, row * step : row * step + len(taps)] = taps
    return matrix


def rows_of_strips(width: int, pixels: int = STRIP_PIXELS) -> int:
    """Return how many rows make a strip of about so many pixels: whole blocks, few enough for BLAS.

    Examples
    --------
    >>> rows_of_strips(1000), rows_of_strips(10), rows_of_strips(1_000_000)
    (32, 256, 8)
    """
    return min(max(pixels // width // _DOWN[0], 1) * _DOWN[0], _MOST_ROWS)


def strips(start: int, stop: int, rows: int) -> Iterator[tuple[int, int]]:
    """Cut rows into strips of so many rows.

    Examples
    --------
    >>> list(strips(96, 168, 32))
    [(96, 128), (128, 160), (160, 168)]
    """
    for top in range(start, stop, rows):
        yield top, min(top + rows, stop)


def half_size(image: npt.NDArray[np.uint8] | Numbers, strip_pixels: int = STRIP_PIXELS) -> Numbers:
    """Return a picture at half its size, as MATLAB's ``imresize(image, 0.5)`` has it.

    Bicubic, smoothed against aliasing; pixels beyond the border mirror those inside, the outermost
    included. Exact for 8-bit pixels, and not cut off at 0 and 255.

    Parameters
    ----------
    image : (h, w) uint8 or float64
    strip_pixels : int
        Pixels that are worked on at a time; the result does not depend on it.

    Returns
    -------
    (ceil(h / 2), ceil(w / 2)) float64

    Examples
    --------
    >>> half_size(np.array([[0, 0, 8, 8], [0, 0, 8, 8]], np.uint8))
    array([[0.4375, 7.5625]])
    """
    high, wide = ((length + 1) // 2 for length in image.shape)
    padded = np.pad(image, MARGIN + 1, mode="symmetric")[1:, 1:]
    result = np.empty((high, wide))
    rows = rows_of_strips(2 * wide, strip_pixels)
    halve = ShortFilter(_HALF, 2, 1, min(rows, 2 * high), 2 * wide)
    for top, bottom in strips(0, 2 * high, rows):
        part = padded[top : bottom + 2 * MARGIN]
        halve.source[0, : part.shape[0], : part.shape[1]] = part
        half = halve.apply(bottom - top)[0]
        result[top // 2 : bottom // 2] = half[: (bottom - top) // 2, :wide]
    return result
