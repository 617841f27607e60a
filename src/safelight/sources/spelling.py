"""One spelling for each folder, however its user writes it.

A case-blind disk has ``DCIM`` under ``dcim`` as well, one that does not tell forms of Unicode apart
has ``é`` under two, and a link or a second mount has a whole folder under another name. Files that
a library knew by two spellings would be copies of themselves.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from safelight.files.names import folded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from safelight.sources.folder import FolderSource


def true_spelling(path: str) -> str:
    """Return a path, made absolute, as its disk spells it; links in it are left as they are."""
    path = os.path.abspath(path)
    drive, rest = os.path.splitdrive(path)
    found = drive.upper() + os.sep if len(drive) == 2 else drive + os.sep
    if rest.startswith("//") and not rest.startswith("///"):  # POSIX lets two mean something else
        return path
    for name in rest.split(os.sep):
        if name:
            found = os.path.join(found, _name_on_disk(found, name))
    return found


def _name_on_disk(folder: str, name: str) -> str:
    if not _is_found_by_another_name(folder, name):
        return name
    try:
        names = os.listdir(folder)
    except OSError:
        return name
    if name in names:
        return name
    for other in names:
        if folded(other) == folded(name) and _is_same(folder, name, other):
            return other
    return name


def _is_found_by_another_name(folder: str, name: str) -> bool:
    """Tell whether the disk may have the name in another spelling; most need no listing then."""
    if not name.isascii():
        return True
    other = name.swapcase()
    return other != name and _is_same(folder, name, other)


def _is_same(folder: str, name: str, other: str) -> bool:
    try:
        one, two = os.lstat(os.path.join(folder, name)), os.lstat(os.path.join(folder, other))
    except (OSError, ValueError):
        return False
    return (one.st_dev, one.st_ino) == (two.st_dev, two.st_ino)


def known_spelling(source: FolderSource, folders: Iterable[str]) -> FolderSource:
    """Return a source with its folder as the library knows it already, if it does by another name.

    Parameters
    ----------
    folders : iterable of str
        The folders of the sources that the library knows.
    """
    places: dict[tuple[int, int], str] = {}
    for folder in folders:
        if (place := _place(folder)) is not None:
            places.setdefault(place, folder)
    if not places or source.folder in places.values():
        return source
    path, below = source.folder, ""
    while True:
        known = places.get(_place(path) or (0, 0))
        if known == path:
            return source
        if known is not None:
            return replace(source, folder=os.path.join(known, below) if below else known)
        # Of a link, what it leads to lies elsewhere than its name does.
        head, name = os.path.split(path)
        if head == path or not name:
            break
        path, below = head, os.path.join(name, below) if below else name
    real = os.path.realpath(source.folder)
    if real == source.folder:
        return source
    found = known_spelling(replace(source, folder=real), places.values())
    is_known = found.folder != real or any(
        real == folder or real.startswith(folder.rstrip(os.sep) + os.sep)
        for folder in places.values()
    )
    return found if is_known else source


def _place(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    # Some network and virtual file systems give no numbers that tell files apart.
    return (found.st_dev, found.st_ino) if found.st_ino else None
