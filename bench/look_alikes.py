"""Pairs that only look alike, retouches, copies and hard edits: what is related, what a plan moves.

Look-alikes are drawn (`bench/drawings.py`) or made from real photos: a camera on a wall in front of
which a thing comes and goes, the next moment without EXIF data, animations and pages with one first
picture, depths. A person would keep both of each. Retouches are edits, turned crops are parts:
never in a default plan. Copies (compressed, scaled, turned) show what strictness costs; hard edits,
what is still found of them. Every file goes through the real thing, a library for each kind: an
ingest with the starter model, groups, a default plan. Limits were set on the half ``tune``, with
other fonts and photos than the half ``report``.

imagededup's PHash, ImageHash's phash and PDQ read the same files in an environment of their own.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import tempfile
import zlib
from collections import Counter, defaultdict
from colorsys import hsv_to_rgb
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from bench.drawings import MAKERS, made, scanned
from bench.duplicates_accuracy import peers_pairs, photos
from bench.measure import save, table
from bench.variants import Exposure, next_moment, taken
from safelight.duplicates.deduplicator import Deduplicator
from safelight.duplicates.find import find_groups
from safelight.duplicates.model import STRICT
from safelight.embedding.starter import load_starter
from safelight.imaging import decode
from safelight.imaging.formats import sniff
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.database import Database

if TYPE_CHECKING:
    from safelight.embedding.base import Embedder

TYPE = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "GIF": "gif", "TIFF": "tif"}

#: What is right: a person keeps both; an edit; a copy with nothing lost; a part.
ALIKE, RETOUCH, COPY, HARD = "look-alikes", "retouches", "copies", "hard edits"
DEEPER = "16 bits and 8 bits"


@dataclass(frozen=True, slots=True)
class Case:
    """Two files, by kind, and what is right for them.

    Attributes
    ----------
    group, kind : str
    number : int
    a, b : bytes
    shows : tuple of int
        Numbers of the pictures that the second file shows, of all those of this kind; the first
        file shows the first of them. Empty: the case's own.
    """

    group: str
    kind: str
    number: int
    a: bytes
    b: bytes
    shows: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        shows = "+".join(map(str, self.shows or (self.number,)))
        return f"{self.group}/{self.kind}/{self.number:03} shows {shows}"


def packed(picture: Image.Image, form: str = "JPEG", quality: int = 90, **more: object) -> bytes:
    """Return a picture as a file."""
    file = io.BytesIO()
    if form == "JPEG":
        picture = _flat(picture)
    picture.save(file, form, **({"quality": quality} if form in ("JPEG", "WEBP") else {}), **more)
    return file.getvalue()


def _flat(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    ground = Image.new("RGBA", picture.size, (255,) * 4)
    ground.alpha_composite(picture)
    return ground.convert("RGB")


def _scaled(
    picture: Image.Image, factor: float, how: int = Image.Resampling.LANCZOS
) -> Image.Image:
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, how)


_FILTERS = (
    Image.Resampling.LANCZOS,
    Image.Resampling.BICUBIC,
    Image.Resampling.BOX,
    Image.Resampling.BILINEAR,
)


def pack(
    a: Image.Image, b: Image.Image, number: int, chance: np.random.Generator
) -> tuple[bytes, bytes]:
    """Return two pictures as files, each time in other formats, sizes and qualities."""
    way = number % 8
    low, high = int(chance.integers(35, 70)), int(chance.integers(70, 96))
    if way == 0:
        return packed(a, "PNG"), packed(b, "PNG")
    if way in (1, 2):
        return packed(a, "JPEG", high), packed(b, "JPEG", int(chance.integers(60, 96)))
    if way == 3:
        return packed(a, "JPEG", low), packed(b, "JPEG", low)
    if way == 4:
        factor, how = chance.uniform(0.5, 0.95), _FILTERS[int(chance.integers(4))]
        return packed(a, "JPEG", high), packed(_scaled(b, factor, how), "JPEG", high)
    if way == 5:
        return packed(scanned(_flat(a), chance), "JPEG", high), packed(
            scanned(_flat(b), chance), "JPEG", high
        )
    if way == 6:
        turn = (
            Image.Transpose.ROTATE_90 if chance.random() < 0.7 else Image.Transpose.FLIP_LEFT_RIGHT
        )
        return packed(a, "JPEG", high), packed(b.transpose(turn), "JPEG", high)
    return packed(a, "WEBP", high), packed(b, "JPEG", low)


def noisy(pixels: np.ndarray, chance: np.random.Generator, sigma: float) -> Image.Image:
    pixels = pixels.astype(np.float32) + chance.normal(0, sigma, pixels.shape).astype(np.float32)
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))


def fixed_camera(
    photo: Image.Image, other: Image.Image, chance: np.random.Generator
) -> tuple[Image.Image, Image.Image]:
    """Return what a camera on a wall sees with a small thing in the view, and without."""
    share = chance.uniform(0.02, 0.06)
    side = max(6, round(share * photo.width))
    thing = ImageOps.fit(other, (side, round(side * chance.uniform(0.7, 1.8))))
    mask = Image.new("L", thing.size, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, thing.width - 1, thing.height - 1), 255)
    at = tuple(
        int(chance.integers(0, max(1, length - own)))
        for length, own in zip(photo.size, thing.size, strict=True)
    )
    second = photo.copy()
    second.paste(thing, at, mask.filter(ImageFilter.GaussianBlur(0.7)))
    sigma = chance.uniform(1.0, 4.0)
    return noisy(np.asarray(photo), chance, sigma), noisy(np.asarray(second), chance, sigma)


def coloured_thing(
    photo: Image.Image, chance: np.random.Generator
) -> tuple[Image.Image, Image.Image]:
    """Return one thing in two colours on a plain ground."""
    ground = tuple(int(each) for each in chance.integers(225, 256, 3))
    thing = ImageOps.fit(photo, (round(0.5 * photo.width), round(0.5 * photo.height)))
    mask = Image.new("L", thing.size, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, *thing.size), 255)
    found = []
    # Of a grey thing, exchanged channels would be the same colour.
    grey, hue = ImageOps.autocontrast(thing.convert("L"), 2), chance.random()
    for turn in (0.0, chance.uniform(0.25, 0.75)):
        image = Image.new("RGB", photo.size, ground)
        middle = tuple(round(255 * each) for each in hsv_to_rgb((hue + turn) % 1, 0.6, 0.7))
        coloured = ImageOps.colorize(grey, (20, 20, 20), (250, 250, 250), middle)
        image.paste(coloured, (photo.width // 4, photo.height // 4), mask)
        found.append(image)
    return found[0], found[1]


def retouch(photo: Image.Image, chance: np.random.Generator, number: int) -> Image.Image:
    """Return an edit of 0.1 to 5 % of the area: a clone, a spot, a signature, a colour."""
    share = float(np.exp(chance.uniform(np.log(0.001), np.log(0.05))))
    area = share * photo.width * photo.height
    ratio = chance.uniform(0.6, 1.7)
    size = (max(4, round((area * ratio) ** 0.5)), max(4, round((area / ratio) ** 0.5)))
    size = (min(size[0], photo.width // 2), min(size[1], photo.height // 2))
    room = (photo.width - size[0], photo.height - size[1])
    result = photo.copy()
    pixels = np.asarray(photo, np.float32)

    def place() -> tuple[int, int]:
        return int(chance.integers(0, room[0] + 1)), int(chance.integers(0, room[1] + 1))

    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, size[0] - 1, size[1] - 1), 255)
    mask = mask.filter(ImageFilter.GaussianBlur(max(0.7, min(size) / 16)))
    # Where a patch would look as what it covers, nobody could see that it was put there.
    for _ in range(40):
        source, target = place(), place()
        before = photo.crop((*target, target[0] + size[0], target[1] + size[1]))
        patch = photo.crop((*source, source[0] + size[0], source[1] + size[1]))
        if np.abs(np.asarray(patch, np.float32) - np.asarray(before, np.float32)).mean() > 20:
            break
    way = number % 5
    if way == 0:
        result.paste(patch, target, mask)
    elif way == 1:
        mean = pixels[target[1] : target[1] + size[1], target[0] : target[0] + size[0]].mean((0, 1))
        spot = Image.new(
            "RGB",
            size,
            tuple(int(255 - each if abs(each - 128) > 30 else each / 3) for each in mean),
        )
        result.paste(spot, target, mask)
    elif way == 2:
        draw = ImageDraw.Draw(result)
        light = np.asarray(before.convert("L")).mean() < 128
        points = np.cumsum(chance.normal(0, 1, (24, 2)), axis=0)
        points = (points - points.min(0)) / np.ptp(points, axis=0) * size + target
        draw.line(
            [tuple(each) for each in points],
            (250, 250, 250) if light else (15, 15, 15),
            max(1, round(min(size) / 14)),
            joint="curve",
        )
    elif way == 3:
        over = Image.blend(
            before,
            Image.new(
                "RGB", size, (255, 255, 255) if np.asarray(before).mean() < 128 else (0, 0, 0)
            ),
            0.35,
        )
        result.paste(over, target)
    else:
        hue = Image.merge("RGB", [before.getchannel(each) for each in (1, 2, 0)])
        mean = np.asarray(hue, np.float32) - np.asarray(before, np.float32)
        if np.abs(mean).mean() < 15:  # grey: give it a colour
            hue = Image.blend(before, Image.new("RGB", size, (200, 40, 40)), 0.4)
        result.paste(hue, target, mask)
    return result


def hard_edits(photo: Image.Image, chance: np.random.Generator) -> dict[str, Image.Image]:
    """Return what people do to a photo before they send it on."""

    def part(share: float, picture: Image.Image = photo) -> Image.Image:
        width, height = round(picture.width * share), round(picture.height * share)
        left, top = (
            int(chance.integers(0, picture.width - width + 1)),
            int(chance.integers(0, picture.height - height + 1)),
        )
        return picture.crop((left, top, left + width, top + height))

    def turned(degrees: float) -> Image.Image:
        return photo.rotate(degrees, Image.Resampling.BICUBIC, expand=True)

    phone = Image.new("RGB", (900, 1800), (12, 12, 14))
    shown = ImageOps.contain(photo, (900, 1300))
    phone.paste(shown, (0, (1800 - shown.height) // 2))
    draw = ImageDraw.Draw(phone)
    draw.text((40, 20), "12:41", (255, 255, 255), font_size=36)
    draw.text((60, 1700), "Share    Edit    Delete", (230, 230, 230), font_size=40)
    stickers = photo.copy()
    draw = ImageDraw.Draw(stickers)
    for _ in range(4):
        side = 0.16 * min(photo.size)
        x, y = (chance.uniform(0, length - side) for length in photo.size)
        draw.ellipse(
            (x, y, x + side, y + side),
            tuple(int(each) for each in chance.integers(0, 256, 3)),
            (255, 255, 255),
            3,
        )
    layer = Image.new("L", photo.size)
    draw = ImageDraw.Draw(layer)
    step = max(30, min(photo.size) // 5)
    for top in range(0, photo.height, step):
        for left in range(0, photo.width, 2 * step):
            draw.text((left, top), "SAMPLE", 120, font_size=step / 3)
    tiled = Image.composite(Image.new("RGB", photo.size, (255, 255, 255)), photo, layer)
    thumb = photo.copy()
    thumb.thumbnail((64, 64))
    return {
        "crop 75": part(0.75),
        "crop 60": part(0.6),
        "crop 50": part(0.5),
        "border 20": ImageOps.expand(photo, round(0.2 * min(photo.size)), (255, 255, 255)),
        "screen": phone,
        "stickers": stickers,
        "watermark": tiled,
        "thumbnail 64": thumb,
        "turned 7": turned(7),
        "turned 14": turned(-14),
        "mirrored crop": ImageOps.mirror(part(0.75)),
        "crop, exposure": ImageEnhance.Brightness(part(0.75)).enhance(1.3),
    }


def collage(pictures: list[Image.Image]) -> Image.Image:
    page = Image.new("RGB", (1200, 900), (245, 245, 245))
    for number, picture in enumerate(pictures[:4]):
        page.paste(
            ImageOps.fit(picture, (580, 430)), (15 + 595 * (number % 2), 15 + 440 * (number // 2))
        )
    return page


def printed(photo: Image.Image, ground: Image.Image, chance: np.random.Generator) -> Image.Image:
    """Return a photo of a print that lies on a table: perspective, light, blur, noise."""
    import cv2

    width, height = 1200, 900
    table_ = np.asarray(ImageOps.fit(ground, (width, height)).filter(ImageFilter.GaussianBlur(6)))
    source = np.array(
        [[0, 0], [photo.width, 0], [photo.width, photo.height], [0, photo.height]], np.float32
    )
    scale = min(0.72 * width / photo.width, 0.72 * height / photo.height)
    target = (source - source.mean(0)) * scale * (1 + chance.uniform(-0.06, 0.06, (4, 1)))
    angle = np.radians(chance.uniform(-8, 8))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    target = (target @ turn.T + [width / 2, height / 2]).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    laid = cv2.warpPerspective(np.asarray(photo), matrix, (width, height), flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.full(photo.size[::-1], 255, np.uint8), matrix, (width, height))
    light = np.linspace(chance.uniform(0.8, 1), chance.uniform(0.8, 1.05), width)[None, :, None]
    pixels = np.where(mask[..., None] > 127, laid, table_) * light * np.array([1.04, 1.0, 0.92])
    soft = cv2.GaussianBlur(pixels, (0, 0), 0.8)
    return noisy(soft, chance, 3)


def contents(
    photo: Image.Image, other: Image.Image, chance: np.random.Generator
) -> dict[str, tuple[bytes, bytes]]:
    """Return files whose first picture is one, and whose content is not."""
    small = photo.copy()
    small.thumbnail((320, 320))
    second, third = (ImageOps.fit(each, small.size) for each in (other, ImageOps.mirror(other)))
    gif = {"save_all": True, "duration": 80, "loop": 0}
    still = packed(small.convert("P"), "GIF")
    deep = np.asarray(small.convert("L"), np.uint16) * 256
    first, later = (
        Image.fromarray(deep + chance.integers(0, 256, deep.shape, dtype=np.uint16))
        for _ in range(2)
    )
    eight = Image.fromarray((deep // 256).astype(np.uint8))
    return {
        "animations": (
            packed(small, "GIF", append_images=[second], **gif),
            packed(small, "GIF", append_images=[third], **gif),
        ),
        "animation and still": (packed(small, "GIF", append_images=[second], **gif), still),
        "animated PNG": (
            packed(small, "PNG", save_all=True, append_images=[second]),
            packed(small, "PNG"),
        ),
        "pages": (
            packed(small, "TIFF", save_all=True, append_images=[second]),
            packed(small, "TIFF", save_all=True, append_images=[third]),
        ),
        "pages and one": (
            packed(small, "TIFF", save_all=True, append_images=[second]),
            packed(small, "TIFF"),
        ),
        "depth": (packed(first, "PNG"), packed(later, "PNG")),
        DEEPER: (packed(first, "PNG"), packed(eight, "PNG")),
        "film": (packed(small, "JPEG", 95) + _film(1), packed(small, "JPEG", 95) + _film(2)),
    }


def _film(number: int) -> bytes:
    body = np.random.default_rng(number).bytes(4000)
    kind = b"ftypmp42\0\0\0\0mp42isom"
    return (
        (len(kind) + 4).to_bytes(4, "big")
        + kind
        + (len(body) + 8).to_bytes(4, "big")
        + b"mdat"
        + body
    )


def cases(half: str, pictures: list[Path], each: int, hard: int) -> list[Case]:
    """Return all pairs of a half.

    Parameters
    ----------
    each : int
        Pairs of each kind of drawing; the other kinds have as many or a few times as many.
    hard : int
        Photos of which all hard edits are made.
    """
    found: list[Case] = []

    def chance_of(*names: object) -> np.random.Generator:
        return np.random.default_rng(zlib.crc32("/".join(map(str, (half, *names))).encode()))

    for kind in MAKERS:
        for number in range(each):
            chance = chance_of(kind, number)
            a, b = made(kind, number, half)
            found.append(Case(ALIKE, kind, number, *pack(a, b, number, chance)))
            if number < max(2, each // 3):
                found += _copies(f"{kind}, copies", number, a, chance)
    opened = [Image.fromarray(decode(path.read_bytes()).pixels) for path in pictures]
    for number in range(3 * each):
        photo, other = opened[number % len(opened)], opened[(number + 7) % len(opened)]
        chance = chance_of("photos", number)
        way = 0 if number % 8 == 6 else number  # no camera on a wall is turned
        found.append(
            Case(
                ALIKE,
                "fixed cameras",
                number,
                *pack(*fixed_camera(photo, other, chance), way, chance),
            )
        )
        retouched = retouch(photo, chance, number)
        found.append(Case(RETOUCH, "retouches", number, *pack(photo, retouched, way % 5, chance)))
        if number < each:
            found.append(
                Case(
                    ALIKE,
                    "things in colours",
                    number,
                    *pack(*coloured_thing(photo, chance), number, chance),
                )
            )
            moment = next_moment(photo, f"{half} {number}")
            found.append(
                Case(ALIKE, "bursts without EXIF", number, *pack(photo, moment, number % 4, chance))
            )
            found += _copies("photos, copies", number, photo, chance)
            part = photo.crop((0, 0, round(0.8 * photo.width), round(0.85 * photo.height)))
            for turn in (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90):
                at = Exposure(number, 0)
                found.append(
                    Case(
                        RETOUCH,
                        "turned crops of a camera",
                        2 * number + (turn is Image.Transpose.ROTATE_90),
                        taken(photo, at),
                        taken(part.transpose(turn), at),
                        (number,),
                    )
                )
        if number < 3:
            for kind, (first, second) in contents(photo, other, chance).items():
                # The one of 8 bits has nothing of its own.
                group = COPY if kind == DEEPER else ALIKE
                found.append(Case(group, kind, number, first, second))
    for number in range(hard):
        photo = opened[number % len(opened)]
        chance = chance_of("hard", number)
        original = packed(photo, "JPEG", 92)
        for kind, edit in hard_edits(photo, chance).items():
            shown = number % len(opened)
            found.append(Case(HARD, kind, number, original, packed(edit, "JPEG", 88), (shown,)))
        if number < 10:
            shows = tuple((number + step) % len(opened) for step in range(4))
            page = collage([opened[each] for each in shows])
            found.append(Case(HARD, "collage", number, original, packed(page, "JPEG", 88), shows))
            page = printed(photo, opened[(number + 5) % len(opened)], chance)
            found.append(Case(HARD, "print", number, original, packed(page, "JPEG", 88)))
    return found


def _copies(
    kind: str, number: int, picture: Image.Image, chance: np.random.Generator
) -> list[Case]:
    first = packed(picture, "JPEG", 92)
    picture = Image.open(io.BytesIO(first))
    quality = int(chance.integers(40, 90))
    factor, how = chance.uniform(0.5, 0.9), _FILTERS[int(chance.integers(4))]
    others = [
        packed(picture, "JPEG", quality),
        packed(_scaled(picture, factor, how), "JPEG", int(chance.integers(60, 95))),
        packed(picture.transpose(Image.Transpose.ROTATE_90), "JPEG", int(chance.integers(60, 95))),
    ]
    return [
        Case(COPY, kind, 3 * number + way, first, other, (number,))
        for way, other in enumerate(others)
    ]


@dataclass(slots=True)
class Count:
    """Pairs of one kind: all, strictly related ones, those that lose one, related strangers."""

    pairs: int = 0
    strict: int = 0
    moved: int = 0
    strangers: int = 0


def write(found: list[Case], folder: Path) -> None:
    """Write the files, a folder for each pair."""
    for case in found:
        place = folder / case.name
        place.mkdir(parents=True)
        for name, data in (("a", case.a), ("b", case.b)):
            (place / f"{name}.{TYPE[sniff(data)]}").write_bytes(data)


def run_safelight(folder: Path, embedder: Embedder) -> dict[tuple[str, str], Count]:
    """Ingest each kind, relate its files, and make a default plan."""
    counts: dict[tuple[str, str], Count] = {}
    for kind in sorted(folder.glob("*/*")):
        count = counts[kind.parent.name, kind.name] = Count(len(list(kind.iterdir())))
        with tempfile.TemporaryDirectory() as place, Database(Path(place) / "l.db") as library:
            source = parse_source(f"images:{kind}", recursive=True)
            ingest(library, [source], embedder, model="starter")
            # Pairs of one original share its file.
            cases_of: dict[str, set[str]] = defaultdict(set)
            pictures_of: dict[str, set[str]] = defaultdict(set)
            for photo, path in library.connection.execute(
                "SELECT items.id, path FROM files JOIN items ON items.pk = item_pk"
            ):
                case = Path(path).parent
                cases_of[photo].add(case.name)
                shows = case.name.split()[-1].split("+")
                pictures_of[photo] |= set(shows[:1] if Path(path).stem == "a" else shows)
            related = [
                (edge.a, edge.b)
                for group in find_groups(library, relations=STRICT)
                for edge in group.edges
                if edge.relation in STRICT and edge.a != edge.b
            ]
            count.strict = len(set().union(*(cases_of[a] & cases_of[b] for a, b in related)))
            count.strangers = sum(pictures_of[a].isdisjoint(pictures_of[b]) for a, b in related)
            plan = Deduplicator(library).plan()
            moved = [
                cases_of[change.photo_id] & cases_of[group.keeper_id]
                for group in plan.groups
                for change in group.changes
                if change.photo_id != group.keeper_id
            ]
            count.moved = len(set().union(*moved))
    return counts


def run_peers(folder: Path) -> dict[str, dict[tuple[str, str], int]]:
    """Let the peers read the same files; return how many pairs of each kind they find."""
    found: dict[str, dict[tuple[str, str], int]] = {}
    for name, pairs in peers_pairs(folder).items():
        counts = Counter(
            (Path(a).parents[2].name, Path(a).parents[1].name)
            for a, b in pairs
            if Path(a).parent == Path(b).parent
        )
        found[name] = dict(counts)
    return found


def report(folder: Path, half: str, *, peers: bool) -> None:
    """Print the table and save the figures."""
    others = run_peers(folder) if peers else {}
    counts = run_safelight(folder, load_starter())
    rows: list[tuple[object, ...]] = [("", "pairs", "strict", "moved", "strangers", *others)]
    totals: dict[str, Count] = defaultdict(Count)
    peers_totals: dict[str, Counter[str]] = defaultdict(Counter)
    for (group, kind), count in counts.items():
        told = [found.get((group, kind), 0) for found in others.values()]
        rows.append((f"{group}: {kind}", *astuple(count), *told))
        total = totals[group]
        total.pairs += count.pairs
        total.strict += count.strict
        total.moved += count.moved
        total.strangers += count.strangers
        peers_totals[group].update(dict(zip(others, told, strict=True)))
    rows += [
        (group, *astuple(total), *(peers_totals[group][name] for name in others))
        for group, total in totals.items()
    ]
    table(rows)
    save(
        f"look_alikes_{half}",
        {
            "kinds": {f"{group}: {kind}": count for (group, kind), count in counts.items()},
            "totals": totals,
            "peers": {group: dict(found) for group, found in peers_totals.items()},
        },
    )


def main() -> None:
    """Make the pairs, relate them, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--each", type=int, default=16, help="pairs of each kind of drawing")
    parser.add_argument("--hard", type=int, default=40, help="photos of which hard edits are made")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--keep", type=Path, help="a folder for the files, kept and used again")
    options = parser.parse_args()
    root = os.environ.get("SAFELIGHT_TEST_PHOTOS")
    if not root:
        raise SystemExit("SAFELIGHT_TEST_PHOTOS names no folder of real photos")
    folders = [Path(root) / name for name in ("imagenet-sample", "captioned", "kodak")]
    folder = options.keep or Path(tempfile.mkdtemp())
    try:
        if not folder.exists() or not any(folder.iterdir()):
            pictures = photos(folders, options.half)[:60]
            write(cases(options.half, pictures, options.each, options.hard), folder)
        report(folder, options.half, peers=not options.no_peers)
    finally:
        if options.keep is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
