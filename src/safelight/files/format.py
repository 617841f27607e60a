"""Format for people: texts of others so that they do no harm on a terminal, sizes of files."""

from __future__ import annotations

import codecs
import os
import unicodedata
from typing import Any

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


def size_text(count: float) -> str:
    """Return a number of bytes as people read it, in powers of 1,000.

    Examples
    --------
    >>> size_text(96), size_text(62_400), size_text(34_300_000), size_text(605_000_000)
    ('0.1 kB', '62 kB', '34.3 MB', '605 MB')
    """
    value, unit = count / 1e3, "kB"
    for larger in ("MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1e3, larger
    tenths = value < (9.95 if unit == "kB" else 99.95)
    return f"{value:,.{1 if tenths else 0}f} {unit}"


def is_terminal(stream: Any) -> bool:
    """Tell whether a person reads, or writes, a standard stream; one that was closed is None."""
    return stream is not None and not stream.closed and bool(stream.isatty())


def write_everything(*streams: Any) -> None:
    """Make text streams take every character, whatever their encoding.

    What is redirected to a file or a pipe is UTF-8, unless the user chose an encoding
    (``PYTHONIOENCODING``); on a terminal it is the terminal's. A character that the encoding lacks
    becomes an escape that JSON reads as the same character.
    """
    codecs.register_error(_ESCAPED, _escape)
    is_chosen = bool(os.environ.get("PYTHONIOENCODING", "").partition(":")[0])
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            if is_chosen or stream.isatty():
                stream.reconfigure(errors=_ESCAPED)
            else:
                stream.reconfigure(encoding="utf-8", errors=_ESCAPED)


_ESCAPED = "safelight.escaped"


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = zip(units[::2], units[1::2], strict=True)
    return "".join(f"\\u{high << 8 | low:04x}" for high, low in pairs), error.end
