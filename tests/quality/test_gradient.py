from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import sobel

from safelight.quality import gradient
from safelight.quality.gradient import NOISE_GAIN, tenengrad, tile_energies


def _reference(gray: np.ndarray) -> np.ndarray:
    exact = gray.astype(float)
    return sobel(exact, 0, mode="mirror") ** 2 + sobel(exact, 1, mode="mirror") ** 2


def test_examples_in_docstrings_run() -> None:
    assert doctest.testmod(gradient).failed == 0


@given(hnp.arrays(np.uint8, st.tuples(st.integers(2, 30), st.integers(2, 30))))
def test_it_is_scipys_sobel(gray: np.ndarray) -> None:
    assert tenengrad(gray) == pytest.approx(_reference(gray).mean(), rel=1e-12)


@given(hnp.arrays(np.uint8, st.tuples(st.integers(4, 40), st.integers(4, 40))))
def test_tiles_are_means_of_the_whole_pictures_gradient(gray: np.ndarray) -> None:
    high, wide = gray.shape[0] // 4, gray.shape[1] // 4
    whole = _reference(gray)[: 4 * high, : 4 * wide]
    expected = whole.reshape(4, high, 4, wide).mean(axis=(1, 3))
    assert tile_energies(gray, 4) == pytest.approx(expected, rel=1e-12)


def test_the_steepest_picture_does_not_overflow() -> None:
    stripes = np.zeros((3000, 16), np.uint8)
    stripes[:, ::4] = stripes[:, 1::4] = 255
    assert tenengrad(stripes) == pytest.approx(_reference(stripes).mean(), rel=1e-12)
    assert tile_energies(stripes.T.copy(), 8).max() > 900_000


@pytest.mark.parametrize("rows", [1, 13, 1000])
def test_it_does_not_depend_on_how_the_picture_is_cut(rows: int) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (203, 150)).astype(np.uint8)
    whole, tiles = tenengrad(gray), tile_energies(gray, 8)
    assert tenengrad(gray, strip=rows) == whole
    assert np.array_equal(tile_energies(gray, 8, strip=rows), tiles)


def test_noise_contributes_24_times_its_variance() -> None:
    noise = np.rint(np.random.default_rng(1).normal(128, 10, (500, 500))).astype(np.uint8)
    variance = noise.astype(float).var()
    assert tenengrad(noise) == pytest.approx(NOISE_GAIN * variance, rel=0.02)


def test_a_single_pixel_has_no_gradient() -> None:
    assert tenengrad(np.full((1, 1), 9, np.uint8)) == 0.0
