"""Block similarity of two aligned pictures, and the kinds of their differences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from safelight.duplicates.verification.alignment import Alignment

#: Pictures are compared in blocks of so many pixels across and down.
_BLOCK = 16

#: Noise and the finest detail, which compression changes, are taken out with the first; shadows and
#: vignettes, which edits change, with the second: standard deviations of Gaussians, in pixels.
_FINE, _COARSE = 1.5, 6.0

#: What is finer than this is the finest detail.
_FINEST = 0.8

#: A block with less contrast, in levels, has no texture that could agree; in a picture of little
#: texture, one with less than half of its blocks have, but never less than the second.
_TEXTURE, _LEAST_TEXTURE = 3.0, 1.0

#: Added to both sides of a ratio, in levels: less is rounding.
_NO_DETAIL, _NO_GRAIN = 0.1, 0.5

#: Percent of the blocks that count as smooth.
_SMOOTHEST = 10

#: Colours are compared in cells of about so many pixels across and down.
_CELL = 12

#: Two pixels are of one colour if no channel differs by more.
_ONE_COLOUR = 8


@dataclass(frozen=True, slots=True)
class Agreement:
    """Block similarity of two aligned pictures.

    Attributes
    ----------
    share : float
        Of the blocks with texture, those that look alike.
    blocks : int
        With texture.
    tone : float
        The mean difference of their colours, in levels.
    detail, grain : float
        The contrast of the finest detail in the second, to that in the first: of all blocks, and of
        the smoothest ones, where it is noise.
    """

    share: float
    blocks: int
    tone: float
    detail: float
    grain: float


def agree(laid: Alignment, block_correlation: float) -> Agreement:
    """Compare two pictures where both are."""
    import cv2

    a, b = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY).astype(np.float32) for each in (laid.a, laid.b))
    common = laid.common.astype(np.float32)
    textures = [_blurred(each, common, _FINE) - _blurred(each, common, _COARSE) for each in (a, b)]
    inside = _blocks(common).min(axis=1, initial=1) > 0
    blocks_a, blocks_b = (_blocks(texture)[inside] for texture in textures)
    blocks_a, blocks_b = (each - each.mean(axis=1, keepdims=True) for each in (blocks_a, blocks_b))
    contrast_a, contrast_b = blocks_a.std(axis=1), blocks_b.std(axis=1)
    contrast = np.maximum(contrast_a, contrast_b)
    usual = float(np.median(contrast)) if len(contrast) else 0.0
    textured = contrast > min(_TEXTURE, max(_LEAST_TEXTURE, usual))
    product = np.maximum(contrast_a * contrast_b, 1e-6)
    alike = (blocks_a * blocks_b).mean(axis=1) / product >= block_correlation
    detail, grain = 1.0, 1.0
    if inside.any():
        fine = [_blocks(each - _blurred(each, common, _FINEST))[inside] for each in (a, b)]
        detail = float((fine[1].std() + _NO_DETAIL) / (fine[0].std() + _NO_DETAIL))
        smooth = [np.percentile(each.std(axis=1), _SMOOTHEST) + _NO_GRAIN for each in fine]
        grain = float(smooth[1] / smooth[0])
    return Agreement(
        float(alike[textured].mean()) if textured.any() else 0.0,
        int(textured.sum()),
        _tone(laid),
        detail,
        grain,
    )


def is_plain(pixels: npt.NDArray[np.uint8], share: float) -> bool:
    """Tell whether `share` of some pixels, (n, 3) uint8, are of one colour."""
    if not len(pixels):
        return False
    usual = np.median(pixels, axis=0)
    near = (np.abs(pixels - usual) <= _ONE_COLOUR).all(axis=1)
    return bool(near.mean() >= share)


def _blurred(values: Any, where: Any, sigma: float) -> Any:
    """Return a picture blurred as if there were nothing but where it is 1."""
    import cv2

    if where.all():
        return cv2.GaussianBlur(values, (0, 0), sigma)
    weights = cv2.GaussianBlur(where, (0, 0), sigma)
    return cv2.GaussianBlur(values * where, (0, 0), sigma) / np.maximum(weights, 1e-3)


def _tone(laid: Alignment) -> float:
    import cv2

    height, width = laid.common.shape
    size = (max(1, round(width / _CELL)), max(1, round(height / _CELL)))

    def cells(picture: Any) -> Any:
        return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)

    wholly = cells(laid.common.astype(np.float32)) > 0.999
    if not wholly.any():
        return 0.0
    first, second = (cells(each.astype(np.float32))[wholly] for each in (laid.a, laid.b))
    return float(np.abs(first - second).mean())


def _blocks(values: Any) -> Any:
    """Return (n, 256): blocks of a picture, (h, w), without what is left over at its edges."""
    rows, columns = values.shape[0] // _BLOCK, values.shape[1] // _BLOCK
    top, left = (values.shape[0] - rows * _BLOCK) // 2, (values.shape[1] - columns * _BLOCK) // 2
    part = values[top : top + rows * _BLOCK, left : left + columns * _BLOCK]
    return part.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2).reshape(-1, _BLOCK * _BLOCK)
