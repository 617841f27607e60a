"""Refuse output paths that would replace a photo, a library or a device."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from safelight.errors import UsageError
from safelight.files import read_head
from safelight.files.opening import kind_of
from safelight.imaging.formats import is_photo, sniff

if TYPE_CHECKING:
    from os import PathLike

_DATABASE = b"SQLite format 3\0"


def check_replaceable(path: str | PathLike[str], what: str) -> None:
    """Raise if what is at `path` is never replaced: a photo, a library, a pipe, a device, a folder.

    Parameters
    ----------
    path : path-like
    what : str
        Kind of file to write: "a plan".

    Raises
    ------
    UsageError
        It is one of these.
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # nothing there, or a link to nothing
        return
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(
            f"{path} is {kind_of(found.st_mode)}, which {what} cannot replace; name a file."
        )
    try:
        head = read_head(path, 64)
    except OSError:  # it may be written all the same
        return
    is_picture = sniff(head) is not None or is_photo(os.fspath(path))
    kept = "a photo" if is_picture else "a library" if head.startswith(_DATABASE) else None
    if kept is not None:
        raise UsageError(f"{path} is {kept}, which {what} never replaces; name another file.")
