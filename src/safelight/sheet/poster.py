"""Contact sheet as one picture (PNG), to send, print or put into a document."""

from __future__ import annotations

import io
import math
from functools import cache
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from safelight.errors import UsageError
from safelight.files.format import visible
from safelight.sheet.model import GENERATOR

if TYPE_CHECKING:
    from safelight.sheet.card import Card
    from safelight.sheet.model import Sheet

#: What a picture may measure: what common viewers open, and what fits the memory (3 bytes each).
MOST_SIDE = 32_767
MOST_PIXELS = 250_000_000

_BACK, _CARD, _EDGE = "#f4f4f2", "#ffffff", "#d4d4d0"
_TEXT, _FAINT, _TRACK = "#1c1c1a", "#5f5f5a", "#e3e3df"
_BAR, _MAIN, _BAD = "#77776f", "#b35c00", "#9c1c1c"

# Fonts that know more alphabets than Pillow's own, which has Latin letters; where they are.
_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial.ttf", "arial.ttf", "Helvetica.ttc")

_CUT = "…"
_REASON_LINES = 4


class _Layout:
    """Sizes in pixels, all in proportion to the thumbnails."""

    def __init__(self, thumb: int, rows_of_scores: int) -> None:
        self.thumb = thumb
        self.font = _font(max(10, round(thumb / 21)))
        self.heading = _font(max(14, round(thumb / 13)))
        self.pad = max(4, thumb // 24)
        self.line = sum(self.font.getmetrics()) + 2
        self.label = round(self.font.getlength("sharpness")) + self.pad
        self.number = round(self.font.getlength("0.00")) + self.pad
        self.width = thumb + 2 * self.pad
        self.text_height = (1 + rows_of_scores) * self.line
        self.head = sum(self.heading.getmetrics()) + self.line + 2 * self.pad


def check_size(count: int, thumb: int, columns: int | None = None, scores: int = 9) -> None:
    """Raise if a picture of so many photos would be too large.

    Parameters
    ----------
    count : int
        Photos.
    thumb, columns
        As for :class:`safelight.sheet.Sheet`.
    scores : int
        Scores of each photo.

    Raises
    ------
    UsageError
        It would be.
    """
    layout = _Layout(thumb, scores)
    across = columns or _columns(count)
    width = layout.pad + across * (layout.width + layout.pad)
    row = thumb + layout.text_height + 4 * layout.pad
    height = layout.head + math.ceil(count / across) * row
    if max(width, height) > MOST_SIDE or width * height > MOST_PIXELS:
        raise UsageError(
            f"A picture of {count:,} photos would be {width:,} by {height:,} pixels, which few "
            "programs open. Take fewer or smaller ones, other columns, or a page.",
            hint="poster",
        )


def poster(sheet: Sheet) -> bytes:
    """Return the sheet as a PNG file.

    Raises
    ------
    UsageError
        It would be too large.
    """
    scores = ("combined", *sheet.scored)
    has_query = any(card.match is not None for card in sheet.cards)
    layout = _Layout(sheet.thumb, len(scores) + has_query)
    count = len(sheet.cards)
    check_size(count, sheet.thumb, sheet.columns, len(scores) + has_query)
    across = sheet.columns or _columns(count)
    rows = [list(range(first, min(first + across, count))) for first in range(0, count, across)]
    # The pictures of one row share its height.
    shots = [max(_height(sheet.cards[index], layout) for index in row) for row in rows]
    row_heights = [shot + layout.text_height + 3 * layout.pad for shot in shots]
    size = (
        layout.pad + min(across, max(count, 1)) * (layout.width + layout.pad),
        layout.head + sum(row_heights) + (len(rows) + 1) * layout.pad,
    )
    image = Image.new("RGB", size, _BACK)
    draw = ImageDraw.Draw(image)
    _heading(draw, sheet, layout, size[0])
    names = sheet.names
    top = layout.head + layout.pad
    for row, shot, height in zip(rows, shots, row_heights, strict=True):
        for column, index in enumerate(row):
            left = layout.pad + column * (layout.width + layout.pad)
            draw.rectangle((left, top, left + layout.width - 1, top + height - 1), _CARD, _EDGE)
            place = (left + layout.pad, top + layout.pad)
            _draw(image, draw, sheet.cards[index], names[index], scores, layout, place, shot)
        top += height + layout.pad
    about = PngImagePlugin.PngInfo()
    about.add_text("Software", GENERATOR)
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=about, optimize=True)
    return out.getvalue()


def _columns(count: int) -> int:
    """Return how many columns make a picture that is somewhat wider than high."""
    return max(1, math.ceil(math.sqrt(1.5 * count)))


def _height(card: Card, layout: _Layout) -> int:
    return card.thumbnail.height if card.thumbnail else 3 * layout.line


def _heading(draw: ImageDraw.ImageDraw, sheet: Sheet, layout: _Layout, width: int) -> None:
    room = width - 2 * layout.pad
    title = _cut(visible(sheet.title), layout.heading, room)
    draw.text((layout.pad, layout.pad), title, _TEXT, layout.heading)
    below = layout.pad + sum(layout.heading.getmetrics())
    said = _cut(f"{sheet.count}, {sheet.order}", layout.font, room)
    draw.text((layout.pad, below), said, _FAINT, layout.font)


def _draw(
    image: Image.Image,
    draw: ImageDraw.ImageDraw,
    card: Card,
    name: str,
    scores: tuple[str, ...],
    layout: _Layout,
    place: tuple[int, int],
    shot: int,
) -> None:
    left, top = place
    if card.thumbnail is not None:
        with Image.open(io.BytesIO(card.thumbnail.jpeg)) as small:
            beside = (layout.thumb - small.width) // 2
            image.paste(small, (left + beside, top + (shot - small.height) // 2))
    else:
        draw.rectangle((left, top, left + layout.thumb - 1, top + shot - 1), _TRACK)
        said = "No picture"
        middle = left + (layout.thumb - layout.font.getlength(said)) / 2
        draw.text((middle, top + (shot - layout.line) / 2), said, _FAINT, layout.font)
    y = top + shot + layout.pad // 2
    draw.text((left, y), _cut(name, layout.font, layout.thumb), _TEXT, layout.font)
    if card.reason is not None:
        lines = _wrapped(f"It {visible(card.reason)}.", layout)
        for number, line in enumerate(lines[:_REASON_LINES], start=1):
            draw.text((left, y + number * layout.line), line, _BAD, layout.font)
        return
    for number, key in enumerate(scores, start=1):
        _score(draw, key, card.score(key), layout, (left, y + number * layout.line))
    if card.match is not None:
        y += (len(scores) + 1) * layout.line
        draw.text((left, y), "query", _FAINT, layout.font)
        _number(draw, f"{card.match:.3f}", layout, (left, y))


def _score(
    draw: ImageDraw.ImageDraw,
    name: str,
    score: float | None,
    layout: _Layout,
    place: tuple[int, int],
) -> None:
    left, top = place
    is_main = name == "combined"
    draw.text(place, name, _TEXT if is_main else _FAINT, layout.font)
    start, end = left + layout.label, left + layout.thumb - layout.number
    thick = max(2, layout.line // (2 if is_main else 4))
    above = top + (layout.line - thick) // 2
    draw.rectangle((start, above, end, above + thick - 1), _TRACK)
    if score is not None and (filled := round(score * (end - start))) > 0:
        draw.rectangle(
            (start, above, start + filled, above + thick - 1), _MAIN if is_main else _BAR
        )
    _number(draw, "–" if score is None else f"{score:.2f}", layout, place)


def _number(draw: ImageDraw.ImageDraw, text: str, layout: _Layout, place: tuple[int, int]) -> None:
    right = place[0] + layout.thumb - layout.font.getlength(text)
    draw.text((right, place[1]), text, _TEXT, layout.font)


def _cut(text: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    """Return `text` with its middle left out if it is wider: names differ at their end."""
    if font.getlength(text) <= room:
        return text
    low, high = 0, len(text)
    while low < high:  # the most characters that fit
        kept = (low + high + 1) // 2
        if font.getlength(_without_middle(text, kept)) <= room:
            low = kept
        else:
            high = kept - 1
    return _without_middle(text, low)


def _without_middle(text: str, kept: int) -> str:
    return text[: kept // 2] + _CUT + text[len(text) - (kept - kept // 2) :]


def _wrapped(text: str, layout: _Layout) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and layout.font.getlength(longer) <= layout.thumb:
            lines[-1] = longer
        else:
            lines.append(_cut(word, layout.font, layout.thumb))
    return lines


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise UsageError("Pillow was built without FreeType here: write a page, -o sheet.html.")
    return font
