"""A file, looked at right before it is touched: whether it still is what the plan knows."""

from __future__ import annotations

import os
import stat as stat_module
from typing import TYPE_CHECKING

from safelight.duplicates.contents import sha256_of
from safelight.duplicates.moving import CannotChange
from safelight.files import SIDECAR, read_bytes

if TYPE_CHECKING:
    from safelight.duplicates.plan import Sidecar


def verified(path: str, sha256: str) -> os.stat_result:
    """Return the stat of a file that has these bytes.

    Raises
    ------
    CannotChange
        It has not, or is no file.
    """
    try:
        found = os.stat(path)
        if not stat_module.S_ISREG(found.st_mode):
            raise CannotChange("is no file any more")
        if sha256_of(path) != sha256:
            raise CannotChange("has changed since the plan was made")
        if not is_unchanged(found, os.stat(path)):
            raise CannotChange("is being changed")
    except OSError as exc:
        raise CannotChange(reason_of(exc)) from exc
    return found


def check_sidecar(sidecar: Sidecar) -> None:
    """Raise CannotChange if a sidecar has other bytes than the plan knows."""
    if sha256_of(sidecar.path) != sidecar.sha256:
        raise CannotChange(f"stays, because its sidecar {sidecar.path} has changed since the plan")


def is_unchanged(a: os.stat_result, b: os.stat_result) -> bool:
    """Tell whether two looks at a path saw the same file, unchanged."""
    return (a.st_dev, a.st_ino, a.st_size, a.st_mtime_ns) == (
        b.st_dev,
        b.st_ino,
        b.st_size,
        b.st_mtime_ns,
    )


def stat_of(path: str) -> os.stat_result:
    """Return what the file system says of a file; CannotChange if it cannot be asked."""
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
    except OSError as exc:
        raise CannotChange(f"cannot be read: {exc.strerror}") from exc


def reason_of(exc: Exception) -> str:
    """Return why a file cannot be changed, in words that follow its name."""
    if isinstance(exc, FileNotFoundError):
        return "is gone"
    if isinstance(exc, OSError):
        return f"cannot be read: {exc.strerror}"
    return str(exc)
