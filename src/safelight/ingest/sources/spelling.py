"""One spelling for each folder, however its user writes it.

A case-blind disk has ``DCIM`` under ``dcim`` as well, one that does not tell forms of Unicode apart
has ``é`` under two, and a link or a second mount has a whole folder under another name. Files that
a library knew by two spellings would be copies of themselves.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from safelight.files.names import folded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from safelight.ingest.sources.folder import FolderSource


class Speller:
    """Paths as their disks spell them. It remembers what it read of folders: use it for one run.

    Whether two names are one file is told by the listing of their folder, not by inodes: some FUSE
    file systems (exFAT) give each spelling of a name an inode of its own.
    """

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}
        self._names: dict[str, dict[str, list[str]]] = {}

    def spell(self, path: str) -> str:
        """Return a path, made absolute, as its disk spells it; links in it stay as they are."""
        path = os.path.abspath(path)
        drive, rest = os.path.splitdrive(path)
        if rest.startswith("//") and not rest.startswith("///"):  # POSIX: means something else
            return path
        found = drive.upper() + os.sep if len(drive) == 2 else drive + os.sep
        *folders, last = [name for name in rest.split(os.sep) if name] or [""]
        for name in folders:
            given = os.path.join(found, name)
            if given not in self._folders:
                self._folders[given] = os.path.join(found, self._on_disk(found, name))
            found = self._folders[given]
        return os.path.join(found, self._on_disk(found, last)) if last else found

    def _on_disk(self, folder: str, name: str) -> str:
        if not _may_be_spelt_otherwise(folder, name):
            return name
        if folder not in self._names:
            known: dict[str, list[str]] = {}
            with contextlib.suppress(OSError):
                for each in os.listdir(folder):
                    known.setdefault(folded(each), []).append(each)
            self._names[folder] = known
        names = self._names[folder].get(folded(name), [])
        return names[0] if len(names) == 1 and os.path.lexists(os.path.join(folder, name)) else name


def true_spelling(path: str) -> str:
    """Return a path, made absolute, as its disk spells it; links in it are left as they are."""
    return Speller().spell(path)


def _may_be_spelt_otherwise(folder: str, name: str) -> bool:
    """Tell whether the disk may have the name in another spelling; most need no listing then."""
    other = name.swapcase()
    return not name.isascii() or (other != name and os.path.lexists(os.path.join(folder, other)))


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
