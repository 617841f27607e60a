"""Frames, pages, films, transparency and depth: no file goes for one that holds less."""

from __future__ import annotations

import io
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage import data

from safelight import Deduplicator, parse_source
from safelight.duplicates.model import STRICT, Relation
from safelight.ingest import ingest
from safelight.library.photo_facts import photo_facts
from safelight.types import Part, Structure
from tests.imaging.builders import animation, box, film, multi_picture, png, samsung
from tests.imaging.pictures import save

CAT = np.asarray(Image.fromarray(data.chelsea()).resize((240, 160)))
ROCKET = np.asarray(Image.fromarray(data.rocket()).resize((240, 160)))
JPEG = save(CAT, "JPEG", quality=90)
SMALL = save(Image.fromarray(CAT).resize((160, 106)), "JPEG", quality=60)


def frames(last: np.ndarray, number: int = 4) -> list[np.ndarray]:
    return [CAT, *(np.roll(CAT, step, axis=1) for step in range(1, number - 1)), last]


def with_exif(jpeg: bytes) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    body = exif.tobytes()
    return jpeg[:2] + b"\xff\xe1" + (2 + len(body)).to_bytes(2, "big") + body + jpeg[2:]


def deep(step: int = 0) -> np.ndarray:
    return CAT.astype(np.uint16) * 257 ^ step


def noisy(seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    return CAT.astype(np.uint16) * 256 + chance.integers(0, 256, CAT.shape, dtype=np.uint16)


def alpha(opacity: np.ndarray) -> np.ndarray:
    return np.dstack([CAT, opacity.astype(np.uint8)])


def masked() -> np.ndarray:
    opacity = np.full(CAT.shape[:2], 255)
    opacity[30:90, 40:120] = 0
    return alpha(opacity)


def deep_tiff(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".tiff", pixels[..., ::-1])[1].tobytes()


def floats(step: float) -> bytes:
    values = (CAT / 255).astype(np.float32) * np.float32(1 - step)
    return cv2.imencode(".tiff", values[..., ::-1])[1].tobytes()


def layered(content: bytes) -> bytes:
    return save(CAT, "TIFF", tiffinfo={37724: b"Adobe Photoshop Document Data Block\0" + content})


def sound(seed: int) -> bytes:
    return JPEG + box(b"ftyp", b"M4A \0\0\0\0") + film(seed)


BLACK, WHITE = np.zeros_like(CAT), np.full_like(CAT, 255)
PAGES = [CAT, ROCKET, CAT[::-1].copy()]

#: Two photos with one first picture, each with something that the other has not.
STRANGERS = {
    "animations": lambda: (animation(frames(ROCKET)), animation(frames(CAT[:, ::-1].copy()))),
    "animations of other times": lambda: (
        animation(frames(ROCKET), duration=40),
        animation(frames(ROCKET), duration=400),
    ),
    "animated png": lambda: (animation(frames(ROCKET), "PNG"), animation(frames(WHITE), "PNG")),
    "animated webp": lambda: (
        animation(frames(ROCKET), "WEBP", lossless=True),
        animation(frames(WHITE), "WEBP", lossless=True),
    ),
    "animated avif": lambda: (animation(frames(ROCKET), "AVIF"), animation(frames(WHITE), "AVIF")),
    "a longer one": lambda: (animation(frames(ROCKET, 3)), animation(frames(ROCKET, 5))),
    "pages": lambda: (animation(PAGES[:2], "TIFF"), animation([CAT, WHITE], "TIFF")),
    "stereo pairs": lambda: (
        multi_picture(JPEG, (0x020002, save(ROCKET, "JPEG"))),
        multi_picture(JPEG, (0x020002, save(WHITE, "JPEG"))),
    ),
    "films": lambda: (JPEG + film(1), JPEG + film(2)),
    "samsung's films": lambda: (samsung(JPEG, film(1)), samsung(with_exif(JPEG), film(2))),
    "depth below 8 bits": lambda: (png(deep()), png(deep(1))),
    "depth of a tiff": lambda: (deep_tiff(deep()), deep_tiff(deep(3))),
    "depth that rounds otherwise": lambda: (png(noisy(1)), png(noisy(2))),
    "depth of a tiff that rounds otherwise": lambda: (deep_tiff(noisy(1)), deep_tiff(noisy(2))),
    "depth of two formats": lambda: (png(noisy(1)), deep_tiff(noisy(2))),
    "depth, turned": lambda: (png(noisy(1)), png(np.rot90(noisy(2)).copy())),
    "depth of grey": lambda: (png(deep()[..., 0]), png(deep(1)[..., 0])),
    "depth of floats": lambda: (floats(0), floats(1e-4)),
    "opacity": lambda: (png(masked()), png(alpha(np.tile(np.linspace(90, 255, 240), (160, 1))))),
    "layers": lambda: (layered(b"one"), layered(b"two")),
    "sound": lambda: (sound(1), sound(2)),
    "archives": lambda: (JPEG + b"PK\x03\x04" + film(1, 90), JPEG + b"PK\x03\x04" + film(2, 90)),
}

#: A photo that holds more than another with the same first picture.
FULLER = {
    "animation and still": lambda: (animation(frames(ROCKET)), png(CAT)),
    "animated webp and jpeg": lambda: (animation(frames(ROCKET), "WEBP", quality=95), JPEG),
    "animated png and png": lambda: (animation(frames(ROCKET), "PNG"), png(CAT)),
    "pages and page": lambda: (animation(PAGES, "TIFF"), save(CAT, "TIFF")),
    "film": lambda: (JPEG + film(), with_exif(JPEG)),
    "film, small": lambda: (SMALL + film(), JPEG),
    "stereo pair": lambda: (multi_picture(JPEG, (0x020002, save(ROCKET, "JPEG"))), JPEG),
    "archive": lambda: (JPEG + b"PK\x03\x04" + film(3, 99), with_exif(JPEG)),
    "depth": lambda: (png(deep()), png(CAT)),
    "depth of a tiff": lambda: (deep_tiff(deep()), JPEG),
    "depth that rounds otherwise": lambda: (png(noisy(1)), png(CAT)),
    "transparency": lambda: (png(masked()), png(CAT)),
    "transparency, flattened": lambda: (png(masked()), png(masked()[..., :3])),
}


@pytest.fixture
def finder(tmp_path, library, embedder):
    def made(files: dict[str, bytes], policy: str = "original") -> Deduplicator:
        folder = tmp_path / "photos"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        ingest(library, [parse_source(str(folder))], embedder, model="colours")
        return Deduplicator(library, policy=policy, threads=1)

    return made


def moved(finder: Deduplicator, *relations: Relation) -> set[str]:
    plan = finder.plan(relations) if relations else finder.plan()
    return {Path(change.path).name for change in plan.changes}


@pytest.mark.parametrize("name", STRANGERS)
def test_two_with_one_first_picture_are_not_the_same(finder, name: str) -> None:
    one, other = STRANGERS[name]()
    found = finder({"one.jpg": one, "other.jpg": other})
    assert moved(found) == set()
    assert moved(found, *STRICT) == set()
    strict = {edge.relation for each in found.groups(STRICT) for edge in each.group.edges}
    assert strict <= {Relation.EDITED}


def test_films_in_heic_photos_tell_them_apart(finder, real_photos) -> None:
    heic = (real_photos / "camera" / "heic" / "cheers_1440x960.heic").read_bytes()
    found = finder(
        {
            "plain.heic": heic + b"\0" * 100,
            "one.heic": heic + box(b"mpvd", film(1)),
            "other.heic": heic + box(b"mpvd", film(2)),
        }
    )
    gone = moved(found, *STRICT)
    assert gone <= {"plain.heic"}
    assert all({"one.heic", "other.heic"} != names for names in edges_of(found))


def edges_of(finder: Deduplicator) -> list[set[str]]:
    names = {
        photo.photo_id: Path(photo.path).name for each in finder.groups() for photo in each.photos
    }
    return [
        {names[edge.a], names[edge.b]}
        for each in finder.groups(STRICT)
        for edge in each.group.edges
    ]


@pytest.mark.parametrize("policy", ["original", "smallest"])
@pytest.mark.parametrize("name", FULLER)
def test_the_fuller_one_never_goes(finder, name: str, policy: str) -> None:
    fuller, plain = FULLER[name]()
    found = finder({"fuller.jpg": fuller, "plain.jpg": plain}, policy)
    assert "fuller.jpg" not in moved(found)
    for relations in (STRICT, [Relation.BURST], [Relation.SIMILAR]):
        assert "fuller.jpg" not in moved(found, *relations)


@pytest.mark.parametrize("plain", [png(CAT), png(np.rot90(CAT).copy())])
def test_the_deeper_one_is_kept_and_the_other_may_go(finder, plain: bytes) -> None:
    found = finder({"plain.png": plain, "deep.png": png(noisy(1))})
    assert moved(found) == {"plain.png"}


def test_a_deep_photo_turned_without_loss_is_one_photo(finder) -> None:
    found = finder({"one.png": png(noisy(1)), "other.png": png(np.rot90(noisy(1)).copy())})
    assert len(moved(found)) == 1


@pytest.mark.parametrize("size", [(240, 150), (480, 400), (300, 300)])
def test_neither_of_two_proportions_goes_for_the_other(finder, size: tuple[int, int]) -> None:
    stretched = save(Image.fromarray(CAT).resize(size), "JPEG", quality=95)
    found = finder({"plain.jpg": JPEG, "stretched.jpg": stretched})
    assert [each.group.relation for each in found.groups(STRICT)] == [Relation.EDITED]
    assert moved(found) == set()
    assert moved(found, *STRICT) == set()


def test_what_keeps_a_file_is_said(finder) -> None:
    found = finder({"fuller.jpg": SMALL + film(), "plain.jpg": JPEG})
    (left,) = found.plan().left
    assert Path(left.path).name == "fuller.jpg"
    assert "a film" in left.why


def test_of_equal_pixels_the_fuller_one_is_kept(finder) -> None:
    found = finder({"plain.jpg": with_exif(JPEG), "fuller.jpg": JPEG + film()})
    (group,) = found.groups(STRICT)
    assert Path(group.keeper.path).name == "fuller.jpg"
    assert any("a film" in reason for reason in group.keeper.reasons)
    assert moved(found) == {"plain.jpg"}


def test_of_other_pixels_the_better_one_is_kept_and_the_fuller_one_stays(finder) -> None:
    found = finder({"plain.jpg": JPEG, "fuller.jpg": SMALL + film()})
    (group,) = found.groups(STRICT)
    assert Path(group.keeper.path).name == "plain.jpg"
    assert any("lacks: a film" in reason for each in group.photos for reason in each.reasons)
    assert moved(found) == set()


def test_one_animation_packed_twice_is_one(finder) -> None:
    lossless = {"lossless": True, "minimize_size": False, "duration": 80}
    found = finder(
        {
            "one.webp": animation(frames(ROCKET), "WEBP", method=0, **lossless),
            "other.webp": animation(frames(ROCKET), "WEBP", method=6, **lossless),
        }
    )
    assert len(moved(found)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (png(deep()), deep_tiff(deep())),
        (JPEG + film(), with_exif(JPEG) + film()),
        (png(masked()), save(Image.fromarray(masked()), "TIFF")),
    ],
)
def test_the_same_in_another_file_is_the_same(finder, one: bytes, other: bytes) -> None:
    found = finder({"one.png": one, "other.tif": other})
    (group,) = found.groups()
    assert group.group.relation is Relation.SAME_PIXELS
    assert len(moved(found)) == 1


def icon(number: int, colour: tuple[int, ...], size: int = 64) -> bytes:
    """A small drawing of one colour on transparency."""
    image = Image.new("RGBA", (size, size), (*colour, 0))
    draw = ImageDraw.Draw(image)
    chance = np.random.default_rng(number)
    for _ in range(4):
        x, y = chance.integers(4, size - 24, 2).tolist()
        wide, high = chance.integers(6, 20, 2).tolist()
        shape = draw.ellipse if chance.integers(2) else draw.rectangle
        shape((x, y, x + wide, y + high), fill=(*colour, 255))
    return save(image, "PNG")


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (250, 252, 255)])
def test_icons_of_one_colour_are_not_the_same(finder, colour) -> None:
    found = finder({f"{number:02}.png": icon(number, colour) for number in range(40)})
    assert moved(found) == set()
    assert found.groups(STRICT) == []


def test_signatures_in_white_ink_are_told_apart(finder) -> None:
    def signature(number: int) -> bytes:
        image = Image.new("LA", (240, 90), (255, 0))
        points = np.random.default_rng(number).integers(5, 85, (14, 2)) * (2.7, 1)
        ImageDraw.Draw(image).line([tuple(each) for each in points], fill=(255, 255), width=3)
        return save(image, "PNG")

    found = finder({f"{number}.png": signature(number) for number in range(8)})
    assert found.groups(STRICT) == []


def test_one_icon_packed_twice_is_one(finder) -> None:
    first = icon(1, (255, 255, 255), 96)
    again = save(Image.open(io.BytesIO(first)), "WEBP", lossless=True, exact=True)
    found = finder({"a.png": first, "b.webp": again})
    assert len(moved(found)) == 1


def test_pictures_of_one_colour_are_not_evidence(finder) -> None:
    files = {
        f"{number}.png": png(np.full((90 + number % 3, 120, 3), level, np.uint8))
        for number, level in enumerate((255, 255, 254, 3, 2, 128, 255))
    }
    files["clear.png"] = png(np.zeros((90, 120, 4), np.uint8))
    files["empty.png"] = png(np.full((90, 120, 4), (255, 255, 255, 0), np.uint8))
    found = finder(files)
    same_bytes = {each.group.relation for each in found.groups(STRICT)}
    assert same_bytes <= {Relation.IDENTICAL}


def test_structures_are_kept_at_ingest_and_read_later_where_they_lack(finder, library) -> None:
    found = finder({"film.jpg": JPEG + film(), "deep.png": png(deep()), "clear.png": png(masked())})

    def known() -> set[tuple[int, bool, int]]:
        ids = [each for (each,) in library.connection.execute("SELECT id FROM items")]
        structures = [facts.structure for facts in photo_facts(library, ids).values()]
        return {(each.depth, each.alpha, len(each.parts)) for each in structures if each}

    expected = {(8, False, 1), (16, False, 0), (8, True, 0)}
    assert known() == expected
    library.connection.execute("DELETE FROM structures")
    assert known() == set()
    found.groups()
    assert known() == expected


def test_structures_say_what_they_hold() -> None:
    parts = (Part("frames", 23, 10, "f"), Part("film", 1, 10, "a"))
    full = Structure(16, True, parts)
    assert full.pictures == 24
    for one, other in combinations((Structure(), Structure(16), Structure(alpha=True), full), 2):
        assert one != other
