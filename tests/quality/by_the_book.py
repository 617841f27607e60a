"""BRISQUE and NIQE as their definitions read: one full two-dimensional sum a pixel, no shortcut.

Slow, and written for comparison only. It shares with the package nothing but the parameters.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy.ndimage import convolve
from scipy.special import gamma

from safelight.quality import brisque, niqe

_SHAPES = np.arange(200, 10001) / 1000
_ASYMMETRIC = gamma(2 / _SHAPES) ** 2 / (gamma(1 / _SHAPES) * gamma(3 / _SHAPES))
_SYMMETRIC = gamma(1 / _SHAPES) * gamma(3 / _SHAPES) / gamma(2 / _SHAPES) ** 2

SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


def window() -> np.ndarray:
    place = np.arange(-3, 4)
    distance = place[:, None] ** 2 + place**2
    weights = np.exp(-distance / (2 * (7 / 6) ** 2))
    return weights / weights.sum()


def mscn(image: np.ndarray, mode: str) -> np.ndarray:
    image = image.astype(float)
    mean = convolve(image, window(), mode=mode)
    variance = convolve(image**2, window(), mode=mode) - mean**2
    difference = image - mean
    difference[np.abs(difference) < 1e-9] = 0
    return difference / (np.sqrt(np.abs(variance)) + 1)


def half(image: np.ndarray) -> np.ndarray:
    """Bicubic, from the kernel's formula, by fractions of a pixel's distance."""
    for _ in range(2):
        length = len(image)
        centre = 2 * np.arange((length + 1) // 2) + 0.5
        places = np.floor(centre)[:, None].astype(int) + np.arange(-3, 5)
        distance = np.abs(centre[:, None] - places) / 2
        weights = np.where(
            distance <= 1,
            1.5 * distance**3 - 2.5 * distance**2 + 1,
            -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2,
        )
        weights /= weights.sum(axis=1, keepdims=True)
        mirrored = np.mod(places, 2 * length)
        mirrored = np.where(mirrored < length, mirrored, 2 * length - 1 - mirrored)
        image = np.einsum("ij,ij...->i...", weights, image.astype(float)[mirrored]).T
    return image


def products(coefficients: np.ndarray) -> list[np.ndarray]:
    return [coefficients, *(coefficients * np.roll(coefficients, by, (0, 1)) for by in SHIFTS)]


def asymmetric(values: np.ndarray) -> tuple[float, float, float]:
    left = np.sqrt(np.mean(values[values < 0] ** 2))
    right = np.sqrt(np.mean(values[values > 0] ** 2))
    tilt = left / right
    ratio = np.mean(np.abs(values)) ** 2 / np.mean(values**2)
    ratio *= (tilt**3 + 1) * (tilt + 1) / (tilt**2 + 1) ** 2
    return _SHAPES[np.argmin((_ASYMMETRIC - ratio) ** 2)], left, right


def symmetric(values: np.ndarray) -> tuple[float, float]:
    ratio = np.mean(values**2) / np.mean(np.abs(values)) ** 2
    return _SHAPES[np.argmin(np.abs(_SYMMETRIC - ratio))], np.mean(values**2)


def brisque_features(gray: np.ndarray) -> np.ndarray:
    found: list[float] = []
    for image in (gray, half(gray)):
        own, *pairs = products(mscn(image, "constant"))
        found += symmetric(own)
        for pair in pairs:
            alpha, left, right = asymmetric(pair)
            scale = np.sqrt(gamma(1 / alpha) / gamma(3 / alpha))
            mean = (right - left) * gamma(2 / alpha) / gamma(1 / alpha) * scale
            found += [alpha, mean, left**2, right**2]
    return np.array(found)


def brisque_value(gray: np.ndarray) -> float:
    vectors, coefficients, rho, width, least, extent = brisque._parameters()
    scaled = -1 + 2 * (brisque_features(gray) - least) / extent
    kernel = np.exp(-width * ((vectors - scaled) ** 2).sum(axis=1))
    return float(kernel @ coefficients - rho)


def niqe_features(gray: np.ndarray) -> np.ndarray:
    down, across = (length // 96 for length in gray.shape)
    gray = gray[: 96 * down, : 96 * across]
    rows = []
    for side, image in ((96, gray), (48, half(gray))):
        coefficients = mscn(image, "nearest")
        for index in range(down * across):
            top, left = side * (index // across), side * (index % across)
            own, *pairs = products(coefficients[top : top + side, left : left + side])
            alpha, low, high = asymmetric(own)
            scale = np.sqrt(gamma(1 / alpha) / gamma(3 / alpha))
            row = [alpha, (low + high) * scale / 2]
            for pair in pairs:
                alpha, low, high = asymmetric(pair)
                scale = np.sqrt(gamma(1 / alpha) / gamma(3 / alpha))
                mean = (high - low) * scale * gamma(2 / alpha) / gamma(1 / alpha)
                row += [alpha, mean, low * scale, high * scale]
            rows.append(row)
    return np.hstack([rows[: down * across], rows[down * across :]])


def niqe_value(gray: np.ndarray) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # means of nothing, where a block is flat
        found = niqe_features(gray)
    mean, covariance = niqe._parameters()
    difference = mean - np.nanmean(found, axis=0)
    whole = found[~np.isnan(found).any(axis=1)]
    spread = (covariance + np.cov(whole, rowvar=False)) / 2
    return float(np.sqrt(difference @ np.linalg.inv(spread) @ difference))
