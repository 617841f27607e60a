from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from safelight.quality.compression import lost_share
from safelight.quality.picture import Picture
from tests.quality.damage import blurred, compressed, noised

# Averaged by two: what was lost when these were compressed is no longer seen.
PHOTOS = {
    name: getattr(data, name)()[: size[0], : size[1]]
    .reshape(size[0] // 2, 2, size[1] // 2, 2, -1)
    .mean(axis=(1, 3))
    .round()
    .astype(np.uint8)
    for name, size in {"astronaut": (512, 512), "coffee": (400, 600), "rocket": (426, 640)}.items()
}


def _lost(pixels: np.ndarray) -> float:
    return lost_share(Picture.of(pixels).gray)


@pytest.mark.parametrize("name", PHOTOS)
def test_strong_compression_is_seen_and_its_absence_too(name: str) -> None:
    photo = noised(PHOTOS[name], 4)
    assert _lost(photo) == 0.0
    assert _lost(compressed(photo, 98)) < 0.3
    for quality in (50, 30, 10):
        assert _lost(compressed(photo, quality)) > 0.75


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("sigma", [0.7, 1, 2, 4])
def test_a_blurred_photo_is_not_taken_for_a_compressed_one(name: str, sigma: float) -> None:
    assert _lost(blurred(PHOTOS[name], sigma)) == 0.0


def test_compression_is_seen_after_turning() -> None:
    # Sides that are not multiples of eight: turned, the blocks begin elsewhere.
    photo = compressed(noised(PHOTOS["coffee"][:187, :290], 4), 50)
    for turned in (photo, photo[::-1], photo[:, ::-1], np.rot90(photo), np.rot90(photo, 3)):
        assert _lost(turned) > 0.75


def test_scaling_ends_the_blocks() -> None:
    photo = compressed(noised(np.tile(PHOTOS["rocket"], (2, 2, 1)), 4), 75)
    assert _lost(photo) > 0.75
    half = photo[:420, :640].reshape(210, 2, 320, 2, 3).mean(axis=(1, 3)).round()
    assert _lost(half.astype(np.uint8)) == 0.0


def test_a_picture_of_a_few_blocks_says_nothing() -> None:
    assert lost_share(np.zeros((23, 400), np.uint8)) == 0.0
