"""Look-alikes that differ in one place, retouches, and copies: what a close look tells."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from safelight.duplicates.model import STRICT, Relation
from safelight.duplicates.plans.model import DEFAULT_RELATIONS
from safelight.duplicates.verification.classify import relate
from safelight.duplicates.verification.compression_model import compression_noise
from safelight.imaging import decode
from safelight.ingest.sources import parse_source
from safelight.types import Exif, Frame
from tests.duplicates.album import Album

_LINES = "net amount due|carried forward|storage and handling|delivery to branch|discount|tax"


@pytest.fixture
def album() -> Album:
    return Album()


@pytest.fixture(scope="module")
def photos() -> dict[str, Image.Image]:
    return {
        Path(entry.path).stem: Image.fromarray(decode(Path(entry.path).read_bytes()).pixels)
        for entry in parse_source("demo").entries()
        if entry.path.endswith(("astronaut.png", "chelsea.png", "coffee.png"))
    }


def page(number: str = "4711.20", clock: str = "12:41", size: int = 14, seed: int = 1):
    """Return a page of words and numbers; only `number` and `clock` are the caller's."""
    chance = np.random.default_rng(seed)
    image = Image.new("RGB", (44 * size, 58 * size), (250, 250, 248))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    draw.text((2 * size, size), f"Invoice {clock}", (20, 20, 20), ImageFont.load_default(2 * size))
    for row in range(24):
        words = _LINES.split("|")[row % 6]
        value = number if row == 11 else f"{chance.integers(100, 9999)}.{chance.integers(10, 99)}"
        draw.text((2 * size, (6 + 2 * row) * size), f"{row} {words}", (30, 30, 30), font)
        draw.text((33 * size, (6 + 2 * row) * size), value, (30, 30, 30), font)
    return image


def board(moved: bool, side: int = 480) -> Image.Image:
    image = Image.new("RGB", (side, side), (240, 217, 181))
    draw, cell = ImageDraw.Draw(image), side // 8
    for number in range(64):
        x, y = number % 8 * cell, number // 8 * cell
        if (number + number // 8) % 2:
            draw.rectangle((x, y, x + cell - 1, y + cell - 1), (181, 136, 99))
    for number in (0, 4, 9, 12, 18, 35 if moved else 27, 44, 50, 53, 60, 63):
        x, y = number % 8 * cell, number // 8 * cell
        ink = (20, 20, 20) if number < 30 or number == 35 else (250, 250, 250)
        draw.ellipse((x + 8, y + 8, x + cell - 8, y + cell - 8), ink, (90, 90, 90))
    return image


def chat(last: str, clock: str) -> Image.Image:
    image = Image.new("RGB", (320, 640), (18, 22, 26))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    draw.text((10, 6), clock, (255, 255, 255), font)
    said = [
        "see you at the station",
        "which platform?",
        "the one with the clock",
        "on my way",
        last,
    ]
    for number, words in enumerate(said):
        y = 50 + 90 * number
        draw.rounded_rectangle(
            (20, y, 290, y + 60), 12, (6, 70, 60) if number % 2 else (40, 46, 52)
        )
        draw.text((34, y + 20), words, (230, 230, 230), font)
    return image


def lamp(colour: tuple[int, int, int], seed: int) -> Image.Image:
    y, x = np.mgrid[-1:1:400j, -1:1:400j]
    far = np.hypot(x, y * 1.3)[..., None] / 0.5
    inside, shade = np.clip((1 - far) * 40, 0, 1), np.clip(1.2 - 0.6 * far, 0.2, 1)
    stand = ((np.abs(x) < 0.04) & (y > 0.3) & (y < 0.9))[..., None]
    ground = np.where(stand, 60.0, 244.0)
    noise = np.random.default_rng(seed).normal(0, 1, (400, 400, 3))
    pixels = inside * np.array(colour) * shade + (1 - inside) * ground + noise
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def staff(other: bool) -> Image.Image:
    image = Image.new("RGB", (620, 420), "white")
    draw, chance = ImageDraw.Draw(image), np.random.default_rng(5)
    for system in range(4):
        for line in range(5):
            draw.line(
                (20, 40 + 100 * system + 9 * line, 600, 40 + 100 * system + 9 * line), "black"
            )
        for note in range(18):
            step = int(chance.integers(0, 8))
            step = (step + 3) % 8 if other and (system, note) == (2, 7) else step
            x, y = 40 + 30 * note, 38 + 100 * system + 4.5 * step
            draw.ellipse((x - 5, y - 4, x + 5, y + 4), "black")
    return image


PAIRS = {
    "another amount": lambda: (page(), page("4711.80")),
    "another clock": lambda: (page(), page(clock="12:47")),
    "small print": lambda: (page(size=9), page("4771.20", size=9)),
    "large print": lambda: (page(size=30), page("4171.20", size=30)),
    "a board one move on": lambda: (board(False), board(True)),
    "another message": lambda: (chat("fine", "12:41"), chat("no!", "12:41")),
    "another minute": lambda: (chat("fine", "12:41"), chat("fine", "12:44")),
    "another colour": lambda: (lamp((200, 40, 40), 1), lamp((40, 150, 60), 2)),
    "one other note": lambda: (staff(False), staff(True)),
}
WAYS = {
    "as they are": lambda p: (p, "PNG"),
    "as JPEG": lambda p: (p, "JPEG"),
    "smaller": lambda p: (p.resize((p.width * 4 // 5, p.height * 4 // 5)), "JPEG"),
    "turned": lambda p: (p.transpose(Image.Transpose.ROTATE_90), "JPEG"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("pair", PAIRS)
def test_pictures_of_one_layout_have_no_strict_relation(album, pair, way):
    first, second = PAIRS[pair]()
    a, b = album.add("1", first, "PNG"), album.add("2", *WAYS[way](second))
    assert album.relation(a, b) not in STRICT


@pytest.mark.parametrize("way", ["as JPEG", "smaller", "turned"])
@pytest.mark.parametrize("pair", ["another amount", "another message", "a board one move on"])
def test_copies_of_what_is_drawn_are_copies(album, pair, way):
    first, _ = PAIRS[pair]()
    a, b = album.add("1", first, "PNG"), album.add("2", *WAYS[way](first))
    assert album.relation(a, b) in DEFAULT_RELATIONS


def test_pages_that_share_a_heading_are_not_related(album):
    first, second = (page(size=12, seed=seed, number=f"{seed}00.00") for seed in (3, 4))
    for image in (first, second):
        chance = np.random.default_rng(image is second)
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 100, image.width, image.height), (250, 250, 248))
        for row in range(24):
            words = " ".join(
                map(str, chance.choice("harbour winter letter under seven".split(), 6))
            )
            draw.text((24, 110 + 24 * row), words, (30, 30, 30), ImageFont.load_default(12))
    assert album.relation(album.add("1", first, "PNG"), album.add("2", second, "PNG")) not in STRICT


def test_what_cannot_be_read_is_not_a_copy(album):
    small = page().resize((66, 87), Image.Resampling.LANCZOS)
    assert album.relation(album.add("1", page(), "PNG"), album.add("2", small)) not in STRICT


def spot(photo: Image.Image) -> Image.Image:
    result = photo.copy()
    x, y, r = photo.width // 3, photo.height // 3, max(6, photo.width // 40)
    colour = photo.getpixel((photo.width // 2, photo.height - 20))
    ImageDraw.Draw(result).ellipse((x - r, y - r, x + r, y + r), tuple(255 - c for c in colour))
    return result


def signed(photo: Image.Image) -> Image.Image:
    result = photo.copy()
    at = (photo.width * 0.7, photo.height * 0.9)
    ImageDraw.Draw(result).text(at, "A. Berger", (250, 250, 250), ImageFont.load_default(18))
    return result


def cloned(photo: Image.Image) -> Image.Image:
    result, side = photo.copy(), photo.width // 12
    result.paste(photo.crop((0, 0, side, side)), (photo.width // 2, photo.height // 2))
    return result


def recoloured(photo: Image.Image) -> Image.Image:
    result, side = photo.copy(), photo.width // 8
    box = (photo.width // 2, photo.height // 2, photo.width // 2 + side, photo.height // 2 + side)
    red, green, blue = photo.crop(box).split()
    result.paste(Image.merge("RGB", (blue, red, green)), box)
    return result


@pytest.mark.parametrize("change", [spot, signed, cloned, recoloured])
@pytest.mark.parametrize("photo", ["astronaut", "chelsea", "coffee"])
def test_a_retouch_is_an_edit(album, photos, photo, change):
    original, edited = photos[photo], change(photos[photo])
    half = edited.resize((edited.width * 3 // 4, edited.height * 3 // 4), Image.Resampling.LANCZOS)
    first = album.add("1", original)
    for number, other in enumerate((edited, half, ImageOps.mirror(edited))):
        assert album.relation(first, album.add(f"2{number}", other)) is Relation.EDITED


@pytest.mark.parametrize("way", ["as JPEG", "smaller", "turned"])
def test_a_thing_in_another_colour_is_another_thing(album, photos, way):
    def thing(colour: str) -> Image.Image:
        image = Image.new("RGB", (480, 420), (248, 246, 243))
        shape = ImageOps.fit(photos["chelsea"].convert("L"), (260, 220))
        mask = Image.new("L", shape.size)
        ImageDraw.Draw(mask).ellipse((0, 0, 259, 219), 255)
        image.paste(ImageOps.colorize(shape, "black", "white", colour), (110, 100), mask)
        return image

    red, warmer, blue = (thing(colour) for colour in ("#b04030", "#c06020", "#3050b0"))
    a, b = album.add("1", red), album.add("2", *WAYS[way](blue))
    assert album.relation(a, b) not in STRICT
    assert album.relation(a, album.add("3", warmer)) is Relation.EDITED


def patched(photo: Image.Image) -> Image.Image:
    """A calm place filled from around it, as programs take things away."""
    pixels = np.asarray(photo)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    size = (31, 31)
    spread = cv2.blur(grey * grey, size) - cv2.blur(grey, size) ** 2
    spread[:40], spread[-40:], spread[:, :40], spread[:, -40:] = (np.inf,) * 4
    calm = np.abs(spread - np.quantile(spread[40:-40, 40:-40], 0.45))
    y, x = np.unravel_index(calm.argmin(), calm.shape)
    mask = np.zeros(grey.shape, np.uint8)
    cv2.circle(mask, (int(x), int(y)), 26, 255, -1)
    return Image.fromarray(cv2.inpaint(pixels, mask, 5, cv2.INPAINT_TELEA))


def faint(photo: Image.Image) -> Image.Image:
    """A soft spot, a little lighter: on a scan of bones it is what matters."""
    y, x = np.mgrid[: photo.height, : photo.width]
    at = (0.4 * photo.width, 0.6 * photo.height)
    spot = np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * (photo.width / 40) ** 2))
    levels = 9 if photo.width == 360 else 20  # fur hides more than bones
    lighter = np.asarray(photo) + levels * spot[..., None]
    return Image.fromarray(np.clip(lighter, 0, 255).astype(np.uint8))


def stamped(photo: Image.Image) -> Image.Image:
    """Words that let three quarters of the picture through."""
    layer = Image.new("L", photo.size)
    at = (photo.width * 0.1, photo.height * 0.45)
    ImageDraw.Draw(layer).text(at, "sample", 64, ImageFont.load_default(photo.height / 8))
    return Image.composite(Image.new("RGB", photo.size, "white"), photo, layer)


def scan() -> Image.Image:
    """Bones in soft tissue, in grey."""
    y, x = np.mgrid[-1:1:420j, -1:1:360j]
    light = 70 + 80 * np.exp(-(2 * x**2 + y**2)) + 25 * np.exp(-((x / 0.06) ** 2))
    for rib in np.arange(-0.8, 0.9, 0.2):
        light += 16 * np.exp(-(((y - rib + 0.25 * x**2) / 0.03) ** 2)) * (np.abs(x) > 0.1)
    light += np.random.default_rng(4).normal(0, 1.5, light.shape)
    return Image.fromarray(np.clip(light, 0, 255).astype(np.uint8)).convert("RGB")


def noisy(photo: Image.Image) -> Image.Image:
    pixels = np.asarray(photo) + np.random.default_rng(2).normal(0, 4, (*photo.size[::-1], 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def half(photo: Image.Image) -> Image.Image:
    return photo.resize((photo.width // 2, photo.height // 2), Image.Resampling.LANCZOS)


@pytest.mark.parametrize("way", [half, noisy])
@pytest.mark.parametrize("change", [patched, faint, stamped])
@pytest.mark.parametrize("photo", ["chelsea", "coffee", "a scan"])
def test_pale_changes_in_one_place_are_seen_in_smaller_and_noisy_files(
    album, photos, photo, change, way
):
    picture = scan() if photo == "a scan" else photos[photo]
    first = album.add("1", picture)
    assert album.relation(first, album.add("2", way(change(picture)))) not in DEFAULT_RELATIONS
    if photo != "a scan":
        assert album.relation(first, album.add("3", way(picture))) in DEFAULT_RELATIONS


def test_an_edit_says_where(album, photos):
    edge = relate(album.add("1", photos["coffee"]), album.add("2", spot(photos["coffee"])), album)
    assert edge.evidence["differs"] == "structure"
    assert edge.evidence["across"] == pytest.approx(1 / 3, abs=0.05)
    assert edge.evidence["down"] == pytest.approx(1 / 3, abs=0.05)
    assert edge.evidence["area"] < 0.03


def test_two_exposures_of_a_fixed_camera_are_not_copies(album, photos):
    chance = np.random.default_rng(1)
    views = []
    for picture in (photos["coffee"], spot(photos["coffee"])):
        noisy = np.asarray(picture) + chance.normal(0, 3, (picture.height, picture.width, 3))
        views.append(Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)))
    a, b = (album.add(str(number), view, "PNG") for number, view in enumerate(views))
    assert album.relation(a, b) not in STRICT


@pytest.mark.parametrize("turn", list(Image.Transpose))
def test_a_turned_part_is_a_part(album, photos, turn):
    exif = Exif(taken_at="2024-05-01T12:00:00", camera_model="One")
    whole = photos["coffee"]
    part = whole.crop((0, 0, round(0.8 * whole.width), round(0.85 * whole.height))).transpose(turn)
    a, b = album.add("1", whole, exif=exif), album.add("2", part, exif=exif)
    edge = relate(a, b, album)
    assert edge.relation is Relation.CROPPED
    assert edge.evidence["part"] == "2"


@pytest.mark.parametrize("turn", [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90])
def test_a_turned_picture_with_a_border_is_an_edit(album, photos, turn):
    framed = ImageOps.expand(photos["chelsea"], 25, "white").transpose(turn)
    a, b = album.add("1", photos["chelsea"]), album.add("2", framed)
    assert album.relation(a, b) is Relation.EDITED


@pytest.mark.parametrize("photo", ["astronaut", "chelsea", "coffee"])
def test_a_thin_crop_is_not_a_copy(album, photos, photo):
    whole = photos[photo]
    for share in (0.01, 0.02, 0.04):
        cut = whole.crop((0, 0, round((1 - share) * whole.width), whole.height))
        assert album.relation(album.add("1", whole), album.add("2", cut)) in (
            Relation.CROPPED,
            Relation.EDITED,
        )


def test_the_sharper_of_two_copies_is_named(album, photos):
    soft = photos["chelsea"].filter(ImageFilter.GaussianBlur(0.8))
    edge = relate(album.add("1", photos["chelsea"]), album.add("2", soft), album)
    assert edge.evidence["sharper"] == "1"


def test_coarse_steps_explain_more():
    def frame(quality: int) -> Frame:
        file = io.BytesIO()
        Image.new("RGB", (64, 64), (90, 90, 90)).save(file, "JPEG", quality=quality)
        return decode(file.getvalue())

    fine, coarse = frame(95), frame(30)
    assert fine.quantization[0][0] < coarse.quantization[0][0]
    both = [compression_noise(fine, other, 1, 1).luma for other in (fine, coarse)]
    assert both[0] < 20 < both[1]
    assert compression_noise(fine, coarse, 1, 0.25).luma < both[1] / 4
    assert compression_noise(fine, fine, 1, 1).same_steps
