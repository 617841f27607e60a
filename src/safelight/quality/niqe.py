"""NIQE: distance of a photo's statistics from those of good photos."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from safelight.quality.distributions import fit_asymmetric
from safelight.quality.metric import Measurement
from safelight.quality.natural_scenes import flat_fraction, sums_of_blocks
from safelight.quality.short_filter import STRIP_PIXELS, half_size

if TYPE_CHECKING:
    import numpy.typing as npt

    from safelight.quality.picture import Picture

#: The side of the blocks that have statistics each.
BLOCK = 96

#: Blocks that a picture has at least.
MIN_BLOCKS = 2

#: The value that scores one half, and how much more or less makes the odds e times as bad or good.
HALF = 6.0
STEP = 1.5

_PARAMETERS = Path(__file__).with_name("parameters") / "niqe.npz"

# Y of YCbCr (ITU-R BT.601), 16 to 235, in units of 1 / 255000.
_LUMA = (65_481, 128_553, 24_966)


@dataclass(frozen=True, slots=True)
class Niqe:
    """NIQE (Mittal, Soundararajan and Bovik 2013); score ``1 / (1 + exp((value - 6) / 1.5))``.

    The value is a distance: about 2 for a good photo, 10 and more for a bad one, without end. It is
    measured at evaluation size, that is with at most 1024 pixels on the longer side.

    ``flat_fraction`` in the details says how soft the value is
    (:func:`safelight.quality.natural_scenes.flat_fraction`), ``blocks`` how many there were; with
    less than six it says little.

    Attributes
    ----------
    luma : str
        ``gray``: MATLAB's rgb2gray, as in its authors' release. ``ycbcr``: Y of YCbCr, as papers
        on super-resolution have it; values are 0.07 apart as a rule, up to 0.5 in flat photos.
    """

    luma: Literal["gray", "ycbcr"] = "gray"

    name = "niqe"

    @property
    def version(self) -> str:
        return "1" if self.luma == "gray" else f"1-{self.luma}"

    def measure(self, picture: Picture) -> Measurement:
        """Measure a photo; skipped if it is too small, or too plain to have statistics."""
        gray = picture.gray if self.luma == "gray" else luma(picture.pixels)
        down, across = (length // BLOCK for length in gray.shape)
        if down * across < MIN_BLOCKS:
            reason = f"holds fewer than {MIN_BLOCKS} blocks of {BLOCK}x{BLOCK} pixels"
            return Measurement(None, None, "skipped", reason)
        flat = flat_fraction(gray)
        details = {"flat_fraction": flat, "blocks": down * across}
        if flat == 1:
            return Measurement(None, None, "skipped", "is of one grey level", details)
        value = niqe(gray)
        if not math.isfinite(value):
            reason = f"is flat but for fewer than {MIN_BLOCKS} blocks of {BLOCK}x{BLOCK} pixels"
            return Measurement(None, None, "skipped", reason, details)
        return Measurement(value, score(value), details=details)


def niqe(
    gray: npt.NDArray[np.uint8] | npt.NDArray[np.float64], strip_pixels: int = STRIP_PIXELS
) -> float:
    """Return NIQE as its authors' release computes it (``computequality.m``).

    With the means m and the covariance C of the :func:`features` of a photo's blocks, and the same
    of 125 good photos::

        value = sqrt((m - m') pinv((C + C') / 2) (m - m')ᵀ)

    Parameters
    ----------
    gray : (h, w) uint8 or float64
        0 to 255: what MATLAB's ``rgb2gray`` gives (:func:`safelight.quality.picture.gray_of`), or
        :func:`luma`. Rows and columns beyond whole blocks of 96, at the bottom and at the right,
        are left out.
    strip_pixels : int
        Pixels that are worked on at a time; the result does not depend on it.

    Returns
    -------
    float
        Lower is better: 0 or more, and seldom below 2. nan if there are fewer than two blocks with
        all features.

    References
    ----------
    A. Mittal, R. Soundararajan and A. C. Bovik, "Making a 'Completely Blind' Image Quality
    Analyzer", IEEE Signal Processing Letters 20 (3), 2013.
    """
    if (gray.shape[0] // BLOCK) * (gray.shape[1] // BLOCK) < MIN_BLOCKS:
        return math.nan
    found = features(gray, strip_pixels)
    complete = found[~np.isnan(found).any(axis=1)]
    if len(complete) < MIN_BLOCKS:
        return math.nan
    mean, covariance = _parameters()
    # A block without one feature still counts in the mean of the others.
    difference = mean - np.nanmean(found, axis=0)
    spread = (covariance + np.cov(complete, rowvar=False)) / 2
    return math.sqrt(float(difference @ np.linalg.pinv(spread) @ difference))


def features(
    gray: npt.NDArray[np.uint8] | npt.NDArray[np.float64], strip_pixels: int = STRIP_PIXELS
) -> npt.NDArray[np.float64]:
    """Return 36 features of each block of 96x96: 18 at full size, and 18 at half of it.

    Shape and mean scale of the MSCN coefficients; then shape, mean, and scales to the left and to
    the right of their products with the neighbour to the right, below, below to the right and below
    to the left. Beyond the border lie the picture's outermost pixels.

    Returns
    -------
    (blocks, 36) float64
        nan where a block has no positive or no negative coefficients or products.
    """
    down, across = (length // BLOCK for length in gray.shape)
    image = whole = gray[: down * BLOCK, : across * BLOCK]
    found = []
    for scale in (1, 2):
        if scale == 2:
            image = half_size(whole, strip_pixels)
        side = BLOCK // scale
        fitted = fit_asymmetric(sums_of_blocks(image, (side, side), "edge", strip_pixels))
        left, right = fitted.left * fitted.scale, fitted.right * fitted.scale
        shapes = np.stack([fitted.alpha, fitted.mean, left, right], axis=1)
        found += [fitted.alpha[:1], (left[:1] + right[:1]) / 2]
        found.append(shapes[1:].reshape(-1, down, across))
    return np.concatenate(found).reshape(36, -1).T


def luma(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return Y of YCbCr of (h, w, 3) uint8, as MATLAB's ``rgb2ycbcr`` rounds it.

    Examples
    --------
    >>> luma(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8))
    array([[ 16, 235]], dtype=uint8)
    """
    total = np.full(pixels.shape[:2], 127_500, np.int32)
    for channel, weight in enumerate(_LUMA):
        total += pixels[..., channel] * np.int32(weight)
    total //= 255_000
    total += 16
    return total.astype(np.uint8)


def score(value: float) -> float:
    """Return the score of a value: 0 to 1, where 1 is best.

    Examples
    --------
    >>> score(6.0), round(score(3.0), 2)
    (0.5, 0.88)
    """
    # The same as 1 / (1 + exp((value - HALF) / STEP)), without overflow.
    return (1 - math.tanh((value - HALF) / (2 * STEP))) / 2


@cache
def _parameters() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the means and the covariance of good photos' features."""
    with np.load(_PARAMETERS) as stored:
        return stored["mean"], stored["covariance"]
