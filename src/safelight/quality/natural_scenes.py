"""Natural scene statistics, by which BRISQUE and NIQE judge a photo.

Divide what a pixel differs from its surroundings by how much they vary: the result (MSCN
coefficients: mean subtracted, contrast normalised) has much the same distribution in all natural
photos, and so have products of neighbours; damage changes it (Ruderman 1994; Mittal, Moorthy and
Bovik 2012). Of pixels x from 0 to 255::

    mean(x)  = sum of w x over 7x7 pixels, w a Gaussian of sigma 7/6
    sigma(x) = sqrt(|mean(x²) - mean(x)²|)
    mscn     = (x - mean(x)) / (sigma(x) + 1)

Where 7x7 pixels are equal, x - mean(x) is zero; computed, it is some 1e-13 either way, by the order
of the sum alone. The fits count what is above zero and what is below, so that order has moved
published scores by several points. Here a difference below 1e-9 is zero: no genuine one that small
was found in photos of 8 bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from safelight.quality.short_filter import (
    MARGIN,
    STRIP_PIXELS,
    ShortFilter,
    rows_of_strips,
    strips,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]
    Levels = npt.NDArray[np.uint8] | Numbers

#: Differences from the mean below this are rounding.
ROUNDING = 1e-9

_EXPONENTS = [-(place**2) / (2 * (7 / 6) ** 2) for place in range(-MARGIN, MARGIN + 1)]
_GAUSSIAN = tuple(math.exp(e) / math.fsum(map(math.exp, _EXPONENTS)) for e in _EXPONENTS)

# The coefficients themselves, then their products with four neighbours.
_KINDS = 5

# Squares are summed of twice the coefficients, and of four times the products.
_SQUARED = np.array([4.0, 16.0, 16.0, 16.0, 16.0])[:, None, None]


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over the coefficients of each block and products of neighbours, for the fits.

    All are (5, down, across) float64: of the coefficients, and of their products with the neighbour
    to the right, below, below to the right, below to the left. Beyond the border of a block that is
    the one at the opposite side.

    Attributes
    ----------
    squares_above, squares_below
        Sums of the squares of the positive, and of the negative ones.
    magnitudes
        Sums of the absolute values.
    above, below
        How many are positive, and negative.
    count : int
        Pixels of a block.
    """

    squares_above: Numbers
    squares_below: Numbers
    magnitudes: Numbers
    above: Numbers
    below: Numbers
    count: int


def sums_of_blocks(
    image: Levels,
    block: tuple[int, int],
    border: Literal["constant", "edge"],
    strip_pixels: int = STRIP_PIXELS,
) -> Sums:
    """Sum up the coefficients of a picture, block by block.

    Parameters
    ----------
    image : (h, w) uint8 or float64
        Grey levels, 0 to 255.
    block : (int, int)
        Height and width of the blocks; the picture holds none in part.
    border : str
        What lies beyond the picture: zeros (``constant``), or its outermost pixels (``edge``).
    strip_pixels : int
        Pixels that are worked on at a time; the result does not depend on it.
    """
    height, width = block
    down, across = image.shape[0] // height, image.shape[1] // width
    padded = np.pad(image, MARGIN, mode=border)
    rows = min(rows_of_strips(image.shape[1], strip_pixels), height)
    coefficients = _Coefficients(rows, across, width)
    # A sum for each row of each block: they are added in one order, however many rows make a strip.
    found = np.empty((_KINDS, _PARTS, len(image), across))
    ones = np.ones(width)
    for start in range(0, len(image), height):
        for top, bottom in strips(start, start + height, rows):
            parts = coefficients.compute(padded[top : bottom + 2 * MARGIN])
            here, right = parts[:, 1:, :, :-1], parts[:, 1:, :, 1:]
            np.vecdot(here, ones, out=found[0, :, top:bottom])
            _multiply(here, right, found[1, :, top:bottom])
            if top == start:
                first = parts[:, 1:2].copy()
                _multiply_down(parts[:, 1:], found[:, :, top : bottom - 1])
            else:
                _multiply_down(parts, found[:, :, top - 1 : bottom - 1])
        around = np.concatenate([parts[:, -1:], first], axis=1)
        _multiply_down(around, found[:, :, bottom - 1 : bottom])
    totals = found.reshape(_KINDS, _PARTS, down, height, across).sum(axis=3)
    squares_above, squares_below, magnitudes, balance, present = totals.swapaxes(0, 1)
    return Sums(
        squares_above / _SQUARED,
        squares_below / _SQUARED,
        magnitudes,
        (present + balance) / 2,
        (present - balance) / 2,
        height * width,
    )


# What is kept of each coefficient. The sums of all products are dot products of these.
_PARTS = 5
_ABOVE, _BELOW, _MAGNITUDE, _SIGN, _PRESENT = range(_PARTS)


class _Coefficients:
    """MSCN coefficients of one strip after the other, in parts."""

    def __init__(self, rows: int, across: int, width: int) -> None:
        self._moments = ShortFilter(_GAUSSIAN, 1, 2, rows, across * width)
        # One row more for the last of the strip before, one column more for the first over again.
        self._parts = np.empty((_PARTS, rows + 1, across, width + 1))
        self._rows = 0

    def compute(self, lines: npt.NDArray[Any]) -> Numbers:
        """Compute the coefficients of a strip.

        Parameters
        ----------
        lines : (n + 6, w + 6)
            The strip, with its margins.

        Returns
        -------
        (5, n + 1, across, width + 1) float64
            Of each coefficient: its square, times 4, if it is positive, else 0; the same if it is
            negative; its magnitude; its sign; whether it is not zero. The first row is the last one
            of the strip before, and the last column of each block is its first. Overwritten by the
            next call.
        """
        rows, wide = len(lines) - 2 * MARGIN, lines.shape[1] - 2 * MARGIN
        parts = self._parts
        parts[:, 0] = parts[:, self._rows]
        self._rows = rows

        source = self._moments.source[:, : len(lines), : lines.shape[1]]
        source[0] = lines
        np.square(source[0], out=source[1])
        mean, spread = self._moments.apply(rows)[:, :rows, :wide]
        difference = source[0, MARGIN:-MARGIN, MARGIN:-MARGIN]
        difference -= mean
        np.square(mean, out=mean)
        spread -= mean
        np.abs(spread, out=spread)
        np.sqrt(spread, out=spread)
        spread += 1

        np.abs(difference, out=mean)
        rounding = mean < ROUNDING
        if rounding.any():
            difference[rounding] = 0
        difference /= spread

        result = parts[:, 1 : rows + 1]
        above, below, magnitude, sign, present = result
        sign[..., :-1] = difference.reshape(sign[..., :-1].shape)
        sign[..., -1] = sign[..., 0]
        np.abs(sign, out=magnitude)
        np.add(magnitude, sign, out=above)
        np.subtract(magnitude, sign, out=below)
        np.square(result[:2], out=result[:2])
        # np.sign() takes ten times as long: its branches go either way.
        positive, negative = (sign > 0).view(np.int8), (sign < 0).view(np.int8)
        np.subtract(positive, negative, out=sign, casting="unsafe")
        np.add(positive, negative, out=present)
        return parts[:, : rows + 1]


def _multiply(one: Numbers, other: Numbers, out: Numbers) -> None:
    """Sum up the products of coefficients along each row of each block.

    With a and b as the parts of both that lie above and below zero, squares above zero sum up to
    a.a' + b.b', and those below to a.b' + b.a'. No sum is the difference of two large ones.
    """
    np.vecdot(one, other, out=out)
    out[_ABOVE] += out[_BELOW]
    np.vecdot(one[:2], other[1::-1]).sum(axis=0, out=out[_BELOW])


def _multiply_down(parts: Numbers, out: Numbers) -> None:
    upper, lower = parts[:, :-1], parts[:, 1:]
    _multiply(upper[..., :-1], lower[..., :-1], out[2])
    _multiply(upper[..., :-1], lower[..., 1:], out[3])
    _multiply(upper[..., 1:], lower[..., :-1], out[4])


def flat_fraction(gray: Levels) -> float:
    """Return the share of pixels whose surroundings, 7x7 pixels, are exactly equal; 0 to 1.

    Of these a published value depends on the order of its sums: with a large share, any other
    implementation will give another value. Beyond the border lie the outermost pixels.

    Parameters
    ----------
    gray : (h, w) uint8 or float64

    Examples
    --------
    >>> flat_fraction(np.zeros((2, 5), np.uint8)), flat_fraction(np.eye(9))
    (1.0, 0.07407407407407407)
    """
    padded = np.pad(gray, MARGIN, mode="edge")
    # All seven rows are flat, and the first column is.
    flat = _seven(_six((padded[:, 1:] == padded[:, :-1]).T).T)
    flat &= _six(padded[1:] == padded[:-1])[:, : gray.shape[1]]
    return float(np.count_nonzero(flat) / flat.size)


def _six(same: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return where six rows in succession are true."""
    two = same[:-1] & same[1:]
    return two[:-4] & two[2:-2] & two[4:]


def _seven(same: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return where seven rows in succession are true."""
    six = _six(same)
    return six[:-1] & six[1:]
