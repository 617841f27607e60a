"""Filters of a query by name: how the value of each is read.

``camera:canon,nikon`` names alternatives; quotes protect commas and spaces. A value that cannot be
read is an error that names the nearest form that can.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.errors import QueryError
from safelight.library.conditions import CHOICES
from safelight.library.expression import AnyOf, Circle, Match, Range, Score, Value
from safelight.search.periods import read_days

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.library.expression import Expression

QUOTED = r'"(?:[^"\\]|\\.)*"'

#: A distance without a unit is in kilometres; one is needed.
_UNITS = {"m": 0.001, "km": 1.0, "mi": 1.609344}
_NEAR = re.compile(
    r"([+-]?\d{1,3}(?:\.\d{1,12})?)\s*,\s*([+-]?\d{1,3}(?:\.\d{1,12})?)"
    r"(?:[\s,]+(\d{1,6}(?:\.\d{1,12})?)\s*(m|km|mi)?)?",
    re.ASCII,
)
_NEAR_EXAMPLE = 'near:"48.85,2.35 5km"'

#: Digits behind the point that a printed number keeps.
_DIGITS = 12

#: Around a point, if no distance is given.
_KILOMETRES = 1.0

_NUMBER = r"(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})"
_SIGN = re.compile(r"(>=|<=|=|>|<)?\s*(.*)", re.DOTALL)
_SCORE = re.compile(r"([A-Za-z][\w-]*)\s*(?:(>=|<=|=|>|<|:)\s*(.*))?", re.DOTALL | re.ASCII)


@dataclass(frozen=True, slots=True)
class FilterKind:
    """A filter that queries know.

    Attributes
    ----------
    example : str
        The filter with a value that it takes.
    meaning : str
        To follow "Photos".
    read : callable
        Reads a value; raises ValueError with what is wrong with it, to follow the value.
    """

    example: str
    meaning: str
    read: Callable[[str], Value]


def _text(text: str) -> str:
    return text


def _word(text: str) -> str:
    if not any(char.isalnum() or char in "*?" for char in text):
        raise ValueError("has no letter or digit")
    return text


def _choice(name: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        wanted = "-".join(text.casefold().replace("_", " ").split())
        options = CHOICES[name]
        wanted = _SAME.get(wanted, wanted)
        if wanted in options:
            return wanted
        near = difflib.get_close_matches(wanted, options, n=1, cutoff=0.6)
        meant = f"Did you mean {name}:{near[0]}? " if near else ""
        raise ValueError(f"is unknown. {meant}Choose from: {', '.join(options)}")

    return read


#: Other words for choices.
_SAME = {
    "heif": "heic", "jpg": "jpeg", "tif": "tiff", "animated": "animation", "pano": "panorama",
    "black-and-white": "bw", "b&w": "bw", "monochrome": "bw", "duplicates": "duplicate",
    "copy": "duplicate", "no-date": "undated", "gps": "located", "grey": "gray",
}  # fmt: skip


def _numbers(
    example: str, unit: str = "", most: float | None = None, *, fractions: bool = False
) -> Callable[[str], Range]:
    def number(text: str) -> float:
        plain = text.strip().casefold().removeprefix("f/")
        for each in filter(None, unit.split("|")):
            plain = plain.removesuffix(each).rstrip()
        if fractions and (found := re.fullmatch(rf"({_NUMBER})/({_NUMBER})", plain, re.ASCII)):
            if float(found[2]) == 0:
                raise ValueError("divides by zero")
            value = float(found[1]) / float(found[2])
        elif re.fullmatch(_NUMBER, plain, re.ASCII):
            value = float(plain)
        else:
            raise ValueError(f"is not a number or a range; write {example}")
        if most is not None and value > most:
            raise ValueError(f"is more than {most:g}, the most that there is")
        return round(value, _DIGITS)

    def read(text: str) -> Range:
        return read_range(text, number, example)

    return read


def read_range(text: str, number: Callable[[str], float], example: str) -> Range:
    """Return the range that ``>=1600``, ``100..400`` or ``800`` spells.

    Raises
    ------
    ValueError
        It spells none, or is upside down.
    """
    sign, rest = _SIGN.fullmatch(text.strip()).groups()  # type: ignore[union-attr]
    if ".." in rest:
        begin, _, end = rest.partition("..")
        if sign or not (begin.strip() or end.strip()):
            raise ValueError(f"is not a number or a range; write {example}")
        low = number(begin) if begin.strip() else None
        high = number(end) if end.strip() else None
        if low is not None and high is not None and high < low:
            raise ValueError(f"is upside down; write {end.strip()}..{begin.strip()}")
        return Range(low, high)
    try:
        value = number(rest)
    except ValueError:
        # 100-400 is how many write a range.
        if (found := re.fullmatch(r"([^-]+)-([^-]+)", rest)) and not sign:
            number(found[1]), number(found[2])
            raise ValueError(f"is not a range; write {found[1]}..{found[2]}") from None
        raise
    match sign:
        case ">=":
            return Range(value, None)
        case ">":
            return Range(value, None, above=True)
        case "<=":
            return Range(None, value)
        case "<":
            return Range(None, value, below=True)
    return Range(value, value)


def _score(text: str) -> Score:
    found = _SCORE.fullmatch(text.strip())
    if found is None or found[2] is None or not found[3].strip():
        named = re.match(r"[A-Za-z][\w-]*", text.strip(), re.ASCII)
        raise ValueError(f"needs a bound; write score:{named[0] if named else 'focus'}>=0.6")
    metric, sign, rest = found.groups()
    spelled = rest if sign in "=:" else sign + rest
    example = f"score:{metric}>=0.6 or score:{metric}=0.2..0.5"
    return Score(metric.casefold(), _numbers(example, most=1.0)(spelled))


def _near(text: str) -> Circle:
    found = _NEAR.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"is not a point with a distance; write {_NEAR_EXAMPLE}")
    latitude, longitude = float(found[1]), float(found[2])
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError("lies outside of the earth; latitude comes first, from -90 to 90")
    distance = _KILOMETRES if found[3] is None else float(found[3]) * _UNITS[found[4] or "km"]
    distance = round(distance, _DIGITS)
    if distance <= 0:
        raise ValueError("has no distance above 0")
    return Circle(latitude, longitude, distance)


#: Every filter by name, in the order of docs and completion.
FILTERS: dict[str, FilterKind] = {
    "taken": FilterKind("taken:2024-06..2024-08", "taken in a period", read_days),
    "camera": FilterKind("camera:canon", "of a camera", _word),
    "lens": FilterKind("lens:50mm", "with a lens", _word),
    "iso": FilterKind("iso:>=1600", "of a sensitivity", _numbers("iso:>=1600 or iso:100..400")),
    "f": FilterKind("f:<2", "of an f-number", _numbers("f:<2 or f:2.8..5.6")),
    "shutter": FilterKind(
        "shutter:<=1/250",
        "of an exposure time in seconds",
        _numbers("shutter:<=1/250 or shutter:1..30", "s", fractions=True),
    ),
    "focal": FilterKind(
        "focal:>=200",
        "of a focal length in millimetres",
        _numbers("focal:>=200 or focal:24..70", "mm"),
    ),
    "rating": FilterKind(
        "rating:>=4", "of a rating, 0 if not rated", _numbers("rating:>=4 or rating:3..5", most=5.0)
    ),
    "keyword": FilterKind("keyword:beach", "with a keyword", _word),
    "title": FilterKind("title:wedding", "with words in their title", _word),
    "caption": FilterKind("caption:dog", "with words in their caption", _word),
    "near": FilterKind(_NEAR_EXAMPLE, "taken within a distance", _near),
    "name": FilterKind("name:IMG_11*", "with a file name", _word),
    "folder": FilterKind("folder:Wedding", "in a folder", _word),
    "kind": FilterKind("kind:raw", "of a kind", _choice("kind")),
    "is": FilterKind("is:landscape", "of a look or a state", _choice("is")),
    "score": FilterKind("score:focus>=0.6", "with a score from 0 to 1", _score),
    "label": FilterKind("label:beach", "to which a label applies", _text),
    "in": FilterKind("in:birthdays", "of a namespace", _text),
}

ALIASES = {
    "tag": "keyword", "tags": "keyword", "keywords": "keyword",
    "aperture": "f", "exposure": "shutter", "date": "taken", "namespace": "in", "labels": "label",
    "filename": "name", "file": "name", "path": "folder", "type": "kind",
    "stars": "rating", "description": "caption",
}  # fmt: skip


def known_filter(name: str) -> str | None:
    """Return the name of a filter as :data:`FILTERS` has it, or None."""
    plain = name.casefold()
    plain = ALIASES.get(plain, plain)
    return plain if plain in FILTERS else None


def unknown_filter(name: str, token: str, column: int) -> QueryError:
    """Return the error for a filter that there is not."""
    near = difflib.get_close_matches(name.casefold(), [*FILTERS, *ALIASES], n=1, cutoff=0.6)
    meant = f" Did you mean {near[0]}:?" if near else f" Choose from: {', '.join(FILTERS)}."
    shown = token if len(token) <= 60 else f"{token[:57]}..."
    return QueryError(
        f"Unknown filter {name!r} at column {column}.{meant} Put words with a colon in quotes: "
        f'"{shown.replace(chr(34), "")}".',
        column=column,
        filter=name,
    )


def read_filter(name: str, text: str, column: int) -> Expression:
    """Return the expression of a filter, given its name in :data:`FILTERS` and its value.

    Raises
    ------
    QueryError
        The value cannot be read.
    """
    kind = FILTERS[name]
    items = [text] if name == "near" and '"' not in text else split_values(text)
    found: list[Expression] = []
    for item in items:
        if re.fullmatch(QUOTED, item, re.DOTALL):
            item = unquoted(item)
        elif '"' in item:
            raise QueryError(
                f"{name}:{text} at column {column} has text before or behind its quotes. Write "
                f'{name}:"two words".',
                column=column,
            )
        if not item.strip():
            raise QueryError(
                f"{name}: at column {column} is followed by nothing. Write for example "
                f"{kind.example}, without a space behind the colon.",
                column=column,
            )
        try:
            found.append(Match(name, kind.read(item.strip())))
        except ValueError as exc:
            reason = str(exc)
            shown = item.strip() if len(item) <= 60 else f"{item[:57].strip()}..."
            said = "" if reason.startswith(repr(shown)) else f"{shown!r} "
            raise QueryError(
                f"{name}: at column {column}: {said}{reason}.", column=column, filter=name
            ) from None
    found = list(dict.fromkeys(found))
    return found[0] if len(found) == 1 else AnyOf(tuple(found))


def split_values(text: str) -> list[str]:
    """Return the items between commas outside of quotes."""
    items, start, quoted, at = [], 0, False, 0
    while at < len(text):
        if text[at] == "\\" and quoted:
            at += 1
        elif text[at] == '"':
            quoted = not quoted
        elif text[at] == "," and not quoted:
            items.append(text[start:at])
            start = at + 1
        at += 1
    return [*items, text[start:]]


def unquoted(text: str) -> str:
    """Return what stands between quotes."""
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
