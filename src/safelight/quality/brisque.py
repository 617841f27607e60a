"""BRISQUE: distance of a photo's statistics from undamaged ones, as judged by people."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from safelight.quality.distributions import fit_asymmetric, fit_symmetric
from safelight.quality.metric import Measurement
from safelight.quality.natural_scenes import flat_fraction, sums_of_blocks
from safelight.quality.short_filter import STRIP_PIXELS, half_size

if TYPE_CHECKING:
    import numpy.typing as npt

    from safelight.quality.picture import Picture

#: The shorter side that a picture has at least: at half its size, statistics are of 256 pixels.
MIN_SIDE = 32

#: The value that scores one half, and how much more or less makes the odds e times as bad or good.
HALF = 50.0
STEP = 16.0

_PARAMETERS = Path(__file__).with_name("parameters") / "brisque.npz"


@dataclass(frozen=True, slots=True)
class Brisque:
    """BRISQUE (Mittal, Moorthy and Bovik 2012); the score is ``1 / (1 + exp((value - 50) / 16))``.

    The value is about 0 for an undamaged photo and 100 for a bad one, and is not cut off at either
    end: -10 to 130 occur. It is measured at evaluation size, that is with at most 1024 pixels on
    the longer side: of one photo at twice and at a quarter of its size, values were 37 apart.

    ``flat_fraction`` in the details says how soft the value is: see
    :func:`safelight.quality.natural_scenes.flat_fraction`.
    """

    name = "brisque"
    version = "1"

    def measure(self, picture: Picture) -> Measurement:
        """Measure a photo; skipped if it is tiny, or too plain to have statistics."""
        if min(picture.gray.shape) < MIN_SIDE:
            reason = f"has fewer than {MIN_SIDE} pixels on its shorter side"
            return Measurement(None, None, "skipped", reason)
        flat = flat_fraction(picture.gray)
        details = {"flat_fraction": flat}
        if flat == 1:
            return Measurement(None, None, "skipped", "is of one grey level", details)
        value = brisque(picture.gray)
        if not math.isfinite(value):
            reason = "is too plain to have the statistics of a photo"
            return Measurement(None, None, "skipped", reason, details)
        return Measurement(value, score(value), details=details)


def brisque(
    gray: npt.NDArray[np.uint8] | npt.NDArray[np.float64], strip_pixels: int = STRIP_PIXELS
) -> float:
    """Return BRISQUE as its authors' release computes it (``brisquescore.m``), unrounded.

    The 36 :func:`features` x, each brought to -1 to 1 over the training set, enter a support vector
    regression to the opinions of people on the LIVE database, where 0 is as good as the
    original::

        value = sum of c exp(-0.05 |x - v|²) over 774 support vectors v   + 153.591

    Parameters
    ----------
    gray : (h, w) uint8 or float64
        0 to 255, with colours as MATLAB's ``rgb2gray`` turns them to whole numbers
        (:func:`safelight.quality.picture.gray_of`).
    strip_pixels : int
        Pixels that are worked on at a time; the result does not depend on it.

    Returns
    -------
    float
        Lower is better: about -10 to 130. nan if the picture is flat, or has no positive or no
        negative coefficients or products.

    References
    ----------
    A. Mittal, A. K. Moorthy and A. C. Bovik, "No-Reference Image Quality Assessment in the Spatial
    Domain", IEEE Transactions on Image Processing 21 (12), 2012.
    """
    vectors, coefficients, offset, gamma, low, extent = _parameters()
    scaled = 2 * (features(gray, strip_pixels) - low) / extent - 1
    distances = np.square(vectors - scaled).sum(axis=1)
    return float((np.exp(-gamma * distances) * coefficients).sum() - offset)


def features(
    gray: npt.NDArray[np.uint8] | npt.NDArray[np.float64], strip_pixels: int = STRIP_PIXELS
) -> npt.NDArray[np.float64]:
    """Return the 36 features: 18 at full size, and the same 18 at half of it.

    Shape and variance of the MSCN coefficients; then shape, mean, and variances to the left and to
    the right of their products with the neighbour to the right, below, below to the right and below
    to the left. Beyond the border the picture is black.
    """
    found = []
    image = gray
    for scale in (1, 2):
        if scale == 2:
            image = half_size(gray, strip_pixels)
        sums = sums_of_blocks(image, (image.shape[0], image.shape[1]), "constant", strip_pixels)
        alpha, variance = fit_symmetric(sums)
        fitted = fit_asymmetric(sums)
        shapes = np.stack([fitted.alpha, fitted.mean, fitted.left**2, fitted.right**2], axis=1)
        found += [alpha.ravel(), variance.ravel(), shapes[1:].ravel()]
    return np.concatenate(found)


def score(value: float) -> float:
    """Return the score of a value: 0 to 1, where 1 is best.

    Examples
    --------
    >>> score(50.0), round(score(20.0), 2)
    (0.5, 0.87)
    """
    # The same as 1 / (1 + exp((value - HALF) / STEP)), without overflow.
    return (1 - math.tanh((value - HALF) / (2 * STEP))) / 2


@cache
def _parameters() -> tuple[
    npt.NDArray[np.float64],
    npt.NDArray[np.float64],
    float,
    float,
    npt.NDArray[np.float64],
    npt.NDArray[np.float64],
]:
    """Return support vectors, their coefficients, rho, gamma, least value and range of features."""
    with np.load(_PARAMETERS) as stored:
        names = ("vectors", "coefficients", "rho", "gamma", "least", "range")
        vectors, coefficients, rho, gamma, least, extent = (stored[name] for name in names)
    return vectors, coefficients, float(rho), float(gamma), least, extent
