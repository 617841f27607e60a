"""Focus of a photo: sharpness of its sharpest part, wherever that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safelight.quality.gradient import NOISE_GAIN, tile_energies
from safelight.quality.metric import Measurement

if TYPE_CHECKING:
    import numpy.typing as npt

    from safelight.quality.picture import Picture

#: Tiles across, and tiles down.
GRID = 8

#: The percentile of the tiles that counts: some six of 64 have to be sharp.
PERCENTILE = 90

#: The energy that scores one half.
HALF = 5000.0


def tile_map(picture: Picture) -> npt.NDArray[np.float64]:
    """Return how sharp each part of a photo is.

    Parameters
    ----------
    picture : Picture
        Both sides of at least 8 pixels.

    Returns
    -------
    (8, 8) float64
        Mean gradient energy of each tile, less what the photo's noise contributes (24 sigma², as
        white noise would), not below 0. Comparable among photos of one evaluation size.
    """
    sigma = 255 * picture.noise_sigma
    return np.maximum(tile_energies(picture.gray, GRID) - NOISE_GAIN * sigma**2, 0.0)


class Focus:
    """The 90th percentile of 8x8 tiles' gradient energy, less noise; score ``v / (v + 5000)``.

    A sharp subject before a blurred background, or under an empty sky, counts as sharp.
    """

    name = "focus"
    version = "1"

    def measure(self, picture: Picture) -> Measurement:
        """Measure the sharpest parts of a photo."""
        if min(picture.gray.shape) < GRID:
            return Measurement(
                None, None, "skipped", f"has fewer than {GRID} pixels on its shorter side"
            )
        tiles = tile_map(picture)
        value = float(np.percentile(tiles, PERCENTILE))
        details = {
            "tiles": [[round(tile, 1) for tile in row] for row in tiles.tolist()],
            "noise_sigma": picture.noise_sigma,
        }
        return Measurement(value, value / (value + HALF), details=details)
