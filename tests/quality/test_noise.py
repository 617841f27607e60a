from __future__ import annotations

import numpy as np
import pytest
from skimage import data
from skimage.restoration import estimate_sigma

from safelight.quality.noise import SIGMA_MAX, Noise
from safelight.quality.picture import Picture
from safelight.types import Frame
from tests.quality.damage import compressed, noised


def _measure(pixels: np.ndarray):
    return Noise().measure(Picture.of(pixels))


def test_one_is_clean_and_zero_is_noise_of_sigma_max() -> None:
    picture = Picture.of(noised(data.camera(), 10))
    found = Noise().measure(picture)
    assert found.status == "ok"
    sigma = float(estimate_sigma(picture.gray / 255))
    assert found.value == pytest.approx(sigma, abs=1e-6)
    assert found.score == pytest.approx(1 - sigma / SIGMA_MAX, abs=1e-6)
    assert _measure(noised(data.camera(), 40)).score == 0.0


def test_more_noise_scores_lower() -> None:
    scores = [_measure(noised(data.astronaut(), sigma)).score for sigma in (2, 4, 8, 16)]
    assert scores == sorted(scores, reverse=True)


def test_compressed_photos_are_skipped_not_guessed() -> None:
    photo = noised(data.camera(), 5)
    for quality in (50, 30):
        found = _measure(compressed(photo, quality))
        assert (found.status, found.value, found.score) == ("skipped", None, None)
        assert "JPEG compression" in str(found.reason)
        assert found.details["lost_to_compression"] > 0.75
        assert 255 * found.details["sigma"] < 2.5, "which is why it is not believed"


def test_a_scaled_photo_is_measured_as_it_is_now() -> None:
    pixels = compressed(noised(data.camera(), 5), 30)
    found = Noise().measure(Picture.of(Frame(Picture.of(pixels).pixels, 5120, 5120, "JPEG")))
    assert found.status == "ok"
    assert found.details["lost_to_compression"] == 0.0


def test_a_flat_picture_is_skipped() -> None:
    drawing = np.full((200, 300, 3), 240, np.uint8)
    drawing[50:60, 40:200] = 20
    for pixels in (drawing, np.zeros((64, 64), np.uint8)):
        found = _measure(pixels)
        assert found.status == "skipped"
        assert "flat" in str(found.reason)


def test_a_tiny_picture_is_skipped() -> None:
    assert _measure(np.zeros((1, 1), np.uint8)).status == "skipped"
