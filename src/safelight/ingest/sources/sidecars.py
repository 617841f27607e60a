"""XMP sidecars: which of a folder's files belong to a photo by their names.

Programs name them in two ways: ``IMG_1.jpg.xmp`` (darktable, digiKam), which is always this
photo's, and ``IMG_1.xmp`` (Adobe), which is if no other photo is called like it, or if it is the
only RAW file among these.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from safelight.files import SIDECAR, read_with_stat
from safelight.imaging.formats import SUFFIXES, is_photo
from safelight.ingest.sources.entry import is_still_inside

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SUFFIX = ".xmp"


def own_sidecars(name: str, siblings: Sequence[str], *, of_raw: bool = False) -> list[str]:
    """Return the sidecars that are a photo's alone, the one that counts first.

    Parameters
    ----------
    name : str
        Of the photo.
    siblings : sequence of str
        The names in its folder that begin as its own does, up to the last dot, in any case.
    of_raw : bool
        ``photo.xmp`` is the RAW file's where there is one RAW file of that name.
    """
    stem, suffix = os.path.splitext(name)
    full = _called(f"{name}{_SUFFIX}", siblings)
    short = _called(f"{stem}{_SUFFIX}", siblings)
    others = [
        each
        for each in siblings
        if is_photo(each) and each != name and _is_stem(os.path.splitext(each)[0], stem)
    ]
    is_only_raw = suffix.lower() in SUFFIXES["raw"] and not any(map(_is_raw, others))
    if others and not (of_raw and is_only_raw):
        short = []
    return list(dict.fromkeys((*full, *short)))


def _called(name: str, siblings: Iterable[str]) -> list[str]:
    """Return the sibling of this name; in whatever case, if none has just this one."""
    found = [each for each in siblings if each.casefold() == name.casefold()]
    photo = os.path.splitext(name)[0]
    return [each for each in found if os.path.splitext(each)[0] == photo] or found


def _is_stem(stem: str, other: str) -> bool:
    return stem.casefold() == other.casefold()


def _is_raw(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES["raw"]


class Sidecars:
    """The sidecars in folders; each folder is listed once."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, list[str]]] = {}

    def of(self, path: str, names: Iterable[str] | None = None) -> tuple[str, ...]:
        """Return the paths of a photo's sidecars.

        Parameters
        ----------
        names : iterable of str, optional
            All names in the photo's folder; listed if not given.
        """
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders = {**self._folders, folder: _by_stem(_listed(folder, names))}
        by_stem = self._folders[folder]
        if not by_stem:
            return ()
        stem = os.path.splitext(name)[0].casefold()
        siblings = [*by_stem.get(stem, ()), *by_stem.get(name.casefold(), ())]
        found = own_sidecars(name, list(dict.fromkeys(siblings)), of_raw=True)
        return tuple(os.path.join(folder, each) for each in found)


def _listed(folder: str, names: Iterable[str] | None) -> list[str]:
    if names is not None:
        return list(names)
    try:
        return os.listdir(folder)
    except (OSError, ValueError):
        return []


def _by_stem(names: Sequence[str]) -> dict[str, list[str]]:
    """Return names by what comes before their last dot; nothing if there is no sidecar."""
    if not any(name.lower().endswith(_SUFFIX) for name in names):
        return {}
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(os.path.splitext(name)[0].casefold(), []).append(name)
    return found


def stamp_of(paths: Iterable[str]) -> str | None:
    """Return what changes when sidecars do: names, sizes, times; None if there are none."""
    parts = []
    for path in paths:
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            continue
        parts.append(f"{os.path.basename(path)}:{found.st_size}:{found.st_mtime_ns}")
    return "/".join(parts) or None


def read_sidecars(paths: Iterable[str], roots: Sequence[str] = ()) -> tuple[bytes, ...]:
    """Return the bytes of sidecars; one that cannot be read, or lies elsewhere, is left out."""
    packets = []
    for path in paths:
        try:
            data, found = read_with_stat(path, limit=SIDECAR)
        except OSError:
            continue
        if not roots or is_still_inside(path, found, roots):
            packets.append(data)
    return tuple(packets)
