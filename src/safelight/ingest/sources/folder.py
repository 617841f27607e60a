"""The photos in a folder."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from safelight.files.packages import package_of, recycle_bin_of
from safelight.imaging.formats import is_photo, unread_kind
from safelight.ingest.sources.entry import (
    Entry,
    entry,
    failed,
    is_inside,
    not_a_file,
    outside,
    printable,
)
from safelight.ingest.sources.exclusion import NOMEDIA, Exclusion
from safelight.ingest.sources.sidecars import Sidecars

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class FolderSource:
    """The photos in a folder, by their names' endings.

    Links to folders are followed once each; a link back into itself is a failure. A folder that
    cannot be read is a failure, and its files are left as the library has them. Recycle bins,
    packages of other programs, and folders with a ``.nomedia`` in them are passed over, unless one
    is the folder itself.

    Attributes
    ----------
    folder : str
    recursive : bool
    exclude : tuple of str
    roots : tuple of str
        Real folders. With these, a link that leads out of them is one failure, whatever it leads
        to: nothing of that is looked at.
    usual : tuple of str
        Further patterns, of the settings: they are not kept with the source, so that a setting that
        changes acts on it.
    is_remembered : bool
        Whether it is as the library has it: then nobody has just typed its patterns.
    packages : list of str
        The packages that the last listing passed over.
    unread : Counter of str
        Pictures of kinds that are not read, by suffix, that the last listing passed over.
    """

    folder: str
    recursive: bool = True
    exclude: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    is_remembered: bool = field(default=False, compare=False)
    packages: list[str] = field(default_factory=list, init=False, compare=False, repr=False)
    _with_nomedia: dict[str, bool] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    unread: Counter[str] = field(default_factory=Counter, init=False, compare=False, repr=False)

    @property
    def scope(self) -> str:
        """Everything in the folder."""
        return self.folder.rstrip(os.sep) + os.sep

    @property
    def spec(self) -> str:
        """``images:`` and the path."""
        return f"images:{self.folder}"

    @property
    def options(self) -> dict[str, Any]:
        """Its recursion and its exclusions."""
        return {"recursive": self.recursive, "exclude": list(self.exclude)}

    @cached_property
    def _exclusion(self) -> Exclusion:
        return Exclusion((*self.usual, *self.exclude), self.folder)

    @property
    def unmatched(self) -> dict[str, str | None]:
        """Own patterns that matched nothing in the last listing, each with a name but for case."""
        return {} if self.is_remembered else self._exclusion.unmatched(self.exclude)

    def why_excluded(self, path: str) -> str | None:
        """Return why a listing passes over a path in the folder, or None if it does not.

        Returns
        -------
        str or None
            ``recycle bin``, ``package``, ``excluded``, ``.nomedia`` or ``folder in a folder``.
        """
        names = path.removeprefix(self.scope).split(os.sep)
        for number, name in enumerate(names):
            is_folder = number < len(names) - 1
            inside = "/".join(names[: number + 1])
            if why := self._exclusion.why(name, inside, is_folder=is_folder):
                return why
            if not is_folder:
                continue
            if not self.recursive:
                return "folder in a folder"
            if self._has_nomedia(os.path.join(self.folder, *names[: number + 1])):
                return NOMEDIA
        return None

    def _has_nomedia(self, folder: str) -> bool:
        if folder not in self._with_nomedia:
            try:
                names = os.listdir(folder)
            except OSError:
                names = []
            self._with_nomedia[folder] = any(name.lower() == NOMEDIA for name in names)
        return self._with_nomedia[folder]

    def entries(self) -> Iterator[Entry]:
        """List the photos, folder by folder, sorted by name."""
        self.packages.clear()
        self._with_nomedia.clear()
        self.unread.clear()
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
        if relative and any(item.name.lower() == NOMEDIA for item in names):
            return
        sidecars, listed = Sidecars(), [item.name for item in names]
        for item in names:
            path = os.path.join(folder, item.name)
            inside = f"{relative}/{item.name}" if relative else item.name
            if self.roots and item.is_symlink() and not is_inside(path, self.roots):
                if not self._exclusion.why(item.name, inside, is_folder=False):
                    yield outside(path, inside)
                continue
            try:
                is_folder = item.is_dir()
            except OSError:
                is_folder = False
            why = self._exclusion.why(item.name, inside, is_folder=is_folder)
            if why is None and is_folder and item.is_symlink():
                why = _why_not_followed(path)
            if why is not None:
                if why == "package":
                    self.packages.append(printable(path))
                continue
            if not is_folder:
                if is_photo(item.name):
                    beside = sidecars.of(path, listed)
                    yield entry(path, inside, roots=self.roots, sidecars=beside)
                elif kind := unread_kind(item.name):
                    self.unread[kind] += 1
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


def _why_not_followed(link: str) -> str | None:
    """Return why a link to a folder is not followed: it leads into what is passed over."""
    inside = os.path.join(os.path.realpath(link), "any")
    if package_of(inside):
        return "package"
    return "recycle bin" if recycle_bin_of(inside) else None
