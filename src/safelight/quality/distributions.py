"""Distributions fitted to the statistics of natural scenes, by their moments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from safelight.quality.natural_scenes import Sums

    Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Asymmetric generalized Gaussian distributions.

    Attributes
    ----------
    alpha
        Shape, 0.2 to 10: 1 is Laplace's distribution, 2 is Gauss's. 0.2 where there is none to be
        fitted, because no number is positive or none is negative.
    mean
        nan where there is none to be fitted.
    left, right
        Standard deviations of the negative, and of the positive numbers; nan where there are none.
    scale
        What they are multiplied by to give the scale parameters (beta).
    """

    alpha: Numbers
    mean: Numbers
    left: Numbers
    right: Numbers
    scale: Numbers


def fit_asymmetric(sums: Sums) -> Shapes:
    """Fit by moments, as Lasmar, Stitou and Berthoumieu (2009) do.

    The shape is that of 0.2, 0.201, ... 10 whose ``Gamma(2/a)**2 / (Gamma(1/a) Gamma(3/a))`` is
    nearest to the ratio found.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.sqrt(sums.squares_below / sums.below)
        right = np.sqrt(sums.squares_above / sums.above)
        tilt = left / right
        ratio = (sums.magnitudes / sums.count) ** 2
        ratio /= (sums.squares_below + sums.squares_above) / sums.count
        ratio *= (tilt**3 + 1) * (tilt + 1) / (tilt**2 + 1) ** 2
    alphas, ratios, scales, means = _tables()
    index = _nearest(ratios, ratio)
    scale = scales[index]
    return Shapes(alphas[index], (right - left) * scale * means[index], left, right, scale)


def fit_symmetric(sums: Sums) -> tuple[Numbers, Numbers]:
    """Fit generalized Gaussians to the coefficients themselves.

    The shape is that of 0.2, 0.201, ... 10 whose ``Gamma(1/a) Gamma(3/a) / Gamma(2/a)**2`` is
    nearest to the ratio found (Sharifi and Leon-Garcia 1995).

    Returns
    -------
    alpha, variance : (down, across) float64
    """
    variance = (sums.squares_below[0] + sums.squares_above[0]) / sums.count
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = variance / (sums.magnitudes[0] / sums.count) ** 2
    alphas, ratios, _, _ = _tables()
    return alphas[_nearest(-1 / ratios, -ratio)], variance


@cache
def _tables() -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Return shapes, their ratios of moments, scales and means; each of unit deviations."""
    alphas = np.arange(200, 10_001) / 1000
    first, second, third = (
        np.array([math.gamma(moment / alpha) for alpha in alphas.tolist()]) for moment in (1, 2, 3)
    )
    return alphas, second**2 / (first * third), np.sqrt(first / third), second / first


def _nearest(table: Numbers, values: Numbers) -> npt.NDArray[np.intp]:
    """Return the places of the nearest numbers in an ascending table; of nan, the first place."""
    after = np.clip(np.searchsorted(table, values), 1, len(table) - 1)
    places = np.where(values - table[after - 1] <= table[after] - values, after - 1, after)
    return np.where(np.isnan(values), 0, places)
