"""Derivations, recognised from pixels that were really scaled and saved."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter
from skimage import data

from safelight.duplicates.clustering.grouping import group_id
from safelight.duplicates.keeper.derivation import derive
from safelight.duplicates.keeper.photo_bytes import ProvenBytes
from safelight.duplicates.model import Edge, Group, Relation
from safelight.files import sha256_of
from safelight.library.photo_facts import Copy, PhotoFacts


@pytest.fixture
def save(tmp_path):
    """Write a picture: ``save(image, "JPEG", quality=80)``."""
    made = []

    def call(image: Image.Image, form: str, **options: object) -> PhotoFacts:
        path = tmp_path / f"{len(made)}.{form.lower()}"
        image.save(path, form, **options)
        size = path.stat().st_size
        copy = Copy(str(path), size, 0, ("default",))
        exif = {"orientation": 6} if "exif" in options else {}
        made.append(PhotoFacts(sha256_of(path), size, form, *image.size, exif, copies=(copy,)))
        return made[-1]

    return call


def origins(photos) -> dict[str, tuple[str | None, str]]:
    """Return what each photo was made from, and how; they are forms of one picture."""
    first, *others = [photo.id for photo in photos]
    edges = tuple(Edge(*sorted((first, each)), Relation.RESIZED) for each in others)
    group = Group(group_id([first, *others]), Relation.RESIZED, (first, *others), edges)
    return {each.child: (each.parent, each.how) for each in derive(group, photos, ProvenBytes())}


def derived(sharper: PhotoFacts, other: PhotoFacts) -> dict[str, tuple[str | None, str]]:
    """Return what each of two photos of one size was made from; it is known which is sharper."""
    a, b = sorted((sharper.id, other.id))
    edge = Edge(a, b, Relation.RE_ENCODED, {"sharper": sharper.id})
    group = Group(group_id([a, b]), Relation.RE_ENCODED, (a, b), (edge,))
    found = derive(group, [sharper, other], ProvenBytes())
    return {each.child: (each.parent, each.how) for each in found}


PICTURES = [data.coffee, data.astronaut]


@pytest.fixture(params=PICTURES, ids=lambda each: each.__name__)
def original(request, save) -> tuple[PhotoFacts, Image.Image]:
    photo = save(Image.fromarray(request.param()), "JPEG", quality=80)
    with Image.open(photo.copies[0].path) as image:
        return photo, image.convert("RGB")


@pytest.mark.parametrize("factor", [1.5, 2, 3])
@pytest.mark.parametrize("kernel", ["BILINEAR", "BICUBIC", "LANCZOS"])
def test_an_enlarged_one_is_seen(original, save, factor, kernel) -> None:
    photo, image = original
    size = (round(image.width * factor), round(image.height * factor))
    large = save(image.resize(size, Image.Resampling[kernel]), "JPEG", quality=90)
    assert origins([photo, large]) == {large.id: (photo.id, "enlarged")}


@pytest.mark.parametrize("factor", [1.5, 2, 3.2])
def test_one_enlarged_by_repeating_pixels_is_seen(original, save, factor) -> None:
    photo, image = original
    size = (round(image.width * factor), round(image.height * factor))
    large = save(image.resize(size, Image.Resampling.NEAREST), "PNG")
    assert origins([photo, large]) == {large.id: (photo.id, "enlarged")}


@pytest.mark.parametrize("factor", [0.75, 0.5, 0.35])
@pytest.mark.parametrize("form", [("JPEG", {"quality": 96}), ("PNG", {})], ids=["JPEG", "PNG"])
def test_one_made_small_and_large_again_is_seen(original, save, factor, form) -> None:
    photo, image = original
    small = (round(image.width * factor), round(image.height * factor))
    again = image.resize(small, Image.Resampling.LANCZOS).resize(
        image.size, Image.Resampling.BICUBIC
    )
    soft = save(again, form[0], **form[1])
    assert derived(photo, soft) == {soft.id: (photo.id, "enlarged")}


@pytest.mark.parametrize("amount", [80, 300])
def test_one_that_was_sharpened_does_not_make_its_source_the_copy(save, amount) -> None:
    picture = Image.fromarray(data.coffee()).filter(ImageFilter.GaussianBlur(0.8))
    source = save(picture, "JPEG", quality=92)
    sharpened = save(picture.filter(ImageFilter.UnsharpMask(1, amount, 0)), "JPEG", quality=85)
    assert source.id not in derived(sharpened, source)


def test_a_soft_one_is_not_a_copy_of_itself_saved_with_more_loss(save) -> None:
    picture = Image.fromarray(data.coffee()).filter(ImageFilter.GaussianBlur(2))
    source, worse = save(picture, "JPEG", quality=92), save(picture, "JPEG", quality=30)
    assert source.id not in derived(worse, source)


def test_a_dithered_picture_is_not_the_source_of_its_photo(original, save) -> None:
    photo, image = original
    dithered = save(image.quantize(64).convert("RGB"), "WEBP", lossless=True)
    assert photo.id not in derived(dithered, photo)


def test_a_camera_wrote_the_soft_one_and_not_the_sharper(original, save) -> None:
    photo, image = original
    soft = save(image.resize((200, 150)).resize(image.size), "JPEG", quality=96)
    soft = replace(soft, exif={"camera_model": "R5"})
    assert derived(photo, soft) == {}


@pytest.mark.parametrize("factor", [0.25, 0.5, 0.75])
def test_a_true_one_is_not_taken_for_enlarged(original, save, factor) -> None:
    photo, image = original
    size = (round(image.width * factor), round(image.height * factor))
    small = save(image.resize(size, Image.Resampling.LANCZOS), "JPEG", quality=90)
    assert origins([small, photo]) == {}


@pytest.mark.parametrize(("form", "options"), [("JPEG", {"quality": 95}), ("PNG", {}), ("BMP", {})])
def test_one_that_was_saved_again_is_seen(original, save, form, options) -> None:
    photo, image = original
    again = save(image, form, **options)
    assert origins([again, photo]) == {again.id: (photo.id, "saved-again")}


def test_saved_with_more_loss_it_says_nothing_of_the_other(original, save) -> None:
    photo, image = original
    worse = save(image, "JPEG", quality=30)
    # The coarse one could be the source of the fine one, if that had its steps; it has not.
    assert photo.id not in origins([photo, worse])


def test_all_three_at_once(original, save) -> None:
    photo, image = original
    large = save(image.resize((image.width * 2, image.height * 2)), "JPEG", quality=90)
    again = save(image, "PNG")
    assert set(origins([large, again, photo])) == {large.id, again.id}


def test_an_orientation_hides_nothing_and_lost_files_say_nothing(original, save, tmp_path) -> None:
    photo, image = original
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = save(image, "JPEG", quality=95, exif=exif)
    assert origins([photo, turned]) == {turned.id: (photo.id, "saved-again")}
    broken = save(image, "PNG")
    with open(broken.copies[0].path, "wb") as file:
        file.write(b"broken")
    assert origins([photo, broken]) == {}
    gone = save(image, "PNG")
    (tmp_path / gone.copies[0].path).unlink()
    assert origins([photo, gone]) == {}


def test_a_flat_picture_says_nothing(save) -> None:
    flat = Image.fromarray(np.full((300, 400, 3), 128, np.uint8))
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=50)
    one, other = save(flat, "JPEG", quality=50), save(flat, "PNG")
    assert origins([one, other]) == {}


def test_real_photos(real_photos, save) -> None:
    paths = sorted((real_photos / "captioned").glob("*.jpg"))[1::12]
    assert paths
    right = 0
    for path in paths:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        photo = save(image, "JPEG", quality=80)
        with Image.open(photo.copies[0].path) as opened:
            image = opened.convert("RGB")
        large = save(image.resize((image.width * 2, image.height * 2)), "JPEG", quality=92)
        small = save(image.resize((image.width // 2, image.height // 2)), "JPEG", quality=92)
        again = save(image, "JPEG", quality=95)
        found = origins([photo, large, small, again])
        right += set(found) == {large.id, again.id}
    assert right >= 0.9 * len(paths)


@pytest.mark.parametrize("quality", [80, 90])
@pytest.mark.parametrize("place", [0, 29])
def test_the_source_of_many_copies_is_found_wherever_it_stands(save, quality, place) -> None:
    first = save(Image.fromarray(data.coffee()).crop((100, 50, 292, 242)), "JPEG", quality=quality)
    picture = Image.open(first.copies[0].path)
    copies = [save(picture, "JPEG", quality=95, comment=str(number)) for number in range(29)]
    photos = [*copies[:place], first, *copies[place:]]
    told = origins(photos)
    assert first.id not in told
    assert {told[copy.id] for copy in copies} == {(first.id, "saved-again")}


def test_of_many_copies_the_enlarged_ones_are_seen(save) -> None:
    picture = Image.fromarray(data.coffee()).crop((100, 50, 356, 306))
    small = [save(picture, "JPEG", quality=60 + number) for number in range(26)]
    large = save(picture.resize((512, 512), Image.Resampling.BICUBIC), "JPEG", quality=92)
    assert origins([*small, large])[large.id][1] == "enlarged"
