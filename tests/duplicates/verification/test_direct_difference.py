"""A direct difference proves that copies are one picture, and nothing else."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from skimage import data

from safelight.duplicates.verification.close_alignment import align_whole
from safelight.duplicates.verification.compression_model import compression_noise
from safelight.duplicates.verification.direct_difference import proven_same
from safelight.duplicates.verification.picture_blocks import picture_blocks
from safelight.duplicates.verification.worst_place import worst_place
from safelight.imaging import decode


def saved(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return Image.fromarray(data.coffee())


def both(first: bytes, second: bytes):
    """Return what the direct difference and the full look tell of two files of one size."""
    a, b = decode(first), decode(second)
    noise = compression_noise(a, b, 1.0, 1.0)
    return proven_same(a.pixels, b.pixels, noise), worst_place(
        align_whole(a.pixels, b.pixels), noise
    )


@pytest.mark.parametrize("quality", [60, 80, 95])
@pytest.mark.parametrize("form", ["JPEG", "WEBP", "PNG"])
def test_copies_are_proven_as_the_full_look_tells(photo, quality, form) -> None:
    found, full = both(saved(photo, quality=90), saved(photo, form, quality=quality))
    if found is not None:  # of what compression changed a lot, the full look decides
        assert not found.differs
        assert not full.differs
        assert found.is_natural
        assert full.is_natural
        assert found.detail == pytest.approx(full.detail, rel=0.01)
    assert quality < 90 or found is not None


def retouched(photo: Image.Image, kind: str) -> Image.Image:
    pixels = np.asarray(photo).copy()
    height, width = pixels.shape[:2]
    place = np.s_[height // 2 : height // 2 + 24, width // 3 : width // 3 + 24]
    if kind == "copied":
        pixels[place] = pixels[:24, :24]
    elif kind == "blurred":
        blurred = np.asarray(photo.filter(ImageFilter.GaussianBlur(4)))
        pixels[place] = blurred[place]
    elif kind == "coloured":
        pixels[place] = pixels[place][..., ::-1]
    elif kind == "shifted":
        return Image.fromarray(np.roll(pixels, 2, axis=1))
    elif kind == "darker":
        return Image.fromarray((pixels * 0.9).astype(np.uint8))
    else:  # a thin crop, brought back to the frame
        return photo.crop((0, 0, width - 6, height - 4)).resize((width, height))
    return Image.fromarray(pixels)


@pytest.mark.parametrize("kind", ["copied", "blurred", "coloured", "shifted", "darker", "cropped"])
def test_nothing_else_is_proven(photo, kind) -> None:
    found, _ = both(saved(photo, quality=95), saved(retouched(photo, kind), quality=95))
    assert found is None


def test_pages_and_plain_pictures_are_left_to_the_full_look() -> None:
    page = Image.new("RGB", (400, 300), (250, 250, 248))
    for row in range(10):
        ImageDraw.Draw(page).text(
            (20, 20 + 26 * row), f"{row} carried forward {row * 7919}", "black"
        )
    plain = Image.new("RGB", (400, 300), (200, 210, 220))
    for image in (page, plain):
        assert both(saved(image, quality=95), saved(image, quality=90))[0] is None


@pytest.mark.parametrize("size", [(96, 96), (97, 103), (400, 300), (333, 517), (9, 300), (300, 15)])
def test_blocks_do_not_depend_on_strips(photo, size) -> None:
    pixels = np.asarray(photo.resize(size))
    blocks = picture_blocks(pixels)
    rows, columns = size[1] // 8, size[0] // 8
    part = blocks.luma[: rows * 8, : columns * 8].astype(float).reshape(rows, 8, columns, 8)
    assert np.allclose(blocks.mean, part.mean((1, 3)), atol=0.01)
    assert np.allclose(blocks.square, (part**2).mean((1, 3)), atol=0.5)
    assert blocks.natural.shape == (size[1] // 16, size[0] // 16)
    assert not (blocks.natural & ~blocks.textured).any()
    again = picture_blocks(pixels.copy())
    assert all(
        np.array_equal(getattr(blocks, name), getattr(again, name))
        for name in ("luma", "chroma", "fine", "plain")
    )


def test_another_quality_of_a_frame_is_told_from_its_tables(photo) -> None:
    first = decode(saved(photo, quality=95))
    coarse = replace(first, quantization=((99,) * 64,))
    fine, rough = (compression_noise(first, each, 1.0, 1.0) for each in (first, coarse))
    other = decode(saved(photo, quality=40)).pixels
    found = [proven_same(first.pixels, other, noise) for noise in (fine, rough)]
    assert found[0] is None or found[1].factor <= found[0].factor
