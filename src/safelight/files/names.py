"""Names of files as disks compare them, and as people write them."""

from __future__ import annotations

import os
import unicodedata


def folded(name: str) -> str:
    """Return a name as a case-blind disk compares it: case-folded, in one form of Unicode."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def expanded(path: str | os.PathLike[str]) -> str:
    r"""Return a path with the home folder in place of ``~``; as it is if there is no such home.

    Never an error: ``~`` before anything but a user's name may be the name of a file.

    Examples
    --------
    >>> expanded("a/~b"), expanded("~no one's/c"), expanded("~\0")
    ('a/~b', "~no one's/c", '~\\x00')
    """
    text = os.fspath(path)
    try:
        return os.path.expanduser(text)
    except (ValueError, RuntimeError):  # NUL, half a character, no home
        return text
