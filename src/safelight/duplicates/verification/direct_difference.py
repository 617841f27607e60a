"""Direct difference of two images of one frame: a cheap proof that they are one picture.

Most copies were only compressed or scaled. Where one image less the other is small everywhere, no
alignment, kernel or shift can make it larger, so a close look need not fit any: that took 72 ms of
processor time a pair at 1600 pixels, this takes 16 (files of bench/copies.py, 2026-11-27).
Whatever is not proven here is left to the full look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.duplicates.verification.block_residuals import sharper_by
from safelight.duplicates.verification.picture_blocks import (
    BLOCK,
    picture_blocks,
)
from safelight.duplicates.verification.worst_place import (
    AGREES,
    WorstPlace,
    direct_light,
    is_natural,
    least_allowed,
)

if TYPE_CHECKING:
    from safelight.duplicates.verification.close_alignment import Pixels
    from safelight.duplicates.verification.compression_model import CompressionNoise

# Levels, of a colour difference's mean in a block: two thirds of what the full look allows without
# regard to the rest of the picture.
_COLOUR = 4.5

# Texture that agrees has to reach over so much of the width and height: then no part is shifted.
_REACH = 0.5

# Pixels of the side of a quarter of a block, and rows of these that are computed at a time.
_QUARTER, _STRIP = BLOCK // 2, 32

# Pixels, of the shorter side: smaller ones are quick to look at.
_LEAST_SIDE = 96


def proven_same(a: Pixels, b: Pixels, noise: CompressionNoise) -> WorstPlace | None:
    """Return the place that differs most if all is within bounds; None if nothing is proven.

    Parameters
    ----------
    a, b : (h, w, 3) uint8
        Of one size.
    noise : CompressionNoise
    """
    import cv2

    if min(a.shape[:2]) < _LEAST_SIDE:
        return None
    first, second = picture_blocks(a), picture_blocks(b)
    if np.abs(first.chroma - second.chroma).max() > _COLOUR:
        return None
    calm = np.minimum(first.variance, second.variance)
    if direct_light(first.mean - second.mean, calm, noise) > 1:
        return None
    quarters = _quarters(first.luma, second.luma)
    worst = _worst_of_windows(quarters)
    rows, columns = calm.shape
    factors = worst[:rows, :columns] / least_allowed(calm, noise)
    if factors.max() > 1:
        return None
    # What is left of the texture, and whether that reaches over the picture.
    at = np.s_[: rows // 2 * 2 : 2, : columns // 2 * 2 : 2]
    left = cv2.blur(quarters, (4, 4), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)[::2, ::2]
    natural = first.natural & (left[at] <= AGREES * calm[at])
    for axis in (0, 1):
        reached = np.flatnonzero(natural.any(axis=axis))
        if not len(reached) or np.ptp(reached) < _REACH * natural.shape[1 - axis]:
            return None
    shares = float(natural.mean()), float(first.textured.mean())
    if not is_natural(*shares):
        return None
    row, column = np.unravel_index(int(factors.argmax()), factors.shape)
    fine = [float(np.sqrt(each.fine.mean())) for each in (first, second)]
    return WorstPlace(
        float(factors[row, column]),
        float(np.sqrt(worst[row, column])),
        (int(column) + 1) * BLOCK / a.shape[1],
        (int(row) + 1) * BLOCK / a.shape[0],
        "structure",
        0.0,
        *shares,
        two_exposures=False,
        clearly_two=False,
        another_colour=False,
        detail=sharper_by(*fine),
    )


def _quarters(a: Any, b: Any) -> Any:
    """Return the mean squares of the difference of two lumas, by 4 x 4 pixels."""
    import cv2

    rows, columns = a.shape[0] // _QUARTER, a.shape[1] // _QUARTER
    means = np.empty((rows, columns), np.float32)
    for top in range(0, rows, _STRIP):
        count = min(_STRIP, rows - top)
        part = np.s_[top * _QUARTER : (top + count) * _QUARTER, : columns * _QUARTER]
        off = cv2.absdiff(a[part], b[part])
        squares = cv2.multiply(off, off, dtype=cv2.CV_32F)
        means[top : top + count] = cv2.resize(
            squares, (columns, count), interpolation=cv2.INTER_AREA
        )
    return means


def _worst_of_windows(quarters: Any) -> Any:
    """Return the largest mean of 8 x 8 pixels in each window of two blocks."""
    import cv2

    blocks = cv2.blur(quarters, (2, 2), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    return cv2.dilate(blocks, np.ones((3, 3), np.uint8), anchor=(0, 0))[::2, ::2]
