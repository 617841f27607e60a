"""Scale a picture down by area averaging: exact, and the same on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

#: Rows of the result at a time: what belongs to them stays in the processor's cache.
STRIP = 32


def fit(width: int, height: int, side: int) -> tuple[int, int]:
    """Return the size at which the longer side has `side` pixels, or the size itself if smaller.

    Examples
    --------
    >>> fit(4000, 3000, 1024), fit(300, 200, 1024)
    ((1024, 768), (300, 200))
    """
    longest = max(width, height)
    if longest <= side:
        return width, height
    # In whole numbers: half a pixel rounds up, whatever the machine.
    new_width, new_height = (
        max(1, (2 * old * side + longest) // (2 * longest)) for old in (width, height)
    )
    return new_width, new_height


def average(
    pixels: npt.NDArray[np.uint8], size: tuple[int, int], *, strip: int = STRIP
) -> npt.NDArray[np.uint8]:
    """Make a picture smaller: each new pixel is the mean of the area that it covers.

    Pixels that lie in it partly count as far as they do, as OpenCV's ``INTER_AREA`` has it;
    Pillow's ``BOX`` takes a pixel wholly or not at all.

    Parameters
    ----------
    pixels : (height, width) or (height, width, channels) uint8
    size : (int, int)
        New width and height, neither larger than the old.
    strip : int
        Rows of the result at a time; they are the same whatever it is.

    Examples
    --------
    >>> average(np.array([[0, 30, 60]], np.uint8), (2, 1))
    array([[10, 50]], dtype=uint8)
    """
    height, width = pixels.shape[:2]
    if size == (width, height):
        return pixels
    rows, row_weights = _shares(height, size[1])
    columns, column_weights = _shares(width, size[0])
    across = (-1,) + (1,) * (pixels.ndim - 1)
    result = np.empty((size[1], size[0], *pixels.shape[2:]), np.uint8)
    for top in range(0, size[1], strip):
        part = slice(top, top + strip)
        first, last = rows[0, part][0], rows[-1, part][-1]
        source = pixels[first : last + 1].astype(np.float32)
        lower = _weighted(
            source, rows[:, part] - first, row_weights[:, part].reshape(len(rows), *across), 0
        )
        mean = _weighted(lower, columns, column_weights.reshape(len(columns), 1, *across[:-1]), 1)
        mean += 0.5
        result[part] = mean
    return result


def _shares(old: int, new: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """Return which old pixels each new one covers, and how much of it each of them makes up.

    Both are (most old pixels that one new pixel touches, new).
    """
    # In units of 1 / new of an old pixel, so that every border is a whole number.
    start = np.arange(new) * old
    index = start // new + np.arange(-(-old // new) + 1)[:, None]
    covered = np.minimum((index + 1) * new, start + old) - np.maximum(index * new, start)
    touched = (covered > 0).any(axis=1)
    weights = np.maximum(covered[touched], 0) / old
    return np.minimum(index[touched], old - 1), weights.astype(np.float32)


def _weighted(
    source: npt.NDArray[np.float32],
    index: npt.NDArray[np.intp],
    weights: npt.NDArray[np.float32],
    axis: int,
) -> npt.NDArray[np.float32]:
    total: npt.NDArray[np.float32] = np.take(source, index[0], axis)
    total *= weights[0]
    for each, weight in zip(index[1:], weights[1:], strict=True):
        term = np.take(source, each, axis)
        term *= weight
        total += term
    return total
