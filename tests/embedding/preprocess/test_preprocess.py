from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.embedding.preprocess.preprocess import Preprocessing

_PLAIN = Preprocessing((24, 32), "squash", "bilinear", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), scale=1.0)

sides = st.integers(1, 300)


@given(
    height=sides,
    width=sides,
    size=st.tuples(st.integers(1, 64), st.integers(1, 64)),
    resize=st.sampled_from(["shortest", "squash", "longest"]),
    colour=st.tuples(*[st.integers(0, 255)] * 3),
    round_crop=st.booleans(),
)
def test_any_shape_becomes_the_models_and_keeps_its_colour(
    height: int, width: int, size: tuple[int, int], resize: str, colour: tuple, round_crop: bool
) -> None:
    preprocessing = replace(_PLAIN, size=size, resize=resize, round_crop=round_crop)
    pixels = np.full((height, width, 3), colour, np.uint8)
    tensor = preprocessing.apply(pixels)

    assert tensor.shape == (3, *size)
    assert tensor.dtype == np.float32
    assert tensor.flags.c_contiguous
    is_colour = (tensor == np.reshape(colour, (3, 1, 1))).all(axis=0)
    if resize == "longest":
        assert is_colour.any()
        assert (tensor[:, ~is_colour] == 0).all()
    else:
        assert is_colour.all()


def test_scales_and_normalises() -> None:
    preprocessing = replace(_PLAIN, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.5), scale=1 / 255)
    pixels = np.full((24, 32, 3), (255, 0, 51), np.uint8)
    expected = [(1 - 0.5) / 0.2, (0 - 0.4) / 0.25, (0.2 - 0.3) / 0.5]
    np.testing.assert_allclose(preprocessing.apply(pixels)[:, 3, 5], expected, atol=1e-6)


def test_crops_the_middle() -> None:
    preprocessing = replace(_PLAIN, size=(8, 8), resize="shortest")
    pixels = np.zeros((8, 20, 3), np.uint8)
    pixels[:, 6:14] = 200
    assert (preprocessing.apply(pixels) == 200).all()


def test_pads_with_the_fill_before_normalising() -> None:
    preprocessing = replace(_PLAIN, size=(8, 8), resize="longest", fill=100, mean=(100.0,) * 3)
    tensor = preprocessing.apply(np.full((4, 8, 3), 250, np.uint8))
    assert (tensor[:, 2:6] == 150).all()
    assert (tensor[:, :2] == 0).all()
    assert (tensor[:, 6:] == 0).all()


def test_rounds_a_crop_between_pixels_as_its_library_does() -> None:
    column = np.arange(11, dtype=np.uint8)
    pixels = np.ascontiguousarray(np.broadcast_to(column[None, :, None], (8, 11, 3)))
    torchvision = replace(_PLAIN, size=(8, 8), resize="shortest", round_crop=True)
    transformers = replace(torchvision, round_crop=False)
    assert torchvision.apply(pixels)[0, 0, 0] == 2  # 1.5 to the even neighbour
    assert transformers.apply(pixels)[0, 0, 0] == 1


@pytest.mark.parametrize("shape", [(1, 60_000), (60_000, 1)])
def test_a_strip_does_not_become_an_enormous_image(shape: tuple[int, int]) -> None:
    preprocessing = replace(_PLAIN, size=(224, 224), resize="shortest")
    pixels = np.full((*shape, 3), 9, np.uint8)
    assert (preprocessing.apply(pixels) == 9).all()


def test_tells_how_large_frames_should_be() -> None:
    assert _PLAIN.min_side == 2 * 32
    assert replace(_PLAIN, resize_to=(64, 48)).min_side == 2 * 64


def test_what_changes_the_tensor_changes_the_description() -> None:
    assert _PLAIN.describe() == replace(_PLAIN, resize_to=(24, 32)).describe()
    for change in ({"interpolation": "bicubic"}, {"scale": 0.5}, {"fill": 1}):
        assert replace(_PLAIN, **change).describe() != _PLAIN.describe()
