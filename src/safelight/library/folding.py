"""Texts without case and accents, as names and words are compared."""

from __future__ import annotations

import re
import unicodedata

#: Scripts that write no spaces between words: each letter is a word of its own in the index, so
#: that two of them are found within a longer text.
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3100-\u312f\u31f0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_LETTER = re.compile(f"([{_UNSPACED}])")
_BORDER = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_APART = re.compile(r"[\W_]+")
_SEPARATOR = re.compile(r"[/\\](?=[^/\\]*$)")


def folded(text: str) -> str:
    """Return a text without case, accents and further spaces.

    Examples
    --------
    >>> folded("  Canon  ÉOS ")
    'canon eos'
    """
    if text.isascii():
        return " ".join(text.casefold().split())
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = "".join(char for char in apart if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", " ".join(kept.split()))


def spaced(text: str | None) -> str:
    """Return the words of a text for a word index, folded, with spaces between them.

    Examples
    --------
    >>> spaced("IMG_1185 東京.JPG")
    'img 1185 東 京 jpg'
    """
    plain = _APART.sub(" ", folded(text or ""))
    if not plain.isascii():
        plain = _LETTER.sub(r" \1 ", plain)
    return " ".join(_BORDER.sub(" ", plain).split())


def is_unspaced(text: str) -> bool:
    """Tell whether a text has letters of a script that writes no spaces."""
    return _LETTER.search(text) is not None


def name_of(path: str) -> str:
    """Return the last part of a path of any system."""
    return _SEPARATOR.split(path, maxsplit=1)[-1]


def folder_of(path: str) -> str:
    """Return a path of any system without its last part."""
    found = _SEPARATOR.search(path)
    return path[: found.start()] if found else ""
