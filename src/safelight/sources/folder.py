"""The photos in a folder."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.imaging.formats import is_photo
from safelight.sources.entry import (
    Entry,
    entry,
    failed,
    is_inside,
    not_a_file,
    outside,
    printable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class FolderSource:
    """The photos in a folder, by their names' endings.

    Links to folders are followed once each; a link back into itself is a failure. A folder that
    cannot be read is a failure, and its files are left as the library has them.

    With `roots`, real folders, a link that leads out of them is one failure, whatever it leads to:
    nothing of that is looked at.
    """

    folder: str
    recursive: bool = True
    exclude: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        """All that lies in the folder."""
        return self.folder.rstrip(os.sep) + os.sep

    @property
    def spec(self) -> str:
        """``images:`` and the path."""
        return f"images:{self.folder}"

    @property
    def options(self) -> dict[str, Any]:
        """Whether it is recursive, and what it passes over."""
        return {"recursive": self.recursive, "exclude": list(self.exclude)}

    def entries(self) -> Iterator[Entry]:
        """List the photos, folder by folder, sorted by name."""
        here = os.stat(self.folder)
        root = (here.st_dev, here.st_ino)
        yield from self._walk(self.folder, "", frozenset({root}), {root})

    def _walk(
        self,
        folder: str,
        relative: str,
        above: frozenset[tuple[int, int]],
        seen: set[tuple[int, int]],
    ) -> Iterator[Entry]:
        try:
            with os.scandir(folder) as listing:
                names = sorted(listing, key=lambda item: item.name)
        except OSError as exc:
            yield failed(folder, relative or folder, exc)
            return
        for item in names:
            path = os.path.join(folder, item.name)
            inside = f"{relative}/{item.name}" if relative else item.name
            if self._is_excluded(item.name, inside):
                continue
            if self.roots and item.is_symlink() and not is_inside(path, self.roots):
                yield outside(path, inside)
                continue
            try:
                is_folder = item.is_dir()
            except OSError:
                is_folder = False
            if not is_folder:
                if is_photo(item.name):
                    yield entry(path, inside)
                continue
            if is_photo(item.name):
                yield not_a_file(path, inside, "a folder")
            if not self.recursive:
                continue
            try:
                # DirEntry.stat() gives no inode on Windows.
                found = os.stat(path)
            except OSError as exc:
                yield failed(path, inside, exc)
                continue
            place = (found.st_dev, found.st_ino)
            if place in above:
                yield Entry(
                    printable(path),
                    printable(inside),
                    code="symlink-loop",
                    reason="is a link to a folder that it lies in; not followed",
                )
            elif place not in seen:
                seen.add(place)
                yield from self._walk(path, inside, above | {place}, seen)

    def _is_excluded(self, name: str, inside: str) -> bool:
        return any(
            fnmatch.fnmatchcase(inside if "/" in pattern else name, pattern)
            for pattern in self.exclude
        )
