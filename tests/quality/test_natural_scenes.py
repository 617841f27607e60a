from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter, minimum_filter

from safelight.quality.distributions import fit_asymmetric, fit_symmetric
from safelight.quality.natural_scenes import ROUNDING, Sums, flat_fraction, sums_of_blocks
from safelight.quality.short_filter import half_size, rows_of_strips
from tests.quality import by_the_book
from tests.quality.pictures import EXPECTED, damaged, gray


def _drawing(height: int, width: int) -> np.ndarray:
    """Noise, with flat parts in it that cross blocks and borders."""
    image = np.random.default_rng(3).integers(0, 256, (height, width)).astype(np.uint8)
    image[height // 4 : height // 2, : width // 2] = 255
    image[-height // 5 :, width // 3 :] = 7
    return image


@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 3000))
def test_half_size_is_exact(height, width, strip_pixels) -> None:
    image = np.random.default_rng(height).integers(0, 256, (height, width)).astype(np.uint8)
    found = half_size(image, strip_pixels)
    assert found.shape == ((height + 1) // 2, (width + 1) // 2)
    assert np.array_equal(found, by_the_book.half(image))


def test_half_of_a_flat_picture_is_as_flat() -> None:
    assert np.unique(half_size(np.full((101, 77), 131, np.uint8))).tolist() == [131.0]


def test_half_size_of_levels_between() -> None:
    image = np.random.default_rng(0).random((65, 130)) * 255
    assert half_size(image) == pytest.approx(by_the_book.half(image), abs=1e-12)


@given(st.integers(1, 20_000), st.integers(1, 200_000))
def test_strips_are_whole_blocks_of_about_so_many_pixels(width, pixels) -> None:
    rows = rows_of_strips(width, pixels)
    assert rows % 8 == 0
    assert 8 <= rows <= 256
    assert rows * width <= max(pixels, 8 * width)


@pytest.mark.parametrize(
    ("shape", "block", "border", "mode"),
    [
        ((131, 203), (131, 203), "constant", "constant"),
        ((120, 160), (40, 32), "edge", "nearest"),
        ((96, 192), (96, 96), "edge", "nearest"),
        ((7, 9), (7, 9), "constant", "constant"),
        ((1, 12), (1, 3), "edge", "nearest"),
    ],
)
def test_sums_are_those_of_the_definition(shape, block, border, mode) -> None:
    image = _drawing(*shape)
    found = sums_of_blocks(image, block, border, 4096)
    coefficients = by_the_book.mscn(image, mode)
    high, wide = block
    assert found.count == high * wide
    for down in range(shape[0] // high):
        for across in range(shape[1] // wide):
            part = coefficients[high * down :, wide * across :][:high, :wide]
            for kind, values in enumerate(by_the_book.products(part)):
                above, below = values[values > 0], values[values < 0]
                at = kind, down, across
                assert (found.above[at], found.below[at]) == (len(above), len(below))
                assert found.squares_above[at] == pytest.approx((above**2).sum(), rel=1e-9)
                assert found.squares_below[at] == pytest.approx((below**2).sum(), rel=1e-9)
                assert found.magnitudes[at] == pytest.approx(np.abs(values).sum(), rel=1e-9)


@pytest.mark.parametrize("block", [(288, 384), (96, 96)])
def test_sums_do_not_depend_on_strips(block) -> None:
    image = gray(damaged("china", "jpeg30"))[:288, :384]
    whole = sums_of_blocks(image, block, "edge", 1 << 30)
    for strip_pixels in (1, 5000, 1 << 15):
        cut = sums_of_blocks(image, block, "edge", strip_pixels)
        for name in ("squares_above", "squares_below", "magnitudes", "above", "below"):
            assert np.array_equal(getattr(cut, name), getattr(whole, name)), name


def test_small_parts_are_not_lost_in_large_ones() -> None:
    """One faint speck in a picture of harsh stripes: sums below zero are of the speck alone."""
    image = np.full((64, 64), 100.0)
    image[:, 40:] = 101.0
    image[10:12, 10:12] += 1e-6
    found = sums_of_blocks(image, (64, 64), "edge")
    own = by_the_book.mscn(image, "nearest")
    for kind, values in enumerate(by_the_book.products(own)):
        below = values[values < 0]
        assert found.below[kind, 0, 0] == len(below)
        assert found.squares_below[kind, 0, 0] == pytest.approx((below**2).sum(), rel=1e-6)


def test_flat_surroundings_count_as_zero() -> None:
    """However the level adds up: 7x7 weights times it seldom give it exactly."""
    inside = (64 - 6) ** 2
    for level in range(0, 256, 5):
        found = sums_of_blocks(np.full((64, 64), level, np.uint8), (64, 64), "constant")
        assert found.above[0, 0, 0] + found.below[0, 0, 0] == (64**2 - inside if level else 0)


def test_nothing_lies_between_rounding_and_genuine_differences() -> None:
    image = gray(damaged("china", "jpeg10"))
    for scaled in (image.astype(float), by_the_book.half(image)):
        difference = np.abs(scaled - by_the_book.convolve(scaled, by_the_book.window()))
        flat = maximum_filter(scaled, 7) == minimum_filter(scaled, 7)
        assert difference[flat].max() < ROUNDING / 1000
        assert difference[difference > 1e-11].min() > ROUNDING


@pytest.mark.parametrize("expected", EXPECTED[::3], ids=str)
def test_flat_fraction_agrees(expected) -> None:
    image = expected.gray
    assert flat_fraction(image) == pytest.approx(expected.flat, abs=6e-6)
    flat = maximum_filter(image, 7, mode="nearest") == minimum_filter(image, 7, mode="nearest")
    assert flat_fraction(image) == flat.mean()


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 10_000))
def test_flat_fraction_of_small_pictures(height, width, seed) -> None:
    image = (np.random.default_rng(seed).random((height, width)) < 0.02).astype(np.uint8)
    flat = maximum_filter(image, 7, mode="nearest") == minimum_filter(image, 7, mode="nearest")
    assert flat_fraction(image) == flat.mean()


def _sums(values: np.ndarray) -> Sums:
    above, below = values[values > 0], values[values < 0]

    def five(number: float) -> np.ndarray:
        return np.full((5, 1, 1), float(number))

    return Sums(
        five((above**2).sum()),
        five((below**2).sum()),
        five(np.abs(values).sum()),
        five(len(above)),
        five(len(below)),
        values.size,
    )


def test_known_distributions_are_recognized() -> None:
    rng = np.random.default_rng(0)
    for shape, values in ((2, rng.normal(0, 3, 400_000)), (1, rng.laplace(0, 3 / 2**0.5, 400_000))):
        alpha, variance = fit_symmetric(_sums(values))
        assert alpha.item() == pytest.approx(shape, abs=0.02)
        assert variance.item() == pytest.approx(9, rel=0.01)
        fitted = fit_asymmetric(_sums(values))
        assert fitted.alpha[0].item() == pytest.approx(shape, abs=0.02)
        assert fitted.mean[0].item() == pytest.approx(0, abs=0.02)
    # Gauss's distribution with twice the deviation to the right, and so twice the weight there.
    values = np.abs(rng.normal(0, 1, 400_000))
    values *= np.where(rng.random(400_000) < 2 / 3, 2.0, -1.0)
    fitted = fit_asymmetric(_sums(values))
    assert fitted.alpha[0].item() == pytest.approx(2, abs=0.03)
    assert fitted.left[0].item() == pytest.approx(1, rel=0.01)
    assert fitted.right[0].item() == pytest.approx(2, rel=0.01)
    assert fitted.mean[0].item() == pytest.approx(values.mean(), rel=0.02)


def test_fits_are_the_nearest_of_all_shapes() -> None:
    rng = np.random.default_rng(1)
    for power in (0.3, 0.7, 1.0, 1.6, 3.0, 6.0):
        values = rng.normal(0.1, 1, 5000)
        values = np.sign(values) * np.abs(values) ** power
        fitted, symmetric = fit_asymmetric(_sums(values)), fit_symmetric(_sums(values))
        alpha, left, right = by_the_book.asymmetric(values)
        assert fitted.alpha[0].item() == alpha
        assert (fitted.left[0].item(), fitted.right[0].item()) == pytest.approx((left, right))
        assert [each.item() for each in symmetric] == pytest.approx(by_the_book.symmetric(values))


def test_what_has_one_side_only_is_not_fitted() -> None:
    fitted = fit_asymmetric(_sums(np.array([1.0, 2.0, 3.0])))
    assert np.isnan(fitted.left).all()
    assert np.isnan(fitted.mean).all()
    assert fitted.alpha.ravel().tolist() == [0.2] * 5
    assert fitted.right[0].item() == pytest.approx((14 / 3) ** 0.5)
