from __future__ import annotations

import numpy as np
import pytest
import pywt
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import norm
from skimage import data
from skimage.restoration import estimate_sigma

from safelight.quality.picture import Picture
from safelight.quality.wavelet import finest_detail, sigma_of, textured_share
from tests.quality.damage import blurred, compressed, noised

PHOTOS = {name: getattr(data, name)() for name in ("astronaut", "camera", "chelsea", "coffee")}

DAMAGE = {
    "as it is": lambda photo: photo,
    "blurred": lambda photo: blurred(photo, 2),
    "noised": lambda photo: noised(photo, 15),
    "compressed": lambda photo: compressed(photo, 30),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", PHOTOS)
def test_it_is_scikit_images_estimate(name: str, damage: str) -> None:
    gray = Picture.of(DAMAGE[damage](PHOTOS[name])).gray
    expected = float(estimate_sigma(gray / 255))
    assert sigma_of(finest_detail(gray)) == pytest.approx(expected, abs=1e-6)
    assert expected > 0


even = st.integers(4, 20).map(lambda half: 2 * half)


@settings(deadline=None)
@given(hnp.arrays(np.uint8, st.tuples(even, even)))
@example(np.arange(64, dtype=np.uint8).reshape(8, 8))
@example(np.full((8, 8), 235, np.uint8))
def test_every_coefficient_is_pywavelets(gray: np.ndarray) -> None:
    # Bit for bit, zeros included. Of odd lengths it adds up the last in another order.
    expected = np.abs(pywt.dwtn(gray / 255, "db2")["dd"])
    assert np.array_equal(finest_detail(gray), expected)


@settings(deadline=None)
@given(hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1)))
def test_the_median_is_of_those_that_are_not_zero(detail: np.ndarray) -> None:
    present = detail[detail != 0]
    expected = float(np.median(present)) / norm.ppf(0.75) if present.size else 0.0
    assert sigma_of(detail) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("rows", [1, 5, 1000])
def test_it_does_not_depend_on_how_the_picture_is_cut(rows: int) -> None:
    gray = PHOTOS["camera"][:301, :203]
    expected = finest_detail(gray)
    assert np.array_equal(finest_detail(gray, strip=rows), expected)


def test_a_flat_picture_has_neither_noise_nor_texture() -> None:
    for level in (0, 77, 255):
        detail = finest_detail(np.full((64, 64), level, np.uint8))
        assert sigma_of(detail) < 1e-15
        assert textured_share(detail) == 0.0


def test_known_noise_is_measured() -> None:
    for sigma in (3, 8, 20):
        gray = noised(np.full((400, 400), 128, np.uint8), sigma)
        assert 255 * sigma_of(finest_detail(gray)) == pytest.approx(sigma, rel=0.03)
        assert textured_share(finest_detail(gray)) > 0.99
