"""Align two photos to a fraction of a pixel, at the resolution of the coarser one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]
    Matrix = npt.NDArray[np.float64]

#: The longer side at which photos are compared closely, at most.
CLOSE_SIDE = 1600

#: The same for what is drawn or written, where the finest detail may be all that differs.
NATIVE_SIDE = 3600

#: What :func:`safelight.imaging.decode` gets for the first of them.
CLOSE_MIN_SIDE = 1200

# Points that are followed from one picture into the other, and how far apart they are at least.
_POINTS, _APART = 300, 12

# Points are sought in a picture made as much smaller that its longer side is about this: a third of
# the time of a close look went into seeking them at full size.
_SOUGHT_SIDE = 800

# Fewer that agree say nothing.
_FEWEST = 12

# Pixels: points that agree on one affine map, and a map that moves no corner further is none.
_PIXELS_OFF, _STILL = 1.0, 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """Two photos at one resolution, pixel on pixel.

    Attributes
    ----------
    a, b : (h, w, 3) uint8
    common : (h, w) bool or None
        Where both are; None: everywhere.
    moved : float
        How far the corners of the frame had to be moved at most, beyond the given alignment, as a
        share of the longer side.
    resampled : bool
        Whether one of the two was scaled or moved for it.
    size_a, size_b : float
        Pixels of these for one of those that were given, across.
    """

    a: Pixels
    b: Pixels
    common: npt.NDArray[np.bool_] | None
    moved: float
    resampled: bool
    size_a: float
    size_b: float


def align_whole(a: Pixels, b: Pixels, side: int = CLOSE_SIDE) -> Aligned:
    """Align two photos that fill one frame, whatever their sizes and proportions."""
    return followed(overlaid(a, b, side))


def overlaid(a: Pixels, b: Pixels, side: int = CLOSE_SIDE) -> Aligned:
    """Scale two photos that fill one frame to one size, and move neither."""
    width, height = min(
        (a.shape[1], a.shape[0]), (b.shape[1], b.shape[0]), key=lambda size: size[0] * size[1]
    )
    factor = min(1.0, side / max(width, height))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    first, second = scaled(a, size), scaled(b, size)
    sizes = (size[0] / a.shape[1], size[0] / b.shape[1])
    resampled = a.shape != b.shape or factor < 1
    return Aligned(first, second, None, 0.0, resampled, *sizes)


def followed(laid: Aligned) -> Aligned:
    """Move the second of two overlaid photos as points of the first are found in it."""
    matrix = _followed(laid.a, laid.b)
    if matrix is None:
        return laid
    size = (laid.a.shape[1], laid.a.shape[0])
    moved = _corner_shift(matrix, size)
    laid = replace(laid, moved=moved / max(size))
    if moved <= _STILL:
        return laid
    second, common = _warped(laid.b, matrix, size)
    return replace(laid, b=second, common=common, resampled=True)


def align_by(a: Pixels, b: Pixels, matrix: Matrix, side: int = CLOSE_SIDE) -> Aligned:
    """Align two photos by a map from the coordinates of `a` to those of `b`, and refine it.

    Parameters
    ----------
    a, b : (h, w, 3) uint8
    matrix : (2, 3) float64
        A shift, turn and scale between the centres of pixels.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    shrink = min(1.0, scale, side / max(a.shape[:2]))
    size = (max(1, round(a.shape[1] * shrink)), max(1, round(a.shape[0] * shrink)))
    first = scaled(a, size)
    shrink_b = min(1.0, shrink / scale)
    size_b = (max(1, round(b.shape[1] * shrink_b)), max(1, round(b.shape[0] * shrink_b)))
    second = scaled(b, size_b)
    matrix = rescaled(matrix, size[0] / a.shape[1], size_b[0] / b.shape[1])
    warped, common = _warped(second, matrix, size)
    moved = 0.0
    more = _followed(first, warped, common)
    if more is not None:
        moved = _corner_shift(more, size)
        if moved > _STILL:
            matrix = _after(more, matrix)
            warped, common = _warped(second, matrix, size)
    return Aligned(first, warped, common, moved / max(size), True, shrink, shrink_b)


def in_tones_of(aligned: Aligned) -> Aligned:
    """Return the pair with one picture brought to the other's tones, by a rising curve a channel.

    Of both ways that which fits better: where tones were cut off, there is no way back.
    """
    import cv2

    size = (max(1, aligned.a.shape[1] // 8), max(1, aligned.a.shape[0] // 8))
    small_a, small_b = (
        cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (aligned.a, aligned.b)
    )
    where: Any = slice(None)
    if aligned.common is not None:
        mask = cv2.resize(aligned.common.astype(np.uint8), size, interpolation=cv2.INTER_AREA)
        where = mask.ravel() > 0
    first, second = (each.reshape(-1, 3)[where] for each in (small_a, small_b))
    if len(first) < _FEWEST:
        return aligned
    (forth, off_b), (back, off_a) = _tone_curves(second, first), _tone_curves(first, second)
    if off_b <= off_a:
        return replace(aligned, b=np.asarray(cv2.LUT(aligned.b, forth), np.uint8))
    return replace(aligned, a=np.asarray(cv2.LUT(aligned.a, back), np.uint8))


def _tone_curves(source: Any, target: Any) -> tuple[Any, float]:
    """Return curves, (1, 256, 3) uint8, from the one's tones to the other's, and how far off."""
    curves = np.empty((1, 256, 3), np.uint8)
    off = 0.0
    for channel in range(3):
        levels, wanted = source[:, channel], target[:, channel]
        bins = levels // 8
        filled = [number for number in range(32) if (bins == number).sum() >= 4]
        if not filled:
            return np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2), np.inf
        at = [float(levels[bins == number].mean()) for number in filled]
        to = np.maximum.accumulate([float(np.median(wanted[bins == each])) for each in filled])
        curve = np.clip(np.interp(np.arange(256), at, to), 0, 255)
        curves[0, :, channel] = np.rint(curve)
        off += float(np.median(np.abs(curve[levels] - wanted))) / (float(wanted.std()) + 1)
    return curves, off


def lost_detail(pixels: Pixels, factor: float) -> float:
    """Return the share of a picture's contrast that is lost when it is made smaller.

    Where it has contrast: of a page, the ink.
    """
    import cv2

    if factor > 0.9:
        return 0.0
    if max(pixels.shape[:2]) > NATIVE_SIDE:
        factor_down = NATIVE_SIDE / max(pixels.shape[:2])
        width, height = (round(each * factor_down) for each in pixels.shape[1::-1])
        pixels = scaled(pixels, (width, height))
    grey: Any = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    size = (max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor)))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    again = cv2.resize(small, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_CUBIC)
    grey, again = grey.astype(np.float32), again.astype(np.float32)
    around = cv2.blur(grey, (17, 17))
    contrast, lost = (grey - around) ** 2, (grey - again) ** 2
    where = contrast > max(100.0, 2 * float(contrast.mean()))
    return float(lost[where].mean() / contrast[where].mean()) if where.any() else 0.0


def rescaled(matrix: Matrix, factor_a: float, factor_b: float) -> Matrix:
    """Return a map between the centres of pixels for pictures scaled by these factors."""
    result = matrix.astype(np.float64).copy()
    result[:, 2] += result[:, :2] @ np.full(2, 0.5 / factor_a - 0.5) + 0.5
    result[:, :2] *= factor_b / factor_a
    result[:, 2] = result[:, 2] * factor_b - 0.5
    return result


def scaled(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Return a picture at another size; whoever makes it smaller does so without aliasing."""
    import cv2

    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    factor = max(pixels.shape[1] / size[0], pixels.shape[0] / size[1])
    if factor <= 1:
        return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    whole = int(factor)
    if whole > 1:  # exact means first, so that the rest is cheap
        part = (max(size[0], pixels.shape[1] // whole), max(size[1], pixels.shape[0] // whole))
        pixels = np.asarray(cv2.resize(pixels, part, interpolation=cv2.INTER_AREA), np.uint8)
        factor = max(pixels.shape[1] / size[0], pixels.shape[0] / size[1])
    if factor > 1:
        sigma = 0.45 * (factor**2 - 1) ** 0.5
        if sigma > 0.2:
            pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _followed(a: Pixels, b: Pixels, common: npt.NDArray[np.bool_] | None = None) -> Matrix | None:
    """Return the affine map from `a` to `b` that points follow, None if too few do."""
    import cv2

    if min(a.shape[:2]) < 48:
        return None
    grey_a, grey_b = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (a, b))
    points = _points(grey_a, common)
    if points is None or len(points) < _FEWEST:
        return None
    follow: Any = cv2.calcOpticalFlowPyrLK
    after, status, _ = follow(grey_a, grey_b, points, None, winSize=(17, 17), maxLevel=3)
    back, again, _ = follow(grey_b, grey_a, after, None, winSize=(17, 17), maxLevel=3)
    off = np.abs(back - points).max(axis=(1, 2)) if len(points) else np.empty(0)
    good = (status[:, 0] > 0) & (again[:, 0] > 0) & (off < 0.3)
    if good.sum() < _FEWEST:
        return None
    cv2.setRNGSeed(0)
    matrix, inside = cv2.estimateAffine2D(
        points[good, 0], after[good, 0], ransacReprojThreshold=_PIXELS_OFF, refineIters=10
    )
    if matrix is None or int(inside.sum()) < max(_FEWEST, 0.4 * good.sum()):
        return None
    return np.asarray(matrix, np.float64)


def _points(grey: Any, common: npt.NDArray[np.bool_] | None) -> Any:
    """Return points that can be followed, (n, 1, 2) float32; None if there are none."""
    import cv2

    factor = max(1, round(max(grey.shape) / _SOUGHT_SIDE))
    mask: Any = None if common is None else common.astype(np.uint8)
    if factor > 1:
        size = (grey.shape[1] // factor, grey.shape[0] // factor)
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        mask = None if mask is None else cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    points = cv2.goodFeaturesToTrack(grey, _POINTS, 0.005, _APART / factor, mask=mask)
    return None if points is None else (points + 0.5) * factor - 0.5


def _corner_shift(matrix: Matrix, size: tuple[int, int]) -> float:
    corners = np.array([[0, 0, size[0], size[0]], [0, size[1], 0, size[1]]], float)
    return float(np.abs(matrix[:, :2] @ corners + matrix[:, 2:] - corners).max())


def _after(first: Matrix, second: Matrix) -> Matrix:
    """Return the map that applies `first`, then `second`."""
    full = np.vstack([first, [0, 0, 1]])
    return np.asarray(second @ full, np.float64)


def _warped(
    pixels: Pixels, matrix: Matrix, size: tuple[int, int]
) -> tuple[Pixels, npt.NDArray[np.bool_]]:
    import cv2

    back: Any = cv2.invertAffineTransform(matrix)
    warped = cv2.warpAffine(
        pixels, back, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    inside = np.full(pixels.shape[:2], 255, np.uint8)
    common = cv2.warpAffine(inside, back, size, flags=cv2.INTER_NEAREST) > 0
    return np.asarray(warped, np.uint8), common
