from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from safelight.imaging import decode
from safelight.imaging.geometry import box_scale, dct_scale, upright_size

SIDES = st.integers(1, 20_000)


@given(SIDES, SIDES, st.integers(1, 2000))
def test_a_scale_never_goes_below_what_was_asked_and_is_the_largest(
    width: int, height: int, min_side: int
) -> None:
    shorter = min(width, height)
    scale = dct_scale((width, height), min_side)
    assert scale in (1, 2, 4, 8)
    if scale > 1:
        assert -(-shorter // scale) >= min_side
    if scale < 8:
        assert -(-shorter // (2 * scale)) < min_side
    box = box_scale((width, height), min_side)
    assert box == 1 or shorter // box >= min_side
    assert shorter // (box + 1) < min_side


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 300))
def test_the_decoder_does_what_the_scale_says(width: int, height: int, min_side: int) -> None:
    for form in ("JPEG", "PNG"):
        out = io.BytesIO()
        Image.new("RGB", (width, height), "teal").save(out, form)
        frame = decode(out.getvalue(), min_side=min_side)
        shorter = min(frame.pixels.shape[:2])
        assert shorter >= min(min_side, width, height)
        assert shorter <= min(width, height)
        assert (frame.width, frame.height) == (width, height)


def test_nothing_asked_is_full_size() -> None:
    assert dct_scale((4000, 3000), None) == box_scale((4000, 3000), None) == 1


def _oriented(orientation: int, form: str) -> tuple[bytes, np.ndarray]:
    """A file whose pixels are turned, and EXIF data that say how; and the upright pixels."""
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :16], upright[:16, 32:], upright[16:, :16] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    turned = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.transpose(a, (1, 0, 2)),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(np.transpose(a, (1, 0, 2)), 2),
        8: lambda a: np.rot90(a, 3),
    }[orientation](upright)
    image = Image.fromarray(np.ascontiguousarray(turned))
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}
    image.save(out, form, exif=exif, **options.get(form, {}))
    return out.getvalue(), upright


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_upright(orientation: int, form: str) -> None:
    data, upright = _oriented(orientation, form)
    frame = decode(data)
    assert frame.pixels.shape == upright.shape
    assert (frame.width, frame.height) == (48, 32)
    assert np.abs(frame.pixels.astype(int) - upright).mean() < 12


@given(SIDES, SIDES, st.integers(1, 8))
def test_turning_swaps_sides_for_the_last_four(width: int, height: int, orientation: int) -> None:
    expected = (height, width) if orientation > 4 else (width, height)
    assert upright_size((width, height), orientation) == expected


@pytest.mark.parametrize("name", ["Landscape", "Portrait"])
def test_real_photos_in_all_orientations_look_the_same(real_photos, name: str) -> None:
    frames = [
        decode((real_photos / "orientation" / f"{name}_{number}.jpg").read_bytes(), min_side=400)
        for number in range(1, 9)
    ]
    small = [np.asarray(Image.fromarray(frame.pixels).resize((30, 20)), float) for frame in frames]
    assert len({frame.pixels.shape for frame in frames}) == 1
    for picture in small[1:]:
        # The eight differ in the number that is printed on them, and in nothing else.
        assert np.abs(picture - small[0]).mean() < 8
