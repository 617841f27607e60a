"""Noise of a photo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.quality.compression import lost_share
from safelight.quality.metric import Measurement
from safelight.quality.wavelet import textured_share

if TYPE_CHECKING:
    from safelight.quality.picture import Picture

#: The standard deviation that scores 0, of a range of 1: about 20 of 255 levels.
SIGMA_MAX = 0.08

# A median says nothing of what half of the numbers have lost, or never had.
_MOST_LOST = 0.5
_LEAST_TEXTURED = 0.5

_MIN_SIDE = 8


class Noise:
    """The standard deviation of the noise, by wavelet; score ``1 - sigma / 0.08``, 1 is clean.

    Skipped where compression took the noise away, or where there is no texture to judge by: what
    could be computed then is the compression's, and stands in the details only.
    """

    name = "noise"
    version = "1"

    def measure(self, picture: Picture) -> Measurement:
        """Measure the noise of the grey picture; fine texture counts as noise too."""
        if min(picture.gray.shape) < _MIN_SIDE:
            return Measurement(
                None, None, "skipped", f"has fewer than {_MIN_SIDE} pixels on its shorter side"
            )
        sigma = picture.noise_sigma
        textured = textured_share(picture.finest_detail)
        # Averaging down has ended the blocks, and the estimate is of what is left.
        own_size = picture.gray.shape == (picture.height, picture.width)
        lost = lost_share(picture.gray) if own_size else 0.0
        details = {"sigma": sigma, "textured": textured, "lost_to_compression": lost}
        if textured < _LEAST_TEXTURED:
            reason = f"is exactly flat but for {textured:.0%} of it, so noise cannot be told"
            return Measurement(None, None, "skipped", reason, details)
        if lost > _MOST_LOST:
            reason = (
                f"JPEG compression took the finest detail of {lost:.0%} of it, and the noise with "
                "it"
            )
            return Measurement(None, None, "skipped", reason, details)
        return Measurement(sigma, max(0.0, 1 - sigma / SIGMA_MAX), details=details)
