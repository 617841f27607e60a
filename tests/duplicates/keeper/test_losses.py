"""A photo that lost colour or tones is never kept before one that still has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from skimage import data

from safelight import Deduplicator, parse_source
from safelight.duplicates.keeper.losses import losses as losses_of
from safelight.duplicates.keeper.photo_bytes import ProvenBytes
from safelight.duplicates.model import STRICT, Relation
from safelight.duplicates.verification.recompression import (
    WIDE_SIDE,
    lossless_middle,
    saved,
    saved_from,
)
from safelight.files import sha256_of
from safelight.ingest import ingest
from safelight.library.photo_facts import Copy, PhotoFacts


def losses(photos) -> dict[str, str]:
    return losses_of(photos, ProvenBytes())


@pytest.fixture
def save(tmp_path):
    """Write a picture: ``save(image, "a.png")``."""

    def call(image: Image.Image, name: str, **options: object) -> PhotoFacts:
        path = tmp_path / name
        image.save(path, **options)
        form = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[name.rpartition(".")[2]]
        copy = Copy(str(path), path.stat().st_size, 0, ("default",))
        return PhotoFacts(sha256_of(path), copy.size, form, *image.size, copies=(copy,))

    return call


PICTURE = Image.fromarray(data.coffee())


@pytest.mark.parametrize(
    ("name", "make", "lost"),
    [
        ("grey.jpg", lambda image: image.convert("L"), "grey"),
        ("grey.png", lambda image: image.convert("L"), "grey"),
        ("grey.webp", lambda image: image.convert("L").convert("RGB"), "grey"),
        ("dithered.png", lambda image: image.convert("1"), "grey"),
        ("palette.png", lambda image: image.quantize(200), "few-colours"),
        ("few.png", lambda image: image.quantize(16).convert("RGB"), "few-colours"),
        ("print.jpg", lambda image: image.convert("CMYK"), "for-print"),
        ("colour.png", lambda image: image, None),
        ("colour.webp", lambda image: image, None),
        ("rgba.png", lambda image: image.convert("RGBA"), None),
    ],
)
def test_beside_a_jpeg_with_all_of_it(save, name, make, lost) -> None:
    whole = save(PICTURE, "whole.jpg", quality=80)
    other = save(make(PICTURE), name)
    expected = {} if lost is None else {other.id: lost}
    assert losses([whole, other]) == losses([other, whole]) == expected


def test_black_and_white_is_less_than_grey(save) -> None:
    grey = save(PICTURE.convert("L"), "grey.jpg")
    black = save(PICTURE.convert("1"), "black.png")
    assert losses([black, grey]) == {black.id: "few-colours"}


def test_where_nobody_has_more_nothing_was_lost(save) -> None:
    one, other = save(PICTURE.convert("L"), "1.jpg"), save(PICTURE.convert("L"), "2.png")
    assert losses([one, other]) == {}
    one, other = save(PICTURE.convert("CMYK"), "3.jpg"), save(PICTURE.convert("CMYK"), "4.jpg")
    assert losses([one, other]) == {}
    few = save(Image.fromarray(np.zeros((300, 400, 3), np.uint8)), "5.png")
    assert losses([few, save(Image.new("RGB", (400, 300)), "6.jpg")]) == {}
    assert losses([one]) == {}


@pytest.mark.parametrize(
    ("quality", "colours"), [(90, "colour"), (40, "black and white"), (90, "black and white")]
)
def test_a_drawing_has_lost_nothing_beside_its_jpeg(save, quality: int, colours: str) -> None:
    screen = Image.new("RGB", (540, 700), (40, 60, 110) if colours == "colour" else "white")
    draw = ImageDraw.Draw(screen)
    for number in range(24):
        left, top = 36 + number % 4 * 126, 40 + number // 4 * 110
        fill = (number * 37 % 256, number * 91 % 256, number * 53 % 256)
        draw.ellipse((left, top, left + 90, top + 80), fill if colours == "colour" else "black")
        draw.text((left, top + 84), f"Icon {number}", fill="white" if colours == "colour" else 0)
    drawn, copy = save(screen, "7.png"), save(screen, "8.jpg", quality=quality)
    assert losses([drawn, copy]) == {}


def _screenshot(wide: int, high: int) -> Image.Image:
    """Draw lines of text on the left: there is nothing in the middle of a wide one."""
    image = Image.new("RGB", (wide, high), (250, 250, 252))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, wide, 40), fill=(30, 90, 200))
    for number, top in enumerate(range(60, high - 20, 22)):
        draw.text((20, top), f"Order {number * 7919} of Monday, in total {number * 31}", "black")
    return image


@pytest.mark.parametrize("quality", [40, 90])
@pytest.mark.parametrize(
    ("size", "name"), [((480, 800), "a.png"), ((1000, 600), "a.png"), ((600, 500), "a.bmp")]
)
def test_a_screenshot_is_kept_and_its_jpeg_goes(
    tmp_path, library, embedder, size, name, quality
) -> None:
    folder = tmp_path / "shots"
    folder.mkdir()
    shot = _screenshot(*size)
    shot.save(folder / name)
    shot.save(folder / "b.jpg", quality=quality)
    ingest(library, [parse_source(f"images:{folder}")], embedder, model="colours")
    (group,) = Deduplicator(library).groups([Relation.RE_ENCODED])
    assert [Path(photo.path).name for photo in group.photos if photo.keeper] == [name]


def test_a_palette_made_from_a_jpeg_is_not_its_source(save) -> None:
    shot = save(_screenshot(480, 800), "b.jpg", quality=60)
    with Image.open(shot.copies[0].path) as decoded:
        coarse, whole = decoded.quantize(24).convert("RGB"), decoded.convert("RGB")
    jpeg = saved(Path(shot.copies[0].path).read_bytes(), side=WIDE_SIDE)
    assert jpeg is not None
    for picture, proves in ((coarse, False), (whole, False), (_screenshot(480, 800), True)):
        middle = lossless_middle(np.asarray(picture))
        assert middle is not None
        assert (saved_from(jpeg, middle) is not None) == proves


def test_what_cannot_be_read_says_nothing(save, tmp_path) -> None:
    whole, grey = save(PICTURE, "whole.jpg"), save(PICTURE.convert("L"), "grey.png")
    (tmp_path / "grey.png").write_bytes(b"broken")
    assert losses([whole, grey]) == {}
    (tmp_path / "grey.png").unlink()
    assert losses([whole, grey]) == {}


@pytest.fixture
def finder(tmp_path, library, embedder) -> Deduplicator:
    """An original, and what was made of it: named so that the original comes neither first nor
    last, and is neither the largest nor the oldest file."""
    photos = tmp_path / "photos"
    photos.mkdir()
    cat = Image.fromarray(data.chelsea())
    cat.save(photos / "m original.jpg", quality=88)
    with Image.open(photos / "m original.jpg") as opened:
        image = opened.convert("RGB")
    grey = ImageOps.grayscale(image)
    grey.save(photos / "a grey.png")
    grey.convert("1").save(photos / "b dithered.png")
    grey.rotate(90, expand=True).save(photos / "c grey and turned.jpg", quality=95)
    image.rotate(90, expand=True).save(photos / "d turned.jpg", quality=88)
    image.filter(ImageFilter.GaussianBlur(4)).save(photos / "e blurred.png")
    image.convert("CMYK").save(photos / "f print.jpg", quality=88)
    image.save(photos / "z.webp", quality=95)
    ingest(library, [parse_source(str(photos))], embedder, model="colours")
    return Deduplicator(library)


def test_the_original_is_kept_and_edits_are_not_offered(finder) -> None:
    (found,) = (each for each in finder.groups() if each.group.relation in STRICT)
    assert Path(found.keeper.path).name == "m original.jpg"
    told = {Path(each.path).name: " ".join(each.reasons) for each in found.photos}
    for name in ("a grey.png", "b dithered.png"):
        assert "has lost its colours" in told[name]
    assert "converted for printing" in told["f print.jpg"]
    plan = finder.plan()
    (group,) = (each for each in plan.groups if each.keeper.endswith("m original.jpg"))
    assert {Path(change.path).name for change in group.changes} == {
        "d turned.jpg", "f print.jpg", "z.webp",
    }  # fmt: skip
    relations = {change.relation for change in plan.changes}
    assert relations <= STRICT - {Relation.EDITED, Relation.CROPPED}


def test_real_variants(real_photos, library, embedder) -> None:
    """One photo in many modes, edits and turns: the one of which there are three files is it."""
    names = {"aaa-orig.jpg", "original.jpg", "bridge-1-original.jpg"}
    # Every second of the others: all are compared with all, a fifth of a second a pair.
    found = [
        path
        for kind in ("edits", "modes", "rotations")
        for path in sorted((real_photos / "variants" / kind).glob("*.*[!d]"))
    ]
    others = [path for path in found if path.name not in names][::2]
    chosen = [path for path in found if path.name in names] + others
    sources = [parse_source(str(path)) for path in chosen]
    ingest(library, sources, embedder, model="colours")
    (group,) = Deduplicator(library).groups()
    assert Path(group.keeper.path).name in names
    assert len(group.photos) == len(chosen) > 15
