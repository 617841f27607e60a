"""Verify a file right before and right after an operation on it."""

from __future__ import annotations

import os
import stat as stat_module
from typing import TYPE_CHECKING

from safelight.errors import FileError
from safelight.files import SIDECAR, open_regular, read_bytes, sha256_of
from safelight.files.packages import package_of, recycle_bin_of
from safelight.files.set_aside import CannotChange, reason_of

if TYPE_CHECKING:
    from safelight.duplicates.plans.model import Sidecar


class Kept:
    """A file that is to stay where it is, as it is.

    Parameters
    ----------
    path, sha256 : str

    Raises
    ------
    CannotChange
        It has other bytes, or is gone.
    """

    def __init__(self, path: str, sha256: str) -> None:
        self.path, self.sha256 = path, sha256
        self._seen = verified(path, sha256)

    def check(self) -> None:
        """Raise CannotChange unless it still is there, by its name, with its bytes.

        It is opened, not only looked at: one folder seen under two names, through FUSE or by way of
        a NAS, may show a file that has just been moved by its other name, but not open it.
        """
        try:
            with open_regular(self.path) as file:
                file.read(1)
                found = os.fstat(file.fileno())
        except (OSError, FileError) as exc:
            raise CannotChange(f"stays, because the kept file {self.path} {_why(exc)}") from exc
        if _identity(found) != _identity(self._seen):
            try:
                self._seen = verified(self.path, self.sha256)
            except CannotChange as exc:
                raise CannotChange(f"stays, because the kept file {self.path} {exc}") from exc


def verified(path: str, sha256: str) -> os.stat_result:
    """Return the stat of a file, or of what a link leads to, that has these bytes.

    Raises
    ------
    CannotChange
        It has changed, or is not a file.
    """
    try:
        found = os.stat(path)
        if not stat_module.S_ISREG(found.st_mode):
            raise CannotChange("is no longer a file")
        if sha256_of(path) != sha256:
            raise CannotChange("has changed since the plan was made")
        after = os.stat(path)
        if _identity(found) != _identity(after):
            raise CannotChange("is being changed")
    except (OSError, FileError) as exc:
        raise CannotChange(_why(exc)) from exc
    return after


def check_sidecar(sidecar: Sidecar) -> None:
    """Raise CannotChange if a companion has other bytes than the plan knows."""
    try:
        verified(sidecar.path, sidecar.sha256)
    except CannotChange as exc:
        raise CannotChange(f"stays, because its {kind_of(sidecar.path)} {exc}") from exc


def kind_of(path: str) -> str:
    """Return a companion file's kind and path, for messages."""
    return f"{'sidecar' if path.lower().endswith('.xmp') else 'companion'} {path}"


def stat_of(path: str) -> os.stat_result:
    """Return the stat of a file, or raise CannotChange."""
    try:
        return os.stat(path)
    except OSError as exc:
        raise CannotChange(reason_of(exc)) from exc


def content_of(path: str) -> bytes | None:
    """Return the bytes of a small file, None if there is none; CannotChange if not to be read."""
    try:
        return read_bytes(path, limit=SIDECAR)
    except FileNotFoundError:
        return None
    except (OSError, FileError) as exc:
        raise CannotChange(_why(exc)) from exc


def require_movable(path: str) -> None:
    """Raise CannotChange if a file belongs to a program, or lies where things are deleted."""
    package = package_of(path)
    if package is not None:
        raise CannotChange(f"belongs to {package}, whose program would miss it; stays")
    folder = recycle_bin_of(path)
    if folder is not None:
        raise CannotChange(f"lies in {folder}; stays")


def require_keeper(path: str) -> None:
    """Raise CannotChange if a file lies where it may be deleted: it must not be the only one."""
    folder = recycle_bin_of(path)
    if folder is not None:
        raise CannotChange(f"lies in {folder}, where it may be deleted at any time")


def _identity(found: os.stat_result) -> tuple[int, ...]:
    # The time of the last change of anything, too: that of the content can be set.
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _why(exc: Exception) -> str:
    if isinstance(exc, FileError):
        return exc.reason
    return reason_of(exc)
