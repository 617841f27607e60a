"""Sharpness in its common form: Tenengrad of a small grey preview, squashed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from safelight.quality.gradient import tenengrad
from safelight.quality.metric import Measurement

if TYPE_CHECKING:
    from safelight.quality.picture import Picture

#: The energy that scores tanh(1), about 0.76.
SCALE = 2000.0


class Sharpness:
    """Tenengrad of the 512-pixel preview; the score is ``tanh(value / 2000)``.

    Most photos, sharp or not, score nearly 1: the preview hides blur of a few pixels, and the scale
    is low. :class:`safelight.quality.focus.Focus` tells more.
    """

    name = "sharpness"
    version = "1"

    def measure(self, picture: Picture) -> Measurement:
        """Measure the mean gradient energy of the preview."""
        value = tenengrad(picture.preview)
        return Measurement(value, math.tanh(value / SCALE))
