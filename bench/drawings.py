"""Pairs of drawn pictures of one layout that differ in one place: documents, chats, boards, icons.

Each maker returns two pictures that a person would keep both of. Sizes, fonts and words depend on
the source of chance alone, and so does what differs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    from collections.abc import Callable

    Pair = tuple[Image.Image, Image.Image]
    Maker = Callable[[np.random.Generator, str], Pair]

#: Fonts of each half, so that no limit is set on the fonts that are reported.
_FONTS = {"tune": "DejaVu", "report": "Liberation"}
_WORDS = (
    "account amount annual balance before branch carried charge client contract customer date "
    "delivery details discount due during evening figure garden general harbour invoice item "
    "journal kitchen letter measure month morning number office order other paper payment period "
    "person place price product quarter reference report result return river school second "
    "service signed station street summer table total travel under value village water winter"
).split()
_NAMES = "Anna Berger,Paul Novak,Mia Okafor,Luis Ortega,Ida Lind,Omar Haddad,Eva Rossi".split(",")


@cache
def _files(half: str) -> tuple[str, ...]:
    name = _FONTS[half]
    folders = (Path("/usr/share/fonts"), Path("/Library/Fonts"), Path("C:/Windows/Fonts"))
    found = sorted(
        str(path)
        for folder in folders
        if folder.is_dir()
        for path in folder.rglob(f"{name}*.ttf")
        if "TeX" not in path.name
    )
    return tuple(found)


@dataclass(slots=True)
class Sheet:
    """A page to draw on twice: everything but what differs falls out alike."""

    chance: np.random.Generator
    half: str
    width: int
    height: int
    text: float
    fonts: list[ImageFont.FreeTypeFont | ImageFont.ImageFont] = field(default_factory=list)
    images: list[Image.Image] = field(default_factory=list)
    draws: list[ImageDraw.ImageDraw] = field(default_factory=list)

    def __post_init__(self) -> None:
        paper = int(self.chance.integers(235, 256))
        tint = tuple(int(paper - each) for each in self.chance.integers(0, 6, 3))
        self.images = [Image.new("RGB", (self.width, self.height), tint) for _ in range(2)]
        self.draws = [ImageDraw.Draw(image) for image in self.images]
        files = _files(self.half)
        name = files[int(self.chance.integers(len(files)))] if files else None
        self.fonts = [
            ImageFont.truetype(name, size) if name else ImageFont.load_default(size)
            for size in (max(6, round(self.text * factor)) for factor in (1.0, 1.35, 2.0))
        ]

    def write(
        self,
        at: tuple[float, float],
        words: str,
        *,
        other: str | None = None,
        size: int = 0,
        ink: object = 20,
    ) -> None:
        """Write words on both, or `other` on the second."""
        ink = (ink,) * 3 if isinstance(ink, int) else ink
        for draw, text in zip(self.draws, (words, words if other is None else other), strict=True):
            draw.text(at, text, ink, self.fonts[size])

    def each(self, what: Callable[[ImageDraw.ImageDraw], object]) -> None:
        """Draw the same on both."""
        for draw in self.draws:
            what(draw)

    @property
    def pair(self) -> Pair:
        return self.images[0], self.images[1]


def _sheet(
    chance: np.random.Generator,
    half: str,
    ratio: float,
    low: int,
    high: int,
    across: tuple[int, int],
) -> Sheet:
    """Return a page whose longer side has `low` to `high` pixels, so many letters across."""
    longer = int(np.exp(chance.uniform(np.log(low), np.log(high))))
    width, height = (
        (round(longer * ratio), longer) if ratio < 1 else (longer, round(longer / ratio))
    )
    letters = chance.integers(*across)
    return Sheet(chance, half, width, height, max(7.0, 1.8 * width / letters))


def _words(chance: np.random.Generator, count: int) -> str:
    return " ".join(str(each) for each in chance.choice(_WORDS, count))


def _number(chance: np.random.Generator, digits: int) -> tuple[str, str]:
    """Return a number and one that differs from it in one to three digits."""
    first = [str(each) for each in chance.integers(0, 10, digits)]
    second = list(first)
    for place in chance.choice(digits, min(digits, int(chance.integers(1, 4))), replace=False):
        second[place] = str((int(first[place]) + int(chance.integers(1, 10))) % 10)
    dot = max(1, digits - 2)
    return (
        "".join(first[:dot]) + "." + "".join(first[dot:]),
        "".join(second[:dot]) + "." + "".join(second[dot:]),
    )


def invoice(chance: np.random.Generator, half: str) -> Pair:
    """Return two invoices, payslips or tickets: another amount, number, name or date."""
    page = _sheet(chance, half, 0.707, 700, 3000, (60, 110))
    line = 1.5 * page.text
    left, y = 0.08 * page.width, 0.06 * page.height
    page.write((left, y), _words(chance, 2).title(), size=2)
    y += 3.5 * line
    numbers = _number(chance, 8)
    name, other = chance.choice(_NAMES, 2, replace=False)
    differs = int(chance.integers(3))
    page.write((left, y), f"No. {numbers[0]}", other=f"No. {numbers[differs == 0]}")
    page.write((left, y + line), str(name), other=str(other) if differs == 1 else None)
    y += 4 * line
    rows = int(chance.integers(4, 14))
    changed = int(chance.integers(rows))
    for row in range(rows):
        first, second = _number(chance, int(chance.integers(3, 7)))
        page.write((left, y), _words(chance, 3))
        second = second if differs == 2 and row == changed else first
        page.write((0.75 * page.width, y), first, other=second)
        page.each(
            lambda draw, y=y: draw.line(
                (left, y + 1.3 * page.text, 0.92 * page.width, y + 1.3 * page.text),
                (150,) * 3,
                max(1, round(page.text / 14)),
            )
        )
        y += line * 1.3
    y += line
    for _ in range(int(chance.integers(2, 12))):
        page.write((left, y), _words(chance, int(chance.integers(5, 8))))
        y += line
    return page.pair


def receipt(chance: np.random.Generator, half: str) -> Pair:
    page = _sheet(chance, half, 0.4, 600, 2000, (26, 40))
    y, line = 0.03 * page.height, 1.4 * page.text
    page.write((0.2 * page.width, y), _words(chance, 2).upper(), size=1)
    y += 3 * line
    rows = max(3, int((page.height * 0.9 - y) / line))
    changed = int(chance.integers(rows))
    for row in range(rows):
        first, second = _number(chance, 4)
        page.write((0.06 * page.width, y), _words(chance, 1))
        page.write((0.7 * page.width, y), first, other=second if row == changed else None)
        y += line
    return page.pair


def table(chance: np.random.Generator, half: str) -> Pair:
    """Return two sheets of numbers with one cell that differs."""
    page = _sheet(chance, half, 1.4, 600, 2600, (70, 140))
    columns = int(chance.integers(4, 9))
    cell, line = page.width / columns, 2 * page.text
    rows = int(page.height / line)
    place = (int(chance.integers(1, rows)), int(chance.integers(columns)))
    for row in range(rows):
        for column in range(columns):
            at = (column * cell + 0.2 * page.text, row * line + 0.3 * page.text)
            if row == 0:
                page.write(at, _words(chance, 1).title())
                continue
            first, second = _number(chance, int(chance.integers(3, 6)))
            page.write(at, first, other=second if (row, column) == place else None)
    for row in range(rows):
        page.each(lambda draw, y=row * line: draw.line((0, y, page.width, y), (190,) * 3))
    for column in range(columns):
        page.each(lambda draw, x=column * cell: draw.line((x, 0, x, page.height), (190,) * 3))
    return page.pair


def form(chance: np.random.Generator, half: str) -> Pair:
    """Return a form, filled in differently: strokes of a pen, or crosses in boxes."""
    page = _sheet(chance, half, 0.707, 700, 2600, (60, 100))
    line, y = 2.6 * page.text, 0.12 * page.height
    page.write((0.1 * page.width, 0.05 * page.height), _words(chance, 3).title(), size=1)
    rows = int((0.95 * page.height - y) / line)
    changed = int(chance.integers(rows))
    crosses = chance.random() < 0.4
    for row in range(rows):
        page.write((0.1 * page.width, y), _words(chance, 2) + ":")
        left, right, low = 0.42 * page.width, 0.9 * page.width, y + 1.2 * page.text
        if crosses:
            side, gap = 1.2 * page.text, 0.12 * page.width
            mark = int(chance.integers(4))
            for box in range(4):
                x = left + box * gap
                page.each(
                    lambda draw, square=(x, y, x + side, y + side): draw.rectangle(
                        square, outline=(90,) * 3
                    )
                )
            for number, draw in enumerate(page.draws):
                box = (mark + (number and row == changed)) % 4
                x, thick = left + box * gap, max(1, round(page.text / 8))
                draw.line((x, y, x + side, y + side), (20, 20, 120), thick)
                draw.line((x + side, y, x, y + side), (20, 20, 120), thick)
        else:
            rule = (left, low, right, low)
            page.each(lambda draw, rule=rule: draw.line(rule, (150,) * 3))
            strokes = [_strokes(chance, int(chance.integers(2, 6))) for _ in range(2)]
            for number, draw in enumerate(page.draws):
                own = strokes[number and row == changed]
                _scribble(draw, own, (left, low), page.text)
        y += line
    return page.pair


def _strokes(chance: np.random.Generator, letters: int) -> np.ndarray:
    steps = chance.normal(0, 1, (letters * 5, 2)).cumsum(axis=0)
    steps -= np.linspace(0, 1, len(steps))[:, None] * steps[-1]
    across = np.linspace(0, letters * 0.8, len(steps))
    return np.stack([across + 0.25 * steps[:, 0], -0.3 * steps[:, 1]], axis=1)


def _scribble(
    draw: ImageDraw.ImageDraw, strokes: np.ndarray, at: tuple[float, float], size: float
) -> None:
    points = [(at[0] + size * x, at[1] - 0.4 * size + size * y) for x, y in strokes]
    draw.line(points, (25, 30, 110), max(1, round(size / 9)), joint="curve")


def handwriting(chance: np.random.Generator, half: str) -> Pair:
    """Return two pages of handwriting with one word that differs."""
    page = _sheet(chance, half, 0.75, 600, 2400, (30, 60))
    line = 2.2 * page.text
    rows = int(0.9 * page.height / line)
    place = (int(chance.integers(rows)), int(chance.integers(4)))
    for row in range(rows):
        x, low = 0.08 * page.width, (row + 1.5) * line
        page.each(lambda draw, y=low: draw.line((0, y, page.width, y), (200, 210, 230)))
        for word in range(4):
            strokes = _strokes(chance, int(chance.integers(3, 7)))
            other = _strokes(chance, int(chance.integers(3, 7)))
            for number, draw in enumerate(page.draws):
                own = other if number and (row, word) == place else strokes
                _scribble(draw, own, (x, low), page.text)
            x += page.width * 0.22
    return page.pair


def exam(chance: np.random.Generator, half: str) -> Pair:
    """Return two exercise sheets of one layout with other figures in them."""
    page = _sheet(chance, half, 0.707, 700, 2400, (40, 70))
    line, columns = 2.2 * page.text, int(chance.integers(2, 5))
    rows = int(0.85 * page.height / line)
    share = chance.uniform(0.02, 1.0)
    page.write((0.1 * page.width, 0.04 * page.height), _words(chance, 3).title(), size=1)
    changed = chance.random((rows, columns)) < share
    changed[int(chance.integers(rows)), int(chance.integers(columns))] = True
    for row in range(rows):
        for column in range(columns):
            a, b, c, d = chance.integers(2, 99, 4)
            at = ((0.08 + 0.88 * column / columns) * page.width, 0.12 * page.height + row * line)
            other = f"{c} + {d} = __" if changed[row, column] else None
            page.write(at, f"{a} + {b} = __", other=other)
    return page.pair


def chat(chance: np.random.Generator, half: str) -> Pair:
    """Return two screenshots of a chat: the clock, one message, or all of them differ."""
    page = _sheet(chance, half, 0.5, 300, 2400, (24, 40))
    dark = chance.random() < 0.3
    back, ink = ((18, 22, 26), 230) if dark else ((236, 229, 221), 25)
    page.each(lambda draw: draw.rectangle((0, 0, page.width, page.height), back))
    bar = 3.4 * page.text
    page.each(lambda draw: draw.rectangle((0, 0, page.width, bar), (7, 94, 84)))
    clock, later = (f"{10 + each // 60}:{each % 60:02}" for each in chance.integers(0, 600, 2))
    differs = int(chance.integers(3))
    page.write((0.05 * page.width, 0.2 * page.text), clock, other=later, ink=255)
    page.write((0.2 * page.width, 1.5 * page.text), str(chance.choice(_NAMES)), ink=255)
    y, rows = bar + page.text, int((page.height - bar) / (3.6 * page.text))
    changed = int(chance.integers(max(1, rows)))
    for row in range(rows):
        words, other = (_words(chance, int(chance.integers(1, 3))) for _ in range(2))
        mine = chance.random() < 0.5
        bubble = (
            ((6, 70, 60) if dark else (220, 248, 198))
            if mine
            else ((40, 46, 52) if dark else (255, 255, 255))
        )
        left = 0.3 * page.width if mine else 0.04 * page.width
        page.each(
            lambda draw, box=(left, y, left + 0.64 * page.width, y + 2.8 * page.text), ink=bubble: (
                draw.rounded_rectangle(box, page.text, ink)
            )
        )
        is_other = differs == 2 or (differs == 1 and row == changed)
        page.write(
            (left + 0.6 * page.text, y + 0.6 * page.text),
            words,
            other=other if is_other else None,
            ink=ink,
        )
        y += 3.6 * page.text
    return page.pair


def code(chance: np.random.Generator, half: str) -> Pair:
    """Return two screenshots of code with one name or number that differs."""
    page = _sheet(chance, half, 1.5, 600, 2400, (70, 120))
    dark = chance.random() < 0.6
    back = (30, 30, 34) if dark else (250, 250, 250)
    inks = (
        [(220, 220, 170), (86, 156, 214), (206, 145, 120)]
        if dark
        else [(20, 20, 20), (0, 0, 180), (160, 40, 20)]
    )
    page.each(lambda draw: draw.rectangle((0, 0, page.width, page.height), back))
    rows = int(page.height / (1.5 * page.text))
    changed = int(chance.integers(rows))
    for row in range(rows):
        indent = int(chance.integers(0, 4)) * 2 * page.text
        y = row * 1.5 * page.text
        page.write((page.text, y), str(row + 1), ink=(120,) * 3)
        number, other = _number(chance, 3)
        page.write((3 * page.text + indent, y), f"{_words(chance, 1)} = ", ink=inks[1])
        page.write(
            (16 * page.text + indent, y),
            number,
            other=other if row == changed else None,
            ink=inks[2],
        )
        page.write((22 * page.text + indent, y), f"# {_words(chance, 2)}", ink=inks[0])
    return page.pair


def book(chance: np.random.Generator, half: str) -> Pair:
    """Return two pages of one book: heading, margins and pitch are the same, the words are not."""
    page = _sheet(chance, half, 0.7, 600, 2400, (45, 80))
    line = 1.5 * page.text
    page.write((0.3 * page.width, 0.04 * page.height), _words(chance, 3).upper())
    page.each(
        lambda draw: draw.line(
            (0.1 * page.width, 0.075 * page.height, 0.9 * page.width, 0.075 * page.height),
            (40,) * 3,
        )
    )
    y = 0.1 * page.height
    while y < 0.9 * page.height:
        page.write((0.1 * page.width, y), _words(chance, 7), other=_words(chance, 7))
        y += line
    number = int(chance.integers(10, 300))
    page.write((0.48 * page.width, 0.93 * page.height), str(number), other=str(number + 2))
    return page.pair


def street_map(chance: np.random.Generator, half: str) -> Pair:
    """Return a map twice: one road, or one place, is another."""
    page = _sheet(chance, half, 1.2, 400, 2000, (60, 110))
    page.each(lambda draw: draw.rectangle((0, 0, page.width, page.height), (242, 239, 233)))
    size = np.array([page.width, page.height])
    for _ in range(int(chance.integers(2, 6))):
        at, reach = chance.random(2) * size, chance.uniform(0.05, 0.2) * page.width
        page.each(
            lambda draw, at=at, reach=reach: draw.ellipse(
                (*(at - reach), *(at + reach)), (200, 225, 180)
            )
        )
    roads = [chance.random((3, 2)) * size for _ in range(int(chance.integers(8, 20)))]
    for road in roads:
        thick = max(2, round(page.width * chance.uniform(0.004, 0.014)))
        page.each(
            lambda draw, road=road, thick=thick: draw.line(
                [tuple(each) for each in road], (255, 255, 255), thick, joint="curve"
            )
        )
    for _ in range(int(chance.integers(5, 14))):
        page.write(tuple(chance.random(2) * size * 0.9), _words(chance, 1).title(), ink=80)
    if chance.random() < 0.5:
        ends = [tuple(each) for each in chance.random((2, 2)) * size]
        page.draws[1].line(ends, (70, 120, 240), max(2, page.width // 150))
    else:
        spots, reach = chance.random((2, 2)) * size * 0.9, max(3.0, page.width * 0.012)
        for draw, at in zip(page.draws, spots, strict=True):
            draw.ellipse((*(at - reach), *(at + reach)), (220, 40, 40))
    return page.pair


def board(chance: np.random.Generator, half: str) -> Pair:
    """Return a board of black and white one move apart, as a diagram with round or tall pieces."""
    side = int(np.exp(chance.uniform(np.log(240), np.log(1600))))
    page = Sheet(chance, half, side, side, side / 14)
    cells = int(chance.choice([8, 8, 9, 13, 19]))
    cell = side / cells
    squares = cells == 8
    light, dark = [((240, 217, 181), (181, 136, 99)), ((238, 238, 210), (118, 150, 86))][
        int(chance.integers(2))
    ]
    page.each(lambda draw: draw.rectangle((0, 0, side, side), light))
    for row in range(cells):
        for column in range(cells):
            x, y = column * cell, row * cell
            if squares and (row + column) % 2:
                page.each(lambda draw, box=(x, y, x + cell, y + cell): draw.rectangle(box, dark))
    if not squares:
        for row in range(cells):
            middle = (row + 0.5) * cell
            page.each(lambda draw, m=middle: draw.line((0, m, side, m), (60,) * 3))
            page.each(lambda draw, m=middle: draw.line((m, 0, m, side), (60,) * 3))
    places = chance.permutation(cells * cells)[: int(chance.integers(8, 24)) + 1]
    inks = [(30, 30, 30), (250, 250, 250)]
    kinds = chance.integers(0, 2, len(places))

    def piece(draw: ImageDraw.ImageDraw, place: int, kind: int) -> None:
        x, y = (place % cells) * cell, (place // cells) * cell
        box = (x + 0.15 * cell, y + 0.15 * cell, x + 0.85 * cell, y + 0.85 * cell)
        draw.ellipse(box, inks[kind], (90,) * 3)
        if squares:
            draw.rectangle(
                (x + 0.3 * cell, y + 0.5 * cell, x + 0.7 * cell, y + 0.9 * cell), inks[kind]
            )

    for number, place in enumerate(places[:-1]):
        for which, draw in enumerate(page.draws):
            moved = which == 1 and number == 0
            piece(draw, int(places[-1] if moved else place), int(kinds[number]))
    return page.pair


def music(chance: np.random.Generator, half: str) -> Pair:
    """Return two pages of notes that differ in one bar."""
    page = _sheet(chance, half, 0.72, 600, 2200, (60, 90))
    gap = page.width / 90
    systems = int(page.height / (12 * gap))
    place = int(chance.integers(systems)), int(chance.integers(24))
    for system in range(systems):
        top = (4 + 12 * system) * gap
        for line in range(5):
            y = top + line * gap
            page.each(lambda draw, y=y: draw.line((4 * gap, y, 86 * gap, y), (20,) * 3))
        for note in range(24):
            step, other = chance.choice(9, 2, replace=False)
            x = (7 + 3.2 * note) * gap
            for which, draw in enumerate(page.draws):
                own = other if which and (system, note) == place else step
                y = top + own * gap / 2
                draw.ellipse(
                    (x - 0.6 * gap, y - 0.5 * gap, x + 0.6 * gap, y + 0.5 * gap), (20,) * 3
                )
                draw.line(
                    (x + 0.6 * gap, y, x + 0.6 * gap, y - 3 * gap),
                    (20,) * 3,
                    max(1, round(gap / 8)),
                )
    return page.pair


def icon(chance: np.random.Generator, _: str) -> Pair:
    """Return two icons or logos of one family, with transparency or without."""
    side = int(chance.choice([64, 96, 128, 256, 512]))
    alpha = chance.random() < 0.6
    colour = (
        tuple(int(each) for each in chance.integers(0, 256, 3))
        if chance.random() < 0.5
        else (255,) * 3
    )
    ground = (0, 0, 0, 0) if alpha else (*(int(each) for each in chance.integers(0, 256, 3)), 255)
    images = []
    corners, others = (chance.uniform(0.25, 0.75, (5, 2)) * side for _ in range(2))
    for which in range(2):
        image = Image.new("RGBA", (side, side), ground)
        draw = ImageDraw.Draw(image)
        thick = max(2, side // 16)
        draw.ellipse((0.08 * side,) * 2 + (0.92 * side,) * 2, None, (*colour, 255), thick)
        points = others if which else corners
        draw.line([tuple(each) for each in points], (*colour, 255), thick, joint="curve")
        images.append(image if alpha else image.convert("RGB"))
    return images[0], images[1]


def product(chance: np.random.Generator, _: str) -> Pair:
    """Return a thing on a plain ground in two colours."""
    side = int(np.exp(chance.uniform(np.log(300), np.log(1600))))
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    reach = chance.uniform(0.12, 0.6)
    tall = chance.uniform(0.6, 1.6)
    cx, cy = chance.uniform(-0.3, 0.3, 2)
    distance = np.hypot((x - cx), (y - cy) / tall) / reach
    inside = np.clip((1 - distance) * side * reach / 4, 0, 1)[..., None]
    shade = np.clip(1.1 - 0.7 * np.hypot(distance, 0.3 * (x - y)), 0.15, 1.2)[..., None]
    ground = chance.uniform(215, 255, 3) * (1 - 0.05 * (y[..., None] + 1))
    foot = (np.abs(x - cx) < reach / 6) & (y > cy) & (y < 0.9)
    ground = np.where(foot[..., None], 70.0, ground)
    hues = chance.uniform(20, 235, (2, 3))
    while np.abs(hues[0] - hues[1]).max() < 70:
        hues = chance.uniform(20, 235, (2, 3))
    sigma = chance.uniform(0, 2)
    return tuple(  # type: ignore[return-value]
        Image.fromarray(
            np.clip(
                inside * hue * shade
                + (1 - inside) * ground
                + chance.normal(0, sigma, (side, side, 3)),
                0,
                255,
            ).astype(np.uint8)
        )
        for hue in hues
    )


def id_card(chance: np.random.Generator, half: str) -> Pair:
    """Return two cards of one kind: another face, name and number."""
    page = _sheet(chance, half, 1.58, 500, 1800, (40, 56))
    tint = tuple(int(each) for each in chance.integers(190, 240, 3))
    page.each(lambda draw: draw.rectangle((0, 0, page.width, page.height), tint))
    for wave in range(0, page.height, max(4, page.height // 40)):
        page.each(
            lambda draw, y=wave: draw.line(
                (0, y, page.width, y + page.height * 0.1), tuple(each - 14 for each in tint)
            )
        )
    page.write((0.05 * page.width, 0.05 * page.height), _words(chance, 2).upper(), size=1)
    for draw in page.draws:
        skin = chance.integers(-25, 25, 3)
        x, y, s = 0.06 * page.width, 0.28 * page.height, page.height
        draw.rectangle((x, y, x + 0.4 * s, y + 0.55 * s), (205, 210, 220))
        draw.ellipse(
            (x + 0.1 * s, y + 0.1 * s, x + 0.3 * s, y + 0.37 * s),
            tuple(int(each) for each in np.array([215, 175, 150]) + skin),
        )
        hair = tuple(int(each) for each in chance.integers(20, 120, 3))
        draw.pieslice((x + 0.09 * s, y + 0.07 * s, x + 0.31 * s, y + 0.33 * s), 180, 360, hair)
        draw.ellipse((x + 0.03 * s, y + 0.4 * s, x + 0.37 * s, y + 0.7 * s), hair)
    names, number = chance.choice(_NAMES, 2, replace=False), _number(chance, 9)
    for row in range(5):
        at = (0.42 * page.width, (0.3 + 0.12 * row) * page.height)
        if row == 0:
            page.write(at, str(names[0]), other=str(names[1]))
        elif row == 1:
            page.write(at, number[0], other=number[1])
        else:
            page.write(at, _words(chance, 2))
    return page.pair


def chart(chance: np.random.Generator, half: str) -> Pair:
    """Return a chart twice, with one bar or point that differs."""
    page = _sheet(chance, half, 1.5, 400, 1800, (50, 90))
    count = int(chance.integers(6, 24))
    first = chance.uniform(0.1, 0.9, count)
    second = first.copy()
    place = int(chance.integers(count))
    second[place] = np.clip(
        first[place] + chance.choice([-1, 1]) * chance.uniform(0.08, 0.3), 0.03, 0.97
    )
    colour = tuple(int(each) for each in chance.integers(20, 200, 3))
    bars = chance.random() < 0.6
    low, high = 0.88 * page.height, 0.1 * page.height
    for draw, values in zip(page.draws, (first, second), strict=True):
        xs = np.linspace(0.1, 0.94, count) * page.width
        ys = low - values * (low - high)
        if bars:
            half_bar = 0.3 * (xs[1] - xs[0])
            for x, y in zip(xs, ys, strict=True):
                draw.rectangle((x - half_bar, y, x + half_bar, low), colour)
        else:
            draw.line(list(zip(xs, ys, strict=True)), colour, max(2, page.width // 300))
    page.each(lambda draw: draw.line((0.07 * page.width, low, 0.97 * page.width, low), (30,) * 3))
    page.write((0.1 * page.width, 0.02 * page.height), _words(chance, 4).title())
    for tick in range(6):
        page.write((0.01 * page.width, low - tick / 5 * (low - high) - page.text), str(tick * 20))
    return page.pair


def ticket(chance: np.random.Generator, half: str) -> Pair:
    """Return two tickets: another code of squares, another seat."""
    page = _sheet(chance, half, 2.2, 500, 1800, (50, 80))
    cells = int(chance.integers(21, 34))
    size = 0.75 * page.height / cells
    share = chance.choice([0.03, 0.5])
    first = chance.random((cells, cells)) < 0.5
    second = first ^ (chance.random((cells, cells)) < share)
    for draw, code_ in zip(page.draws, (first, second), strict=True):
        for row, column in np.argwhere(code_):
            x, y = (0.02 * page.width + column * size, 0.1 * page.height + row * size)
            draw.rectangle((x, y, x + size - 0.5, y + size - 0.5), (10,) * 3)
    seat, other = _number(chance, 4)
    page.write((0.45 * page.width, 0.1 * page.height), _words(chance, 2).title(), size=2)
    for row in range(5):
        page.write((0.45 * page.width, (0.35 + 0.1 * row) * page.height), _words(chance, 3))
    page.write((0.8 * page.width, 0.85 * page.height), seat, other=other)
    return page.pair


def slide(chance: np.random.Generator, half: str) -> Pair:
    """Return two slides of one talk: title and frame are the same, the points are others."""
    page = _sheet(chance, half, 16 / 9, 500, 2000, (36, 60))
    colour = tuple(int(each) for each in chance.integers(20, 160, 3))
    page.each(lambda draw: draw.rectangle((0, 0, page.width, 0.15 * page.height), colour))
    page.write((0.05 * page.width, 0.04 * page.height), _words(chance, 3).title(), size=1, ink=255)
    rows = int(chance.integers(3, 6))
    changed = chance.random(rows) < 0.4
    changed[int(chance.integers(rows))] = True
    for row in range(rows):
        words, other = _words(chance, 4), _words(chance, 4)
        page.write(
            (0.1 * page.width, (0.25 + 0.12 * row) * page.height),
            "- " + words,
            other="- " + other if changed[row] else None,
        )
    return page.pair


MAKERS: dict[str, Maker] = {
    "invoices": invoice,
    "receipts": receipt,
    "tables": table,
    "forms": form,
    "handwriting": handwriting,
    "exams": exam,
    "chats": chat,
    "code": code,
    "book pages": book,
    "maps": street_map,
    "boards": board,
    "sheet music": music,
    "icons and logos": icon,
    "products in colours": product,
    "identity cards": id_card,
    "charts": chart,
    "tickets": ticket,
    "slides": slide,
}


def scanned(picture: Image.Image, chance: np.random.Generator) -> Image.Image:
    """Return a page as a scanner or a phone might have seen it: noise, blur, light, a turn."""
    light = chance.uniform(0.92, 1.0)
    turned = picture.convert("RGB").rotate(
        chance.uniform(-0.5, 0.5), Image.Resampling.BICUBIC, fillcolor=(250, 250, 250)
    )
    soft = turned.filter(ImageFilter.GaussianBlur(chance.uniform(0.3, 0.8)))
    pixels = np.asarray(soft, np.float32) * light
    pixels += chance.normal(0, chance.uniform(1.5, 5), pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def made(kind: str, number: int, half: str) -> Pair:
    """Return one pair of a kind, the same each time."""
    seed = [list(MAKERS).index(kind), number, half == "report"]
    return MAKERS[kind](np.random.default_rng(seed), half)
