"""Align two images, by ORB features or as given."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.forks import renew_lock

if TYPE_CHECKING:
    import numpy.typing as npt

#: The longer side at which pictures are compared.
SIDE = 384

#: What :func:`safelight.imaging.decode` gets, so that photos of the usual proportions
#: have at least :data:`SIDE` pixels on the longer side.
MIN_SIDE = 288

# Finding corners: enough that half of a picture has enough of them.
_CORNERS, _STEP, _LEVELS = 700, 1.2, 8

#: Descriptions of one corner differ in fewer bits of 256 than those of two.
_CORNER_BITS = 64

#: How far apart a corner and the one that it is to fall on may be, in pixels.
_PIXELS_OFF = 3.0

_FEWEST = 6

# A photo is compared with several others: its corners, 30 kB, are kept for so many.
_MOST_KEPT = 256
_KEPT: OrderedDict[bytes, tuple[Any, Any]] = OrderedDict()
_LOCK = threading.Lock()
renew_lock(_LOCK)


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Two aligned pictures, at the size of the coarser.

    Attributes
    ----------
    a, b : (h, w, 3) uint8
        The first picture, and the second as it lies upon it.
    common : (h, w) bool
        Where both are.
    scale : float
        Pixels of the second photo for one of the first, as both were given.
    degrees : float
        By which the second is turned.
    a_covered, b_covered : float
        The share of each that the other covers.
    a_overhang, b_overhang : float
        How far each reaches over the other's edge at most, as a share of the longer side.
    a_outside, b_outside : (n, 3) uint8
        Pixels of each where the other is not.
    corners : int or None
        That fell on each other; None if they were aligned as given.
    matrix : (2, 3) float64 or None
        From the centres of the first picture's pixels to those of the second, both made as wide as
        `widths` says; None if they were aligned as given.
    widths : (int, int)
    """

    a: npt.NDArray[np.uint8]
    b: npt.NDArray[np.uint8]
    common: npt.NDArray[np.bool_]
    scale: float
    degrees: float
    a_covered: float
    b_covered: float
    a_overhang: float
    b_overhang: float
    a_outside: npt.NDArray[np.uint8]
    b_outside: npt.NDArray[np.uint8]
    corners: int | None
    matrix: npt.NDArray[np.float64] | None = None
    widths: tuple[int, int] = (0, 0)


def fitted(pixels: npt.NDArray[np.uint8], side: int = SIDE) -> npt.NDArray[np.uint8]:
    """Return a picture with its longer side at most `side`."""
    height, width = pixels.shape[:2]
    factor = side / max(height, width)
    return _scaled(pixels, factor) if factor < 1 else pixels


def align_whole(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> Alignment:
    """Lay one picture over the other as it is, whatever their sizes and proportions."""
    import cv2

    side = min(SIDE, max(a.shape[:2]), max(b.shape[:2]))
    scale = (b.shape[0] * b.shape[1] / (a.shape[0] * a.shape[1])) ** 0.5
    a = fitted(a, side)
    b = np.asarray(cv2.resize(b, (a.shape[1], a.shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
    return replace(align_as_given(a, b), scale=scale)


def align_as_given(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> Alignment:
    """Lay two pictures of one size over each other, pixel on pixel."""
    nothing = np.empty((0, 3), np.uint8)
    everywhere = np.ones(a.shape[:2], bool)
    return Alignment(a, b, everywhere, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, nothing, nothing, None)


def align_by_features(
    a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8], corners: int
) -> Alignment | None:
    """Shift, turn and scale `b` so that its corners fall on those of `a`.

    Parameters
    ----------
    a, b : (h, w, 3) uint8
    corners : int
        So many have to, or None is returned.
    """
    import cv2

    small_a, small_b = fitted(a), fitted(b)
    matched = _matched(small_a, small_b)
    if matched is None or len(matched.a) < corners:
        return None
    # Its trials are drawn at random; the same ones each time.
    cv2.setRNGSeed(0)
    matrix, inside = cv2.estimateAffinePartial2D(
        matched.a,
        matched.b,
        method=cv2.RANSAC,
        ransacReprojThreshold=_PIXELS_OFF,
        maxIters=2000,
        confidence=0.995,
    )
    if matrix is None or int(inside.sum()) < corners:
        return None
    matrix = _refined(matched, matrix)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if not 0.1 < scale < 10:
        return None
    laid = _laid(small_a, small_b, matrix, scale)
    given = (len(b) / len(small_b)) / (len(a) / len(small_a))
    degrees = float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    return replace(
        laid,
        scale=scale * given,
        degrees=degrees,
        corners=int(inside.sum()),
        matrix=matrix,
        widths=(small_a.shape[1], small_b.shape[1]),
    )


def overlap(
    a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8], corners: int
) -> tuple[float, float] | None:
    """Return the share of each of two views that the other shows; None if they show no same scene.

    Views differ in perspective: corners are matched by a homography.
    """
    import cv2

    a, b = fitted(a), fitted(b)
    matched = _matched(a, b)
    if matched is None or len(matched.a) < corners:
        return None
    cv2.setRNGSeed(0)
    matrix, inside = cv2.findHomography(matched.a, matched.b, cv2.RANSAC, _PIXELS_OFF)
    if matrix is None or int(inside.sum()) < corners:
        return None
    try:
        back = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return None
    return _share_within(a, b, matrix), _share_within(b, a, back)


def _share_within(
    of: npt.NDArray[np.uint8], within: npt.NDArray[np.uint8], matrix: npt.NDArray[Any]
) -> float:
    """Return the share of a picture that a homography brings into another."""
    height, width = of.shape[:2]
    y, x = np.mgrid[: height : height / 24, : width : width / 24].reshape(2, -1)
    moved = matrix @ np.stack([x, y, np.ones_like(x)])
    with np.errstate(all="ignore"):
        x, y = moved[:2] / moved[2]
    inside = (moved[2] > 0) & (x >= 0) & (y >= 0) & (x < within.shape[1]) & (y < within.shape[0])
    return float(inside.mean())


@dataclass(frozen=True, slots=True, eq=False)
class _Matched:
    """Places of corners that look alike, (n, 2) float32 in each picture, and the product of sizes.

    A large corner is a corner of a coarse copy of the picture: its place is known less exactly.
    """

    a: npt.NDArray[np.float32]
    b: npt.NDArray[np.float32]
    size: npt.NDArray[np.float32]


def _matched(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> _Matched | None:
    import cv2

    (points_a, looks_a), (points_b, looks_b) = _corners(a), _corners(b)
    if len(points_a) < _FEWEST or len(points_b) < _FEWEST:
        return None
    found = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(looks_a, looks_b)
    pairs = [
        (points_a[match.queryIdx], points_b[match.trainIdx])
        for match in found
        if match.distance <= _CORNER_BITS
    ]
    if len(pairs) < _FEWEST:
        return None
    return _Matched(
        np.array([one.pt for one, _ in pairs], np.float32),
        np.array([other.pt for _, other in pairs], np.float32),
        np.array([one.size * other.size for one, other in pairs], np.float32),
    )


def _corners(picture: npt.NDArray[np.uint8]) -> tuple[Any, Any]:
    """Return a picture's corners and their descriptions, those of the last pictures as kept."""
    import cv2

    key = hashlib.blake2b(picture.tobytes(), digest_size=16).digest()
    with _LOCK:
        if key in _KEPT:
            _KEPT.move_to_end(key)
            return _KEPT[key]
    detector = cv2.ORB.create(_CORNERS, _STEP, _LEVELS, edgeThreshold=16, fastThreshold=8)
    found = detector.detectAndCompute(_grey(picture), None)
    with _LOCK:
        _KEPT[key] = found
        while len(_KEPT) > _MOST_KEPT:
            _KEPT.popitem(last=False)
    return found


def _refined(matched: _Matched, matrix: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Fit a shift, turn and scale to the corners that fall on each other, the exact ones first."""
    a, b = (each[:, 0] + 1j * each[:, 1] for each in (matched.a, matched.b))
    factor, shift = complex(matrix[0, 0], matrix[1, 0]), complex(matrix[0, 2], matrix[1, 2])
    weight = 1.0 / matched.size
    for limit in (_PIXELS_OFF, _PIXELS_OFF / 2, _PIXELS_OFF / 2):
        near = np.abs(factor * a + shift - b) <= limit
        if near.sum() < _FEWEST:
            break
        some = weight * near
        total = some.sum()
        mean_a, mean_b = (some * a).sum() / total, (some * b).sum() / total
        spread = (some * np.abs(a - mean_a) ** 2).sum()
        if spread < 1e-6:
            break
        factor = complex((some * (b - mean_b) * np.conj(a - mean_a)).sum() / spread)
        shift = complex(mean_b - factor * mean_a)
    return np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    )


def _laid(
    a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8], matrix: npt.NDArray[Any], scale: float
) -> Alignment:
    import cv2

    # The finer one is made coarser first: taking single pixels of it would only make noise.
    shrink_a, shrink_b = min(1.0, scale), min(1.0, 1 / scale)
    a, b = _scaled(a, shrink_a), _scaled(b, shrink_b)
    # From the coordinates of one to those of the other, of pixels' centres.
    matrix = matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ np.full(2, 0.5 / shrink_a - 0.5) + 0.5
    matrix[:, :2] *= shrink_b / shrink_a
    matrix[:, 2] = matrix[:, 2] * shrink_b - 0.5
    back = cv2.invertAffineTransform(matrix)
    size_a, size_b = (a.shape[1], a.shape[0]), (b.shape[1], b.shape[0])

    def moved(picture: Any, onto: tuple[int, int], by: Any, how: int) -> npt.NDArray[np.uint8]:
        return np.asarray(cv2.warpAffine(picture, by, onto, flags=how), np.uint8)

    full_a, full_b = (np.full(picture.shape[:2], 255, np.uint8) for picture in (a, b))
    on_a = moved(full_b, size_a, back, cv2.INTER_NEAREST) > 0
    on_b = moved(full_a, size_b, matrix, cv2.INTER_NEAREST) > 0
    laid = moved(b, size_a, back, cv2.INTER_LANCZOS4)
    longest = max(*size_a, *size_b)
    return Alignment(
        a,
        laid,
        on_a,
        scale=scale,
        degrees=0.0,
        a_covered=float(on_a.mean()),
        b_covered=float(on_b.mean()),
        a_overhang=_overhang(size_a, size_b, matrix) / longest,
        b_overhang=_overhang(size_b, size_a, back) / longest,
        a_outside=a[~on_a],
        b_outside=b[~on_b],
        corners=None,
    )


def _overhang(size: tuple[int, int], onto: tuple[int, int], matrix: npt.NDArray[Any]) -> float:
    """Return by how many pixels a picture of one size reaches beyond another at most."""
    width, height = size
    edges = np.array([[0, 0, width, width], [0, height, 0, height]], float) - 0.5
    x, y = matrix[:, :2] @ edges + matrix[:, 2:]
    beyond = (-0.5 - x.min(), -0.5 - y.min(), x.max() + 0.5 - onto[0], y.max() + 0.5 - onto[1])
    return max(0.0, *map(float, beyond))


def _scaled(pixels: npt.NDArray[np.uint8], factor: float) -> npt.NDArray[np.uint8]:
    import cv2

    if factor == 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _grey(pixels: npt.NDArray[np.uint8]) -> Any:
    import cv2

    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
