"""Photos made from photos, with known relations: what a duplicate finder is to find, and what not.

Each variant is the bytes of a file, as a program or a person might have made it. Where a place or a
direction is left to chance, it depends on the photo's name and the variant's alone.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps, TiffImagePlugin

from safelight.duplicates.model import Relation

if TYPE_CHECKING:
    from collections.abc import Callable

    Change = Callable[[Image.Image, np.random.Generator], Image.Image]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to make a photo from another.

    Attributes
    ----------
    name : str
    relation : Relation
        Of the variant to its original.
    change : callable
        The picture and a source of chance, to the picture.
    form : str
        Pillow's name of the format in which it is saved.
    quality : int
    apart : bool
        Hard, and counted apart: a crop of more than a quarter, a turn by a few degrees.
    """

    name: str
    relation: Relation
    change: Change
    form: str = "JPEG"
    quality: int = 90
    apart: bool = False

    def of(self, picture: Image.Image, photo: str) -> bytes:
        """Return the file that this makes of `picture`, which is called `photo`."""
        chance = np.random.default_rng(zlib.crc32(f"{photo}/{self.name}".encode()))
        return saved(self.change(picture, chance), self.form, self.quality)


def saved(picture: Image.Image, form: str = "JPEG", quality: int = 90) -> bytes:
    """Return a picture as a file."""
    file = io.BytesIO()
    picture.save(file, form, **({} if form == "PNG" else {"quality": quality}))
    return file.getvalue()


def _same(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    return picture


def _scaled(factor: float) -> Change:
    def change(picture: Image.Image, _: np.random.Generator) -> Image.Image:
        size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
        return picture.resize(size, Image.Resampling.LANCZOS)

    return change


def _cropped(share: float, *, across: bool = True, down: bool = True) -> Change:
    """Take away `share` of the width and of the height, somewhere."""

    def change(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
        width = round(picture.width * (1 - share * across))
        height = round(picture.height * (1 - share * down))
        left = int(chance.integers(0, picture.width - width + 1))
        top = int(chance.integers(0, picture.height - height + 1))
        return picture.crop((left, top, left + width, top + height))

    return change


def _square(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    return ImageOps.fit(picture, (min(picture.size),) * 2)


def _enhanced(kind: type[ImageEnhance._Enhance], factor: float) -> Change:
    return lambda picture, _: kind(picture).enhance(factor)


def _gains(red: float, green: float, blue: float) -> Change:
    def change(picture: Image.Image, _: np.random.Generator) -> Image.Image:
        pixels = np.asarray(picture, np.float32) * np.array([red, green, blue], np.float32)
        return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))

    return change


def _curve(exponent: float) -> Change:
    table = [round(255 * (level / 255) ** exponent) for level in range(256)] * 3
    return lambda picture, _: picture.point(table)


def _grey(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    return picture.convert("L").convert("RGB")


def _sepia(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    return ImageOps.colorize(picture.convert("L"), (35, 20, 5), (255, 240, 205), (150, 115, 80))


def _vignette(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    y, x = np.mgrid[-1 : 1 : picture.height * 1j, -1 : 1 : picture.width * 1j]
    shade = np.clip(1.1 - 0.45 * (x**2 + y**2), 0, 1)[..., None]
    return Image.fromarray((np.asarray(picture) * shade).astype(np.uint8))


def _border(share: float, colour: tuple[int, int, int]) -> Change:
    return lambda picture, _: ImageOps.expand(picture, round(share * min(picture.size)), colour)


def _letterbox(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    bar = round(0.14 * picture.height)
    result = Image.new("RGB", (picture.width, picture.height + 2 * bar))
    result.paste(picture, (0, bar))
    return result


_WORDS = "the best days of that summer by the lake we never wanted it to end at all".split()


def _text(chance: np.random.Generator, count: int) -> str:
    return " ".join(str(word) for word in chance.choice(_WORDS, count))


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(8.0, size))


def _caption_over(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    result = picture.copy()
    size = picture.height / 11
    ImageDraw.Draw(result).text(
        (picture.width / 2, picture.height * 0.88),
        _text(chance, 4),
        (255, 255, 255),
        _font(size),
        anchor="mm",
        stroke_width=max(1, round(size / 12)),
        stroke_fill=(0, 0, 0),
    )
    return result


def _caption_below(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    bar = round(0.16 * picture.height)
    result = Image.new("RGB", (picture.width, picture.height + bar), (255, 255, 255))
    result.paste(picture, (0, 0))
    ImageDraw.Draw(result).text(
        (picture.width / 2, picture.height + bar / 2),
        _text(chance, 5),
        (20, 20, 20),
        _font(bar / 2.4),
        anchor="mm",
    )
    return result


def _watermark(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    """Half-transparent text all over, aslant."""
    side = round(1.5 * max(picture.size))
    layer = Image.new("L", (side, side))
    draw = ImageDraw.Draw(layer)
    font = _font(min(picture.size) / 12)
    step = max(24, min(picture.size) // 3)
    for top in range(0, side, step):
        draw.text((0, top), " ".join(["PREVIEW ONLY"] * 12), 110, font)
    layer = layer.rotate(30)
    left, top = (int(chance.integers(0, side - length + 1)) for length in picture.size)
    mask = layer.crop((left, top, left + picture.width, top + picture.height))
    return Image.composite(Image.new("RGB", picture.size, (255, 255, 255)), picture, mask)


def _logo(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    """Put an opaque badge into one corner."""
    result = picture.copy()
    side = min(picture.size) / 5
    left = 0.03 * side if chance.random() < 0.5 else picture.width - 1.03 * side
    top = 0.03 * side if chance.random() < 0.5 else picture.height - 1.03 * side
    draw = ImageDraw.Draw(result)
    draw.rounded_rectangle((left, top, left + side, top + side), side / 6, (200, 30, 60))
    draw.text(
        (left + side / 2, top + side / 2), "NEWS", (255, 255, 255), _font(side / 3.5), anchor="mm"
    )
    return result


def _blurred(radius: float) -> Change:
    """Blur by `radius` thousandths of the longer side."""
    return lambda picture, _: picture.filter(
        ImageFilter.GaussianBlur(radius * max(picture.size) / 1000)
    )


def _noised(sigma: float) -> Change:
    def change(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
        noisy = np.asarray(picture) + chance.normal(0, sigma, (picture.height, picture.width, 3))
        return Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8))

    return change


def _turned(degrees: float, *, filled: bool) -> Change:
    """Turn left or right; either with black corners, or cut to what has no corners."""

    def change(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
        angle = degrees if chance.random() < 0.5 else -degrees
        turned = picture.rotate(angle, Image.Resampling.BICUBIC)
        if filled:
            return turned
        # The largest part of the same proportions that lies wholly inside.
        width, height = picture.size
        sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
        factor = min(
            width / (width * cosine + height * sine), height / (width * sine + height * cosine)
        )
        across, down = width * (1 - factor) / 2, height * (1 - factor) / 2
        return turned.crop(
            (int(across) + 1, int(down) + 1, int(width - across) - 1, int(height - down) - 1)
        )

    return change


def _transposed(turn: Image.Transpose) -> Change:
    return lambda picture, _: picture.transpose(turn)


def _in_turn(*changes: Change) -> Change:
    def change(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
        for each in changes:
            picture = each(picture, chance)
        return picture

    return change


_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)

VARIANTS: tuple[Variant, ...] = (
    Variant("PNG", Relation.SAME_PIXELS, _same, "PNG"),
    *(
        Variant(f"JPEG {quality}", Relation.RE_ENCODED, _same, "JPEG", quality)
        for quality in (95, 80, 60, 40, 20)
    ),
    Variant("WebP 80", Relation.RE_ENCODED, _same, "WEBP", 80),
    Variant("WebP 40", Relation.RE_ENCODED, _same, "WEBP", 40),
    Variant("AVIF 60", Relation.RE_ENCODED, _same, "AVIF", 60),
    Variant("AVIF 30", Relation.RE_ENCODED, _same, "AVIF", 30),
    *(
        Variant(f"scaled by {factor:g}", Relation.RESIZED, _scaled(factor))
        for factor in (0.25, 0.5, 0.75, 1.5, 2)
    ),
    Variant("scaled by 0.5, JPEG 40", Relation.RESIZED, _scaled(0.5), "JPEG", 40),
    *(
        Variant(
            f"cropped by {100 * share:g}%", Relation.CROPPED, _cropped(share), apart=share > 0.25
        )
        for share in (0.05, 0.1, 0.15, 0.2, 0.25, 0.33, 0.4, 0.5)
    ),
    Variant("cropped to a square", Relation.CROPPED, _square),
    Variant("cropped by 20% of the height", Relation.CROPPED, _cropped(0.2, across=False)),
    Variant("darker by 0.6", Relation.EDITED, _enhanced(ImageEnhance.Brightness, 0.6)),
    Variant("brighter by 1.4", Relation.EDITED, _enhanced(ImageEnhance.Brightness, 1.4)),
    Variant("contrast 0.6", Relation.EDITED, _enhanced(ImageEnhance.Contrast, 0.6)),
    Variant("contrast 1.5", Relation.EDITED, _enhanced(ImageEnhance.Contrast, 1.5)),
    Variant("gamma 0.6", Relation.EDITED, _curve(0.6)),
    Variant("gamma 1.6", Relation.EDITED, _curve(1.6)),
    Variant("warmer", Relation.EDITED, _gains(1.15, 1.0, 0.8)),
    Variant("cooler", Relation.EDITED, _gains(0.8, 1.0, 1.2)),
    Variant("colour 1.8", Relation.EDITED, _enhanced(ImageEnhance.Color, 1.8)),
    Variant("grey", Relation.EDITED, _grey),
    Variant("sepia", Relation.EDITED, _sepia),
    Variant("vignette", Relation.EDITED, _vignette),
    Variant("border 4%, white", Relation.EDITED, _border(0.04, _WHITE)),
    Variant("border 12%, black", Relation.EDITED, _border(0.12, _BLACK)),
    Variant("letterbox", Relation.EDITED, _letterbox),
    Variant("caption in the picture", Relation.EDITED, _caption_over),
    Variant("caption below", Relation.EDITED, _caption_below),
    Variant("watermark", Relation.EDITED, _watermark),
    Variant("badge", Relation.EDITED, _logo),
    Variant("blur 2", Relation.EDITED, _blurred(2)),
    Variant("blur 5", Relation.EDITED, _blurred(5)),
    Variant("noise 8", Relation.EDITED, _noised(8)),
    Variant("noise 20", Relation.EDITED, _noised(20)),
    Variant(
        "sharpened",
        Relation.EDITED,
        lambda picture, _: picture.filter(ImageFilter.UnsharpMask(3, 150)),
    ),
    Variant(
        "border 6%, grey, and warmer",
        Relation.EDITED,
        _in_turn(_gains(1.1, 1, 0.85), _border(0.06, (60, 60, 60))),
    ),
    Variant("turned by 90", Relation.ROTATED, _transposed(Image.Transpose.ROTATE_90)),
    Variant("turned by 180", Relation.ROTATED, _transposed(Image.Transpose.ROTATE_180)),
    Variant("turned by 270", Relation.ROTATED, _transposed(Image.Transpose.ROTATE_270)),
    Variant("mirrored", Relation.MIRRORED, _transposed(Image.Transpose.FLIP_LEFT_RIGHT)),
    Variant("mirrored and turned by 90", Relation.MIRRORED, _transposed(Image.Transpose.TRANSPOSE)),
    *(
        Variant(
            f"turned by {degrees}{', black corners' if filled else ''}",
            Relation.EDITED,
            _turned(degrees, filled=filled),
            apart=True,
        )
        for degrees in (2, 5, 10)
        for filled in (False, True)
    ),
    Variant(
        "cropped by 15%, brighter",
        Relation.EDITED,
        _in_turn(_cropped(0.15), _enhanced(ImageEnhance.Brightness, 1.25)),
    ),
    Variant(
        "cropped by 10%, scaled by 0.5, JPEG 50",
        Relation.CROPPED,
        _in_turn(_cropped(0.1), _scaled(0.5)),
        "JPEG",
        50,
    ),
    Variant(
        "mirrored, cropped by 10%",
        Relation.CROPPED,
        _in_turn(_transposed(Image.Transpose.FLIP_LEFT_RIGHT), _cropped(0.1)),
    ),
)


def next_moment(picture: Image.Image, photo: str) -> Image.Image:
    """Return what a second exposure might have been: the hand has moved, the subject too.

    A smooth field of displacements, up to 3% of the longer side, in which what is near moves
    differently from what is far; fresh noise, a slightly different exposure.
    """
    chance = np.random.default_rng(zlib.crc32(f"{photo}/next".encode()))
    height, width = picture.height, picture.width
    moves = []
    for _ in range(2):
        coarse = chance.normal(0, 1, (4, 5)).astype(np.float32)
        field = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        moves.append(np.asarray(field) * 0.012 * max(width, height))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    rows = np.clip(np.rint(y + moves[0]), 0, height - 1).astype(int)
    columns = np.clip(np.rint(x + moves[1]), 0, width - 1).astype(int)
    pixels = np.asarray(picture, np.float32)[rows, columns] * chance.uniform(0.94, 1.06)
    pixels += chance.normal(0, 4, pixels.shape)
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))


def lightened(picture: Image.Image, stops: float) -> Image.Image:
    """Return the picture as it is with another exposure: light is multiplied, not its code."""
    table = np.arange(256) / 255
    linear = np.where(table <= 0.04045, table / 12.92, ((table + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear * 2**stops, 0, 1)
    coded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return picture.point([round(255 * level) for level in coded] * 3)


@dataclass(frozen=True, slots=True)
class Exposure:
    """EXIF data like a camera's: seconds since noon of a day that is the photo's own, and stops."""

    day: int
    seconds: int
    stops: float = 0.0

    def exif(self) -> Image.Exif:
        """Return it as Pillow saves it."""
        moment = datetime(2020, 1, 1, 12) + timedelta(days=self.day, seconds=self.seconds)
        exif = Image.Exif()
        exif[0x010F], exif[0x0110] = "Bench", "Bench One"
        inner = exif.get_ifd(0x8769)
        inner[0x9003] = moment.strftime("%Y:%m:%d %H:%M:%S")
        inner[0x829A] = TiffImagePlugin.IFDRational(round(1e6 * 2**self.stops / 100), 10**6)
        inner[0x829D], inner[0x8827], inner[0x920A] = 4.0, 200, 35.0
        return exif


def taken(picture: Image.Image, exposure: Exposure) -> bytes:
    """Return a picture as a file of a camera."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=92, exif=exposure.exif())
    return file.getvalue()


#: What :func:`series` makes, beside the original: pairs, and how they are related.
SERIES: tuple[tuple[str, str, Relation], ...] = (
    ("original", "a second later", Relation.BURST),
    ("original", "1.3 stops more", Relation.BRACKET),
    ("original", "0.7 stops less", Relation.BRACKET),
    ("left view", "right view", Relation.PANORAMA),
)


def series(picture: Image.Image, photo: str, day: int) -> dict[str, bytes]:
    """Return what a camera might have written around a photo, and the photo itself, by name."""
    width, height = picture.size
    view = round(0.65 * width)
    return {
        "original": taken(picture, Exposure(day, 0)),
        "a second later": taken(next_moment(picture, photo), Exposure(day, 1)),
        "1.3 stops more": taken(lightened(picture, 1.3), Exposure(day, 1, 1.3)),
        "0.7 stops less": taken(lightened(picture, -0.7), Exposure(day, 1, -0.7)),
        "left view": taken(picture.crop((0, 0, view, height)), Exposure(day, 600)),
        "right view": taken(picture.crop((width - view, 0, width, height)), Exposure(day, 603)),
    }
