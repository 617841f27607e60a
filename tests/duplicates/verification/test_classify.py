"""Two photos to their relation: forms of one picture, series of a camera, strangers."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from safelight.duplicates.model import STRICT, Relation
from safelight.duplicates.photo_features import PhotoFeatures
from safelight.duplicates.thresholds import DEFAULT, Thresholds
from safelight.duplicates.verification.classify import relate
from safelight.errors import DecodeError, SettingsError
from safelight.imaging import decode
from safelight.ingest.sources import parse_source
from safelight.types import Exif
from tests.duplicates.album import Album


@pytest.fixture
def album() -> Album:
    return Album()


@pytest.fixture(scope="module")
def pictures() -> dict[str, Image.Image]:
    """Photos that scikit-image ships."""
    wanted = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")
    return {
        Path(entry.path).stem: Image.fromarray(decode(Path(entry.path).read_bytes()).pixels)
        for entry in parse_source("demo").entries()
        if entry.path.endswith((*wanted, "motorcycle_right.png"))
    }


def cut(picture: Image.Image, left: float, top: float, right: float, low: float) -> Image.Image:
    width, height = picture.size
    return picture.crop(
        (round(left * width), round(top * height), round(right * width), round(low * height))
    )


def shifted(picture: Image.Image) -> Image.Image:
    """A second exposure: everything has moved, each part differently."""
    y, x = np.mgrid[: picture.height, : picture.width].astype(np.float32)
    size = max(picture.size)
    rows = np.rint(y + 0.02 * size * np.sin(5 * x / size + 1)).clip(0, picture.height - 1)
    columns = np.rint(x + 0.02 * size * np.cos(6 * y / size)).clip(0, picture.width - 1)
    return Image.fromarray(np.asarray(picture)[rows.astype(int), columns.astype(int)])


CHANGES = {
    "compressed": (Relation.RE_ENCODED, lambda p: p),
    "half": (Relation.RESIZED, lambda p: p.resize((p.width // 2, p.height // 2))),
    "double": (Relation.RESIZED, lambda p: p.resize((p.width * 2, p.height * 2))),
    "stretched": (Relation.EDITED, lambda p: p.resize((400, 300))),
    "a little stretched": (Relation.EDITED, lambda p: p.resize((p.width, p.height * 24 // 25))),
    "enlarged and stretched": (Relation.EDITED, lambda p: p.resize((2 * p.width, 3 * p.height))),
    "rounded": (Relation.RESIZED, lambda p: p.resize((96, round(96 * p.height / p.width)))),
    "left quarter away": (Relation.CROPPED, lambda p: cut(p, 0.25, 0, 1, 1)),
    "small part": (Relation.CROPPED, lambda p: cut(p, 0.2, 0.1, 0.9, 0.8)),
    "darker": (Relation.EDITED, lambda p: ImageEnhance.Brightness(p).enhance(0.6)),
    "grey": (Relation.EDITED, lambda p: p.convert("L").convert("RGB")),
    "blurred": (Relation.EDITED, lambda p: p.filter(ImageFilter.GaussianBlur(3))),
    "framed": (Relation.EDITED, lambda p: ImageOps.expand(p, 30, "white")),
    "tilted": (Relation.EDITED, lambda p: p.rotate(4, Image.Resampling.BICUBIC)),
    "turned": (Relation.ROTATED, lambda p: p.transpose(Image.Transpose.ROTATE_90)),
    "turned, grey": (
        Relation.EDITED,
        lambda p: p.transpose(Image.Transpose.ROTATE_90).convert("L").convert("RGB"),
    ),
    "small part, darker": (
        Relation.EDITED,
        lambda p: ImageEnhance.Brightness(cut(p, 0.2, 0.1, 0.9, 0.8)).enhance(0.7),
    ),
    "upside down": (Relation.ROTATED, lambda p: p.transpose(Image.Transpose.ROTATE_180)),
    "mirrored": (Relation.MIRRORED, ImageOps.mirror),
    "flipped": (Relation.MIRRORED, ImageOps.flip),
    "transposed": (Relation.MIRRORED, lambda p: p.transpose(Image.Transpose.TRANSPOSE)),
    "turned and grey": (
        Relation.EDITED,
        lambda p: p.transpose(Image.Transpose.ROTATE_90).convert("L").convert("RGB"),
    ),
    "mirrored and blurred": (
        Relation.EDITED,
        lambda p: ImageOps.mirror(p).filter(ImageFilter.GaussianBlur(3)),
    ),
    "dark part": (
        Relation.EDITED,
        lambda p: ImageEnhance.Brightness(cut(p, 0.2, 0.1, 0.9, 0.8)).enhance(0.6),
    ),
    "mirrored part": (Relation.CROPPED, lambda p: cut(ImageOps.mirror(p), 0, 0, 0.9, 0.9)),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("photo", ["astronaut", "chelsea", "coffee"])
def test_forms_of_one_picture(album, pictures, photo, name):
    relation, change = CHANGES[name]
    original = album.add("original", pictures[photo], "PNG")
    assert album.relation(original, album.add("other", change(pictures[photo]))) is relation


def test_strangers_have_no_relation_and_are_not_opened(album, pictures):
    seen = [album.add(name, picture) for name, picture in pictures.items() if "moto" not in name]
    for number, one in enumerate(seen):
        for other in seen[:number]:
            assert album.relation(one, other) is None
    assert album.opened == []


def test_two_views_are_not_forms_of_one_picture(album, pictures):
    left, right = (album.add(name, pictures[f"motorcycle_{name}"]) for name in ("left", "right"))
    assert album.relation(left, right) is None
    assert album.opened, "they share enough to be worth a look"


def test_the_next_exposure_is_not_a_form(album, pictures):
    for name in ("astronaut", "chelsea", "coffee"):
        first, second = album.add("1", pictures[name]), album.add("2", shifted(pictures[name]))
        assert album.relation(first, second) not in STRICT


def test_same_pixels_in_another_packing(album, pictures):
    small = pictures["coffee"].resize((300, 200))
    one, other = album.add("1", small, "PNG"), album.add("2", small, "BMP")
    assert album.relation(one, other) is Relation.SAME_PIXELS
    pixels = np.array(small)
    pixels[100, 100] ^= 1
    changed = album.add("3", Image.fromarray(pixels), "PNG")
    assert album.relation(one, changed) is Relation.RE_ENCODED


def test_same_pixels_whatever_the_camera_says(album, pictures):
    exif = Exif(taken_at="2024-05-01T12:00:00", camera_model="One")
    later = replace(exif, taken_at="2024-05-01T12:00:09")  # somebody set the clock right
    picture = pictures["coffee"]
    one = album.add("1", picture, "PNG", exif=exif)
    other = album.add("2", picture, "BMP", exif=later)
    assert album.relation(one, other) is Relation.SAME_PIXELS


def test_one_photo_with_two_files_is_identical(album, pictures):
    seen = album.add("1", pictures["coffee"])
    assert album.relation(seen, seen) is Relation.IDENTICAL


def test_a_crop_says_which_is_the_part(album, pictures):
    whole = album.add("b", pictures["coffee"])
    for name in ("a", "c"):
        edge = relate(whole, album.add(name, cut(pictures["coffee"], 0, 0, 0.8, 0.8)), album)
        assert edge.relation is Relation.CROPPED
        assert edge.evidence["part"] == name
        assert edge.evidence["covers"] == pytest.approx(0.64, abs=0.02)


def test_an_edit_says_what_else_was_done(album, pictures):
    original = album.add("1", pictures["coffee"])
    for name, told in (("turned, grey", "rotated"), ("small part, darker", "cropped")):
        edge = relate(original, album.add("2", CHANGES[name][1](pictures["coffee"])), album)
        assert edge.evidence[told] is True


def test_evidence_is_plain(album, pictures):
    edge = relate(
        album.add("1", pictures["coffee"]),
        album.add("2", CHANGES["tilted"][1](pictures["coffee"])),
        album,
    )
    assert abs(abs(edge.evidence["degrees"]) - 4) < 0.3
    assert edge.evidence["corners"] >= DEFAULT.corners
    assert all(type(value) in (int, float, str, bool) for value in edge.evidence.values())


def test_files_that_are_away(album, pictures):
    def away(seen, min_side):
        raise FileNotFoundError(seen.paths[0])

    def broken(seen, min_side):
        raise DecodeError("is damaged")

    original = album.add("1", pictures["coffee"])
    half = album.add("2", CHANGES["half"][1](pictures["coffee"]))
    framed = album.add("3", CHANGES["framed"][1](pictures["coffee"]))
    for look in (away, broken):
        edge = relate(original, half, look)
        assert edge.relation is Relation.RESIZED
        assert edge.evidence["unchecked"] is True
        assert relate(original, framed, look) is None


def test_photos_without_hashes(album, pictures):
    seen = album.add("1", pictures["coffee"])
    bare = PhotoFeatures("2", "JPEG", 600, 400)
    assert relate(seen, bare, album) is None
    assert relate(bare, replace(bare, id="3"), album) is None


def test_similar_by_the_vectors_alone(album, pictures):
    vector = np.zeros(8, np.float32)
    vector[0] = 1
    one = album.add("1", pictures["coffee"], vector=vector)
    other = album.add("2", pictures["rocket"], vector=vector)
    assert album.relation(one, other) is Relation.SIMILAR
    assert album.relation(one, other, Thresholds(similar_cosine=1.01)) is None


CAMERA = Exif(
    taken_at="2024-05-01T12:00:00",
    camera_make="Maker",
    camera_model="One",
    exposure_time=1 / 100,
    f_number=4.0,
    iso=200,
    focal_length=35.0,
)


def after(seconds: int, **changed) -> Exif:
    return replace(CAMERA, taken_at=f"2024-05-01T12:00:{seconds:02}", **changed)


def test_a_burst(album, pictures):
    first = album.add("1", pictures["coffee"], exif=CAMERA)
    second = album.add("2", shifted(pictures["coffee"]), exif=after(2))
    assert album.relation(first, second) is Relation.BURST
    assert relate(first, second, album).evidence["seconds"] == 2
    much_later = replace(second, exif=after(40))
    assert album.relation(first, much_later) is None
    other_camera = replace(second, exif=after(2, camera_model="Two"))
    assert album.relation(first, other_camera) not in (Relation.BURST, *STRICT)


def test_exposures_at_two_moments_are_never_forms_of_one_picture(album, pictures):
    first = album.add("1", pictures["coffee"], exif=CAMERA)
    second = album.add("2", ImageEnhance.Brightness(pictures["coffee"]).enhance(0.97))
    assert album.relation(first, replace(second, exif=after(1))) is Relation.BURST
    assert album.relation(first, second) in STRICT
    # A copy that kept the EXIF data is of the same moment.
    assert album.relation(first, replace(second, exif=CAMERA)) in STRICT


def test_two_exposures_in_one_second(album, pictures):
    large = pictures["coffee"].resize((2400, 1600), Image.Resampling.BICUBIC)
    moved = large.transform(large.size, Image.Transform.AFFINE, (1, 0, 5, 0, 1, -4))
    first = album.add("1", large, exif=CAMERA)
    second = album.add("2", moved, exif=CAMERA)
    assert album.relation(first, second) is Relation.BURST
    compressed = album.add("3", Image.open(io.BytesIO(album.files["1"])), exif=CAMERA)
    darker = album.add("4", ImageEnhance.Brightness(large).enhance(0.7), exif=CAMERA)
    assert album.relation(first, compressed) in (Relation.RE_ENCODED, Relation.SAME_PIXELS)
    assert album.relation(first, darker) is Relation.EDITED
    # Without the camera's word there is nothing to doubt.
    assert album.relation(replace(first, exif=Exif()), replace(second, exif=Exif())) in STRICT


def test_a_bracket(album, pictures):
    middle = album.add("1", pictures["coffee"], exif=CAMERA)
    brighter = ImageEnhance.Brightness(pictures["coffee"]).enhance(1.5)
    for time, picture, relation in (
        (1 / 25, brighter, Relation.BRACKET),
        (1 / 60, brighter, Relation.BRACKET),
        (1 / 60, shifted(pictures["coffee"]), Relation.BURST),  # a darker scene, exposed again
        (1 / 100, shifted(pictures["coffee"]), Relation.BURST),
    ):
        other = album.add("2", picture, exif=after(1, exposure_time=time))
        assert album.relation(middle, other) is relation


def test_a_bracket_of_other_sizes_is_none(album, pictures):
    middle = album.add("1", pictures["coffee"], exif=CAMERA)
    half = CHANGES["half"][1](pictures["coffee"])
    other = album.add("2", half, exif=after(1, exposure_time=1 / 25))
    assert album.relation(middle, other) is not Relation.BRACKET


def test_a_panorama(album, pictures):
    for name in ("astronaut", "coffee"):
        left = album.add("1", cut(pictures[name], 0, 0, 0.7, 1), exif=CAMERA)
        right = album.add("2", cut(pictures[name], 0.3, 0, 1, 1), exif=after(3))
        assert album.relation(left, right) is Relation.PANORAMA
        edge = relate(left, right, album)
        assert edge.evidence["overlap"] == pytest.approx(4 / 7, abs=0.08)


def test_raw_and_jpeg(album, pictures):
    jpeg = album.add("IMG_1.jpg", pictures["coffee"], exif=CAMERA)
    raw = replace(jpeg, id="IMG_1.CR2", format="RAW", paths=("/photos/IMG_1.CR2",))
    assert album.relation(jpeg, raw) is Relation.RAW_JPEG
    assert album.relation(jpeg, replace(raw, paths=("/raw/other.CR2",))) is Relation.RAW_JPEG
    without_moment = replace(raw, exif=Exif())
    assert album.relation(jpeg, without_moment) is Relation.RAW_JPEG
    # Names begin again after IMG_9999.
    other = album.add("IMG_1.NEF", pictures["rocket"], format="RAW", exif=Exif())
    assert album.relation(jpeg, other) is None


def test_raw_and_a_black_and_white_jpeg(album, pictures):
    raw = album.add("IMG_1.CR2", pictures["coffee"], format="RAW", exif=CAMERA)
    unlike = album.add("IMG_1.jpg", pictures["rocket"], exif=CAMERA)
    assert album.relation(raw, unlike) is Relation.RAW_JPEG


def test_thresholds_have_versions():
    assert DEFAULT.version == Thresholds().version
    assert Thresholds(hash_bits=39).version != DEFAULT.version


def test_limits_are_read():
    assert Thresholds.parse("") == DEFAULT
    read = Thresholds.parse("words=4, similar_cosine=0.9")
    assert (read.words, read.similar_cosine) == (4, 0.9)
    for text in ("word=4", "words", "words=many", "words=3.5", "panorama_overlap=1"):
        with pytest.raises(SettingsError):
            Thresholds.parse(text)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_noise_is_related_to_nothing(seed):
    album, chance = Album(), np.random.default_rng(seed)
    seen = [
        album.add(name, Image.fromarray(chance.integers(0, 256, (90, 120, 3), np.uint8)), "PNG")
        for name in "ab"
    ]
    assert album.relation(*seen) is None


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (40, 3), (17, 16)])
def test_tiny_pictures(album, size):
    chance = np.random.default_rng(1)
    pixels = chance.integers(0, 256, (*size, 3), np.uint8)
    one = album.add("1", Image.fromarray(pixels), "PNG")
    # One pixel is one colour, which is not evidence.
    expected = None if size == (1, 1) else Relation.SAME_PIXELS
    assert album.relation(one, album.add("2", Image.fromarray(pixels), "BMP")) is expected
    album.relation(one, album.add("3", Image.fromarray(pixels[::-1].copy()), "PNG"))


def test_plain_pictures_of_one_colour_are_not_evidence(album):
    black, white = (Image.new("RGB", (200, 150), colour) for colour in ("black", "white"))
    one = album.add("1", black, "PNG")
    assert album.relation(one, album.add("2", black, "BMP")) is None
    assert album.relation(one, album.add("3", white, "PNG")) is None
