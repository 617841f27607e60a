"""Calibration: from how a score stands out to a probability.

A cosine means little by itself: models differ, and so do photos. So the photo's cosines with some
hundred vectors that have nothing to do with it are the null against which a score has to stand out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.cosine import FINE_DECIMALS, rounded

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

# Fitted by bench/labels.py on every other of 411 labelled photos, with the starter model.
_SLOPE, _INTERCEPT = 1.4, -3.5

# A photo that is the same to all unrelated prompts has no deviation to divide by.
_LEAST_DEVIATION = 1e-6


def standing_out(
    photos: npt.NDArray[Any], asked: npt.NDArray[Any], unrelated: npt.NDArray[Any]
) -> Numbers:
    """Return by how many deviations photos are nearer to what is asked than to what is unrelated.

    Parameters
    ----------
    photos : (n, dimension)
    asked : (k, dimension)
    unrelated : (m, dimension)

    Returns
    -------
    (n, k) float64
        (cosine - mean of null) / deviation of null.
    """
    exact = photos.astype(np.float64)
    cosines = rounded(exact @ asked.astype(np.float64).T, FINE_DECIMALS)
    null = rounded(exact @ unrelated.astype(np.float64).T, FINE_DECIMALS)
    deviation = np.maximum(null.std(axis=1, keepdims=True), _LEAST_DEVIATION)
    return np.asarray((cosines - null.mean(axis=1, keepdims=True)) / deviation)


def applying(deviations: Numbers) -> Numbers:
    """Return the probability that words apply to a photo to which they stand out so far."""
    return sigmoid(_SLOPE * deviations + _INTERCEPT)


def sigmoid(logits: npt.ArrayLike) -> Numbers:
    """Return ``1 / (1 + exp(-x))``; as it stands it would overflow far below 0."""
    given = np.asarray(logits, np.float64)
    powers = np.exp(-np.abs(given))
    return np.asarray(np.where(given >= 0, 1, powers) / (1 + powers))
