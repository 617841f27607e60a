"""Dry run of a plan: find missing rights, read-only disks and full ones before any change."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

from safelight.duplicates.plans.trash import trash_folder
from safelight.files.refusals import described
from safelight.files.set_aside import CannotChange

if TYPE_CHECKING:
    from safelight.duplicates.plans.model import Change, PlannedGroup


class Trial:
    """Space and names that a dry run of a plan has promised so far.

    Parameters
    ----------
    action : str
    """

    def __init__(self, action: str) -> None:
        self._action = action
        self._copied: dict[int, int] = {}  # bytes by disk
        self._writable: dict[str, OSError | None] = {}

    def require_possible(self, group: PlannedGroup, change: Change) -> None:
        """Raise CannotChange if a change would fail.

        What can only be found out by doing it (a file that another program holds open, a disk
        that breaks) is not.
        """
        self._require_folder(os.path.dirname(change.path))
        if self._action == "hardlink":
            self._require_one_disk(group.keeper, change.path)
            return
        moved = [(change.path, change.to)]
        moved += [(sidecar.path, sidecar.to) for sidecar in change.sidecars]
        for path, to in moved:
            if self._action == "trash":
                self._require_folder(_existing(trash_folder(path)))
                continue
            folder = _existing(os.path.dirname(to or ""))
            if os.path.lexists(to or ""):
                raise CannotChange(f"cannot be moved: {to} is taken by another file")
            self._require_folder(os.path.dirname(path))
            self._require_folder(folder)
            self._require_space(path, folder)

    def frees(self, change: Change) -> bool:
        """Tell whether a change frees its bytes at once: not what only moves on its disk."""
        if self._action == "hardlink":
            return True
        where = trash_folder(change.path) if change.to is None else os.path.dirname(change.to)
        return os.stat(_existing(where)).st_dev != os.lstat(change.path).st_dev

    def require_writable(self, folder: str, size: int) -> None:
        """Raise CannotChange if a file of so many bytes cannot be made in a folder."""
        self._require_folder(folder)
        self._require_room(folder, size)

    def _require_one_disk(self, keeper: str, path: str) -> None:
        if os.stat(keeper).st_dev != os.lstat(path).st_dev:
            raise CannotChange("lies on another file system than the kept file")

    def _require_folder(self, folder: str) -> None:
        if folder not in self._writable:
            self._writable[folder] = _refusal(folder)
        refusal = self._writable[folder]
        if refusal is not None:
            raise CannotChange(f"cannot be changed: {folder}: {described(refusal)}")

    def _require_space(self, path: str, folder: str) -> None:
        found = os.lstat(path)
        if os.stat(folder).st_dev != found.st_dev:
            self._require_room(folder, found.st_size)

    def _require_room(self, folder: str, size: int) -> None:
        disk = os.stat(folder).st_dev
        wanted = self._copied.get(disk, 0) + size
        if wanted > shutil.disk_usage(folder).free:
            full = described(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
            raise CannotChange(f"cannot be written into {folder}: {full}")
        self._copied[disk] = wanted


def _refusal(folder: str) -> OSError | None:
    """Return the system's refusal of a new file in a folder, if any."""
    if os.access(folder, os.W_OK | os.X_OK):
        return None
    try:
        os.stat(folder)
        read_only = hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY
    except OSError as exc:
        return exc
    number = errno.EROFS if read_only else errno.EACCES
    return OSError(number, os.strerror(number))


def _existing(folder: str) -> str:
    """Return the folder, or the nearest one above it that is there."""
    while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return folder
