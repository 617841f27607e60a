"""Write a sheet whole or not at all, over nothing but another sheet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.errors import SafelightError, UsageError
from safelight.files import read_head
from safelight.files.atomic import write_safely
from safelight.files.refusals import described
from safelight.sheet.model import GENERATOR

if TYPE_CHECKING:
    from os import PathLike

_PNG = b"\x89PNG\r\n\x1a\n"
_HEAD_BYTES = 1024


def check_target(path: str | PathLike[str], *, force: bool = False) -> None:
    """Raise unless a sheet may be written to `path`.

    Parameters
    ----------
    path : path-like
    force : bool
        A file that is not a sheet may be replaced.

    Raises
    ------
    UsageError
        Something else is there, or there is no such folder.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise UsageError(f"{path} cannot be written: there is no folder {target.parent}.")
    if not os.path.lexists(target):
        return
    if not target.is_file():
        raise UsageError(f"{path} is not a file, and cannot be replaced by a sheet.")
    if not force and not is_sheet(target):
        raise UsageError(f"{path} is there already and is not a contact sheet.", hint="force")


def is_sheet(path: str | PathLike[str]) -> bool:
    """Tell whether a file was written by ``safelight sheet``, as a page or as a picture.

    An empty file counts: nothing in it can be lost.
    """
    try:
        head = read_head(path, _HEAD_BYTES)
    except OSError as exc:
        raise SafelightError(f"{path} cannot be read: {exc.strerror}.", code="output") from exc
    if not head:
        return True
    mark = b"tEXtSoftware\0" if head.startswith(_PNG) else b'<meta name="generator" content="'
    return mark + GENERATOR.encode() in head


def write(path: str | PathLike[str], data: bytes, *, force: bool = False) -> None:
    """Write a sheet so that `path` holds all of it, or what it held before.

    Parameters
    ----------
    path : path-like
    data : bytes
    force : bool
        Replace a file that is not a sheet.

    Raises
    ------
    UsageError
        It may not be written there; see :func:`check_target`.
    SafelightError
        The file system refuses.
    """
    check_target(path, force=force)
    try:
        write_safely(Path(path), data)
    except OSError as exc:
        raise SafelightError(f"{path} cannot be written: {described(exc)}.", code="output") from exc
