"""XMP sidecars beside the photos that a source lists: found, stamped, read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from safelight.files import SIDECAR, read_with_stat
from safelight.imaging.sidecar_names import SUFFIX, own_sidecars
from safelight.ingest.sources.entry import is_still_inside

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


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
            self._folders[folder] = _by_stem(_listed(folder, names))
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
    if not any(name.lower().endswith(SUFFIX) for name in names):
        return {}
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(os.path.splitext(name)[0].casefold(), []).append(name)
    return found


def stamp_of(paths: Iterable[str]) -> str | None:
    """Return a stamp that changes with the sidecars: names, sizes, times; None without any."""
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
