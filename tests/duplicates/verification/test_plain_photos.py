"""Edits of photos with little natural texture are found, and pages that look alike are not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from skimage import data

from safelight.duplicates.model import STRICT, Relation
from tests.duplicates.album import Album

EDITS = {
    "darker tones": lambda p: p.point(lambda level: round(255 * (level / 255) ** 1.6)),
    "brighter tones": lambda p: p.point(lambda level: round(255 * (level / 255) ** 0.6)),
}


def out_of_focus(seed: int) -> Image.Image:
    """A photo hard in contrast: soft discs, black and white with little between them."""
    random = np.random.default_rng(seed)
    picture = Image.new("L", (480, 360))
    draw = ImageDraw.Draw(picture)
    for _ in range(14):
        x, y, r = random.uniform((0, 0, 15), (480, 360, 60))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=int(random.choice([0, 255])))
    soft = np.asarray(picture.filter(ImageFilter.GaussianBlur(4)), np.float32)
    hard = ((soft - 128) * 1.2 + 128).clip(0, 255).astype(np.uint8)
    return Image.fromarray(hard).convert("RGB")


def page(seed: int) -> Image.Image:
    """A form: lines that all have, and words that each has of its own."""
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", (480, 640), "white")
    draw = ImageDraw.Draw(picture)
    for y in range(40, 620, 30):
        draw.line((20, y, 460, y), fill="black", width=2)
        x = 24
        while x < 430:
            width = int(random.integers(4, 10))
            draw.rectangle((x, y - 18, x + width, y - 6), fill="black")
            x += width + int(random.integers(3, 14))
    return picture


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("seed", [1, 2])
def test_an_edit_of_a_photo_out_of_focus_is_found(edit: str, seed: int) -> None:
    album, photo = Album(), out_of_focus(seed)
    found = album.relation(album.add("1", photo), album.add("2", EDITS[edit](photo)))
    assert found in STRICT


@pytest.mark.parametrize("name", ["coffee", "rocket"])
def test_a_strongly_blurred_photo_is_found(name: str) -> None:
    album, photo = Album(), Image.fromarray(getattr(data, name)())
    blurred = photo.filter(ImageFilter.GaussianBlur(0.008 * max(photo.size)))
    assert album.relation(album.add("1", photo), album.add("2", blurred)) is Relation.EDITED


@pytest.mark.parametrize("radius", [1.5, 3])
@pytest.mark.parametrize("both", [False, True])
def test_pages_of_one_form_are_not_related(radius: float, both: bool) -> None:
    album = Album()
    one, other = page(1), page(2).filter(ImageFilter.GaussianBlur(radius))
    if both:
        one = one.filter(ImageFilter.GaussianBlur(radius))
    assert album.relation(album.add("1", one), album.add("2", other)) not in STRICT
