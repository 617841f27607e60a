"""Exposure of a photo: too dark, too bright, flat, or clipped at either end."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from safelight.quality.metric import Measurement

if TYPE_CHECKING:
    import numpy.typing as npt

    from safelight.quality.picture import Picture

#: A channel is clipped from here up, and from here down.
HIGH = 254
LOW = 1

# How much midtones and range weigh, and how fast clipping costs.
_MIDTONE = 0.4
_RANGE = 0.6
_CLIPPING = 2.0

_CHANNELS = ("red", "green", "blue")
_PIXELS_AT_A_TIME = 262_144


class Exposure:
    """Midtone proximity and dynamic range, less a penalty for clipping; 0 to 1, 1 is best.

    Of the grey levels, as encoded (sRGB) and divided by 255, p1, p50 and p99 are percentiles::

        midtone = 1 - |p50 - 0.5| / 0.5
        range   = p99 - p1
        penalty = 1 - exp(-2 (share clipped high + share clipped low))
        value   = (0.4 midtone + 0.6 range) (1 - penalty)

    A pixel is clipped high if any channel is at least 254, low if all are at most 1. The score is
    the value. It cannot tell a night scene, silhouette or high key from a mistake.
    """

    name = "exposure"
    version = "1"

    def measure(self, picture: Picture) -> Measurement:
        """Measure the grey levels and the clipped pixels."""
        histogram = np.array(Image.fromarray(picture.gray).histogram())
        p1, p50, p99 = (percentile(histogram, q) / 255 for q in (1, 50, 99))
        clipped = clipped_shares(picture.channels)
        midtone = 1 - abs(p50 - 0.5) / 0.5
        dynamic_range = p99 - p1
        penalty = 1 - math.exp(-_CLIPPING * (clipped["high"]["any"] + clipped["low"]["all"]))
        value = (_MIDTONE * midtone + _RANGE * dynamic_range) * (1 - penalty)
        details = {
            "p1": p1,
            "p50": p50,
            "p99": p99,
            "mean": float(histogram @ np.arange(256)) / picture.gray.size / 255,
            "midtone": midtone,
            "dynamic_range": dynamic_range,
            "clipped": clipped,
            "penalty": penalty,
        }
        return Measurement(value, value, details=details)


def percentile(histogram: npt.NDArray[np.int64], q: float) -> float:
    """Return the percentile of the levels counted in (256,), as numpy's default has it.

    Examples
    --------
    >>> percentile(np.bincount([0, 10], minlength=256), 25)
    2.5
    """
    upto = np.cumsum(histogram)
    place = q / 100 * (int(upto[-1]) - 1)
    below = math.floor(place)
    low, high = np.searchsorted(upto, [below, min(below + 1, int(upto[-1]) - 1)], side="right")
    return float(low + (place - below) * (high - low))


def clipped_shares(channels: npt.NDArray[np.uint8]) -> dict[str, dict[str, float]]:
    """Return the share of clipped pixels of (3, h, w) uint8.

    ``high``: of each channel, and of ``any``; ``low``: of each channel, and of ``all`` at once.
    """
    flat = channels.reshape(3, -1)
    high, low = np.zeros((2, 4), np.int64)
    for start in range(0, flat.shape[1], _PIXELS_AT_A_TIME):
        part = flat[:, start : start + _PIXELS_AT_A_TIME]
        # Any is high if the brightest is, and all are low if the brightest is.
        for index, level in enumerate((*part, part.max(axis=0))):
            high[index] += np.count_nonzero(level >= HIGH)
            low[index] += np.count_nonzero(level <= LOW)
    count = flat.shape[1]
    return {
        "high": dict(zip((*_CHANNELS, "any"), (high / count).tolist(), strict=True)),
        "low": dict(zip((*_CHANNELS, "all"), (low / count).tolist(), strict=True)),
    }
