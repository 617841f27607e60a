from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import sobel
from skimage import data

from safelight.quality.picture import Picture
from safelight.quality.sharpness import Sharpness
from tests.quality.damage import blurred


def test_it_is_the_tanh_of_the_previews_tenengrad() -> None:
    picture = Picture.of(data.coffee())
    found = Sharpness().measure(picture)
    assert picture.preview.shape == (341, 512)
    preview = picture.preview.astype(float)
    energy = sobel(preview, 0, mode="mirror") ** 2 + sobel(preview, 1, mode="mirror") ** 2
    assert found.status == "ok"
    assert found.value == pytest.approx(energy.mean(), rel=1e-12)
    assert found.score == pytest.approx(math.tanh(energy.mean() / 2000), rel=1e-12)


def test_a_blurred_photo_scores_lower_and_a_flat_one_nothing() -> None:
    scores = [
        Sharpness().measure(Picture.of(blurred(data.chelsea(), sigma))).score
        for sigma in (0.5, 1, 2, 4, 8)
    ]
    assert scores == sorted(scores, reverse=True)
    assert Sharpness().measure(Picture.of(np.full((50, 50), 9, np.uint8))).score == 0.0
