"""Damage done to photos by known amounts."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter


def _levels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def blurred(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Blur with a Gaussian of `sigma` pixels."""
    return _levels(gaussian_filter(pixels.astype(float), (sigma, sigma, 0)[: pixels.ndim]))


def noised(pixels: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    """Add noise of `sigma` levels to each channel by itself."""
    return _levels(pixels + np.random.default_rng(seed).normal(0, sigma, pixels.shape))


def exposed(pixels: np.ndarray, stops: float) -> np.ndarray:
    """Expose by so many stops more, or less: light is multiplied, sRGB's ends cut off."""
    level = np.arange(256) / 255
    light = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    light = np.minimum(light * 2.0**stops, 1.0)
    level = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return _levels(255 * level)[pixels]


def compressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Compress as JPEG and decode again."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out))
