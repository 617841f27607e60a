"""Texts of others, file names above all, as they are shown: unable to do harm."""

from __future__ import annotations

import unicodedata

# Control characters, what turns the direction of writing (a name could show its end reversed),
# unpaired surrogates, and what breaks lines.
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

# Persian words and emoji of several parts need them, and they change nothing else.
_JOINERS = frozenset("\u200c\u200d")


def visible(text: str) -> str:
    r"""Return `text` with characters that are not seen, or that rearrange others, as escapes.

    Examples
    --------
    >>> print(visible("a\nb" + chr(0x202E) + "gpj.exe"))
    a\nb\u202egpj.exe
    """
    return "".join(
        char.encode("unicode_escape").decode()
        if unicodedata.category(char) in _UNSHOWN and char not in _JOINERS
        else char
        for char in text
    )
