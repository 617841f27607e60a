"""Second look at edited photos in which little natural texture agrees.

A photo of few things, out of focus or hard in contrast, has edges and plain ground like a page; but
edges that fall off softly are of a lens. A strongly blurred copy has lost its texture; made small,
both have what is left. Documents and drawings have neither.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.duplicates.verification.block_residuals import residuals
from safelight.duplicates.verification.picture_blocks import WINDOW, picture_blocks, window_means
from safelight.duplicates.verification.worst_place import AGREES, worst_place

if TYPE_CHECKING:
    from safelight.duplicates.verification.close_alignment import Aligned, Pixels
    from safelight.duplicates.verification.compression_model import CompressionNoise

# A block with a soft edge has this range of levels at least, and no step between neighbours of more
# than this share of it.
_RANGE, _STEP = 24, 0.25

# Of the area, what natural texture and soft edges that agree have to have, and soft edges alone.
_ENOUGH, _SOFT = 0.1, 0.04

# The contrast of the finest detail by which one is strongly blurred, and how much smaller both are
# compared then.
_BLURRED, _SMALLER = 4.0, 3

# Of what is textured in the sharper one, what has to be natural. Of 144 drawings: 0.34 at most.
_PHOTO = 0.5


def is_soft(aligned: Aligned, natural: float) -> bool:
    """Tell whether soft edges agree, given the share of the area where natural texture does."""
    import cv2

    soft = _soft(aligned.a) | _soft(aligned.b)
    if soft.mean() < _SOFT:
        return False
    found = residuals(aligned)
    if found is None:
        return False
    rows, columns = soft.shape
    at = np.s_[: 2 * rows : 2, : 2 * columns : 2]
    varied = np.maximum(found.luma - found.mean * found.mean, 0)
    calm = np.minimum(found.variance_a, found.variance_b)
    whole = cv2.erode(found.inside.astype(np.uint8), np.ones((2, 2), np.uint8), anchor=(0, 0))[at]
    agrees = soft & (whole > 0) & (window_means(varied)[at] <= AGREES * calm[at])
    share = float(agrees.sum() / max(1, int(whole.sum())))
    return share >= _SOFT and natural + share >= _ENOUGH


def is_blurred(aligned: Aligned, noise: CompressionNoise, detail: float) -> bool:
    """Tell whether one is a photo, the other strongly blurred, and both alike when made small."""
    import cv2

    if 1 / _BLURRED < detail < _BLURRED:
        return False
    blocks = picture_blocks(aligned.b if detail > 1 else aligned.a)
    if blocks.natural.sum() < _PHOTO * max(1, int(blocks.textured.sum())):
        return False
    height, width = aligned.a.shape[:2]
    size = (width // _SMALLER, height // _SMALLER)
    if min(size) < 2 * WINDOW:
        return False
    first, second = (
        np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_AREA), np.uint8)
        for each in (aligned.a, aligned.b)
    )
    common = aligned.common
    if common is not None:
        part = cv2.resize(common.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        common = part > 0
    place = worst_place(replace(aligned, a=first, b=second, common=common), noise)
    return place is not None and place.is_natural and not place.differs


def _soft(pixels: Pixels) -> Any:
    """Return the blocks of 16 x 16 that have a range of levels and only soft edges."""
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    around = np.ones((2, 2), np.uint8)
    step = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, around)
    rows, columns = grey.shape[0] // WINDOW, grey.shape[1] // WINDOW

    def blocks(values: Any) -> Any:
        part = values[: rows * WINDOW, : columns * WINDOW]
        return part.reshape(rows, WINDOW, columns, WINDOW)

    split = blocks(grey)
    span = split.max((1, 3)).astype(np.float32) - split.min((1, 3))
    return (span >= _RANGE) & (blocks(step).max((1, 3)) <= _STEP * span)
