"""Words that people noted in a photo: titles, captions, keywords, ratings."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from safelight.metadata.iptc import KEYWORDS, decoded, find_iptc
from safelight.metadata.words import (
    EXIF,
    IPTC,
    PNG,
    USER_COMMENT,
    XP_KEYWORDS,
    is_boilerplate,
    is_of_a_program,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The tags of Windows, in UTF-16, begin here.
_XP = 0x9C9B

_RATING, _RECORD = 0x4746, 2

#: Properties of XMP that are read, by what they are here; of one text, the first counts.
TITLES = ("dc:title", "photoshop:Headline", "xmp:Nickname")
CAPTIONS = ("dc:description", "Iptc4xmpCore:AltTextAccessibility", "exif:UserComment")
SUBJECTS = ("dc:subject", "MicrosoftPhoto:LastKeywordXMP", "Iptc4xmpExt:PersonInImage")
TREES = ("lr:hierarchicalSubject", "digiKam:TagsList")
RATINGS = ("xmp:Rating",)

_LONGEST, _LONGEST_KEYWORD, _MOST = 4000, 200, 500
_LEVELS = re.compile(r"[|/]")


def noted(
    main: Mapping[int, Any],
    inner: Mapping[int, Any],
    info: Mapping[Any, Any],
    packets: Sequence[Mapping[str, Sequence[str]]],
) -> dict[str, Any]:
    """Return title, caption, keywords and rating of a photo, as fields of its EXIF data.

    Parameters
    ----------
    main, inner : mapping
        Its EXIF directories.
    info : mapping
        Pillow's ``info``.
    packets : sequence of mapping
        Properties of its XMP packet and of its sidecars; the first that has one counts.
    """
    iptc = find_iptc(main, info)
    texts = {
        number: [decoded(text) for text in values]
        for (record, number), values in iptc.items()
        if record == _RECORD
    }
    own = noted_words(main, inner, texts, info)
    keywords = [*texts.get(KEYWORDS[1], ()), *xp_keywords(main)]
    for packet in packets:
        keywords += [word for name in SUBJECTS for word in packet.get(name, ())]
        keywords += [
            level
            for name in TREES
            for path in packet.get(name, ())
            for level in _LEVELS.split(path)
        ]
    everything = [*packets, own]
    return {
        "title": _first(everything, TITLES),
        "caption": _first(everything, CAPTIONS),
        "keywords": _distinct(keywords),
        "rating": _rating(main, packets),
    }


def _first(sources: Sequence[Mapping[str, Sequence[str]]], names: Sequence[str]) -> str | None:
    for name in names:
        for source in sources:
            for text in source.get(name, ()):
                plain = _plain(text)[:_LONGEST]
                if not is_boilerplate(plain):
                    return plain
    return None


def _distinct(words: Sequence[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for word in words:
        plain = _plain(word)[:_LONGEST_KEYWORD]
        if plain:
            found.setdefault(plain.casefold(), plain)
    return tuple(found.values())[:_MOST]


def _rating(main: Mapping[int, Any], packets: Sequence[Mapping[str, Sequence[str]]]) -> int | None:
    ratings = [text for packet in packets for name in RATINGS for text in packet.get(name, ())]
    for written in (*ratings, main.get(_RATING)):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            rating = round(float(written))  # type: ignore[arg-type]
            if rating in (-1, 1, 2, 3, 4, 5):
                return rating
    return None


def _plain(text: str) -> str:
    kept = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(kept.encode("utf-8", "ignore").decode().split())


def noted_words(
    main: Mapping[int, Any],
    inner: Mapping[int, Any],
    iptc: Mapping[int, list[str]],
    info: Mapping[Any, Any],
) -> dict[str, tuple[str, ...]]:
    """Return the notes in EXIF, IPTC and PNG texts, under XMP's names."""
    found: dict[str, tuple[str, ...]] = {}
    for number, name in IPTC.items():
        texts = tuple(text.strip() for text in iptc.get(number, ()) if not is_boilerplate(text))
        if texts:
            found.setdefault(name, texts)
    for tag, name in EXIF.items():
        text = _exif_text(main.get(tag), wide=tag >= _XP)
        if not is_boilerplate(text):
            found.setdefault(name, (text.strip(),))
    comment = _comment(inner.get(USER_COMMENT))
    if not is_boilerplate(comment):
        found.setdefault("exif:UserComment", (comment.strip(),))
    for key, name in PNG.items():
        value = info.get(key)
        if isinstance(value, str) and not is_boilerplate(value):
            found.setdefault(name, (value.strip(),))
    remark = info.get("comment")
    if isinstance(remark, bytes):
        remark = decoded(remark).rstrip("\0")
    if isinstance(remark, str) and not is_of_a_program(remark.strip()):
        found.setdefault("exif:UserComment", (remark.strip(),))
    return found


def xp_keywords(main: Mapping[int, Any]) -> list[str]:
    """Return the keywords that Windows writes into EXIF."""
    words = _exif_text(main.get(XP_KEYWORDS), wide=True).split(";")
    return [word.strip() for word in words if word.strip()]


def _exif_text(value: Any, *, wide: bool) -> str:
    if isinstance(value, tuple) and all(isinstance(each, int) for each in value):
        value = bytes(each & 0xFF for each in value)
    if isinstance(value, bytes):
        value = value.decode("utf-16-le", "replace") if wide else decoded(value)
    if not isinstance(value, str):
        return ""
    # Pillow reads all text as Latin-1; most of what is written is UTF-8.
    with contextlib.suppress(ValueError):
        value = value.encode("latin-1").decode("utf-8")
    return str(value).partition("\0")[0]


def _comment(value: Any) -> str:
    """Return the text of a UserComment, whose first eight bytes name its encoding."""
    if not isinstance(value, bytes):
        return ""
    kind, text = value[:8].rstrip(b"\0 "), value[8:]
    if kind == b"UNICODE":
        text = text.rstrip(b"\0") + b"\0" * (len(text.rstrip(b"\0")) % 2)
        return text.decode("utf-16-be" if text[:1] == b"\0" else "utf-16-le", "replace")
    return decoded(text).partition("\0")[0] if kind in (b"ASCII", b"") else ""
