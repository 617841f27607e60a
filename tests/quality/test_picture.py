from __future__ import annotations

import doctest
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from safelight.errors import UsageError
from safelight.imaging import decode
from safelight.quality import averaging, picture
from safelight.quality.averaging import average, fit
from safelight.quality.picture import EVALUATION_SIDE, MIN_SIDE, Picture, gray_of
from safelight.types import Frame

sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


@pytest.mark.parametrize("module", [averaging, picture])
def test_examples_in_docstrings_run(module) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert result.failed == 0


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(1, 2_000))
def test_fitting_keeps_the_shape_and_never_enlarges(width: int, height: int, side: int) -> None:
    new = fit(width, height, side)
    assert max(new) == min(side, max(width, height))
    scale = max(new) / max(width, height)
    for old, now in zip((width, height), new, strict=True):
        assert now == 1 or abs(now - old * scale) <= 0.5 + 1e-9


@settings(deadline=None)
@given(hnp.arrays(np.uint8, sizes), st.floats(0, 1), st.floats(0, 1))
def test_averaging_is_exact(pixels: np.ndarray, tall: float, wide: float) -> None:
    height, width = pixels.shape
    size = (max(1, round(width * wide)), max(1, round(height * tall)))
    found = average(pixels, size)
    exact = _shares(height, size[1]) @ pixels @ _shares(width, size[0]).T
    assert found.shape == exact.shape
    # Half way between two levels either is right.
    assert np.abs(found - exact).max() <= 0.5 + 1e-4


def _shares(old: int, new: int) -> np.ndarray:
    """Share of each old pixel in each new one; (new, old)."""
    step = Fraction(old, new)
    return np.array(
        [
            [
                float(max(0, min(step * (i + 1), j + 1) - max(step * i, j)) / step)
                for j in range(old)
            ]
            for i in range(new)
        ]
    )


def test_averaging_is_the_same_for_grey_and_for_three_equal_channels() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (301, 450)).astype(np.uint8)
    colour = np.repeat(gray[..., None], 3, axis=2)
    expected = average(gray, (200, 133))
    for channel in np.moveaxis(average(colour, (200, 133)), 2, 0):
        assert np.array_equal(channel, expected)


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_averaging_does_not_depend_on_how_it_is_cut(rows: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (211, 97, 3)).astype(np.uint8)
    expected = average(pixels, (60, 100))
    assert np.array_equal(average(pixels, (60, 100), strip=rows), expected)


def test_grey_is_matlabs_for_every_colour() -> None:
    levels = np.arange(256)
    for red in range(256):
        green, blue = np.meshgrid(levels, levels)
        colours = np.stack([np.full_like(green, red), green, blue])
        weights = np.array([0.298936021293775, 0.587043074451121, 0.114020904255103])
        exact = np.tensordot(weights, colours, 1)
        assert np.array_equal(gray_of(colours.astype(np.uint8)), np.floor(exact + 0.5))


def test_a_picture_is_at_evaluation_size_unless_asked() -> None:
    pixels = np.zeros((900, 3000, 3), np.uint8)
    small = Picture.of(pixels)
    assert small.pixels.shape == (307, EVALUATION_SIDE, 3)
    assert (small.width, small.height, small.full_size) == (3000, 900, False)
    assert small.preview.shape == (154, 512)
    own = Picture.of(pixels, full_size=True)
    assert own.pixels.shape == pixels.shape
    assert own.full_size


def test_a_small_picture_is_never_enlarged() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    small = Picture.of(pixels)
    assert np.array_equal(small.pixels, pixels)
    assert np.array_equal(small.preview, small.gray)


def test_grey_and_transparent_arrays_become_colours() -> None:
    gray = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(Picture.of(gray).gray, gray)
    assert np.array_equal(Picture.of(gray[..., None]).pixels[..., 1], gray)
    clear = np.zeros((2, 2, 4), np.uint8)
    assert (Picture.of(clear).pixels == 255).all()
    clear[..., 3] = 51  # a fifth
    assert (Picture.of(clear).pixels == 204).all()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 4), np.float32),
        np.zeros((3, 4, 2), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_not_a_picture_is_refused(array: np.ndarray) -> None:
    with pytest.raises(UsageError, match="is not a picture"):
        Picture.of(array)


def test_a_scaled_frame_cannot_be_measured_at_full_size() -> None:
    frame = Frame(np.zeros((100, 100, 3), np.uint8), 200, 200, "JPEG")
    with pytest.raises(UsageError, match="without min_side"):
        Picture.of(frame, full_size=True)
    assert Picture.of(frame).pixels.shape == (100, 100, 3)


@pytest.mark.parametrize("size", [(2600, 2500), (2600, 1500), (4200, 1100), (1300, 900)])
def test_a_frame_decoded_small_has_the_evaluation_size_of_the_whole(size) -> None:
    import io

    from PIL import Image

    image = Image.effect_mandelbrot(size, (-2, -1.5, 1, 1.5), 30).convert("RGB")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95)
    whole = Picture.of(decode(out.getvalue()))
    scaled = Picture.of(decode(out.getvalue(), min_side=MIN_SIDE))
    assert scaled.pixels.shape == whole.pixels.shape
    assert max(scaled.pixels.shape) == EVALUATION_SIDE
    # A JPEG that is decoded small was averaged in its own way.
    difference = scaled.pixels.astype(int) - whole.pixels
    assert np.abs(difference).mean() < 1.5
