"""Folders and files that safelight uses: the model cache, the library, the disks below."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from safelight.embedding.hub.client import cache_folder, is_offline
from safelight.errors import LibraryError
from safelight.library.check import check_pages, journal_mode
from safelight.library.damage import explain_database_error
from safelight.library.database import Database
from safelight.library.spaces import all_spaces

if TYPE_CHECKING:
    from collections.abc import Iterable

#: File systems on which other machines may write, and SQLite's locks and shared memory may not
#: work as on a disk. 9p is also how WSL reaches the disks of Windows.
NETWORK = frozenset(
    "nfs nfs4 cifs smb2 smb3 smbfs afpfs webdav davfs 9p afs ncpfs ceph glusterfs lustre "
    "fuse.sshfs fuse.rclone fuse.davfs2 fuse.glusterfs fuse.ceph fuse.s3fs".split()
)

_HUB_VARIABLES = (
    "HF_HOME",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_ENDPOINT",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_TOKEN",
)

_PASSWORD = re.compile(r"//[^/@]*@")


@dataclass(frozen=True, slots=True)
class Cache:
    """The folder that models are downloaded to.

    Attributes
    ----------
    path : Path
    models, bytes : int
        What it holds.
    writable : bool
        Whether it can be written, or made.
    disk_free : int or None
        Bytes; None if its drive is not there.
    """

    path: Path
    models: int
    bytes: int
    writable: bool
    disk_free: int | None


@dataclass(frozen=True, slots=True)
class Hub:
    """Permission to ask the model hub, and the variables that set it."""

    offline: bool
    variables: dict[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class SpaceState:
    """A space of the library: what people call it, what loads its model, how much it holds."""

    name: str
    model: str
    embeddings: int
    default: bool


@dataclass(frozen=True, slots=True)
class LibraryState:
    """The library file.

    Attributes
    ----------
    path : Path
    exists, writable : bool
        The latter also if it could be made.
    bytes : int
        With what is still in the log beside it.
    disk_free : int or None
        Bytes; None if its drive is not there.
    file_system : str or None
        What the system calls it, if it says so.
    network : bool
        Whether that is on another machine.
    journal_mode : str or None
        ``wal``, unless its file system cannot do that.
    spaces : tuple of SpaceState
    checked : bool
        Whether all of its pages were looked at.
    error : str or None
        Why it cannot be used.
    """

    path: Path
    exists: bool
    writable: bool
    bytes: int
    disk_free: int | None
    file_system: str | None
    network: bool
    journal_mode: str | None = None
    spaces: tuple[SpaceState, ...] = ()
    checked: bool = False
    error: str | None = None


def cache() -> Cache:
    """Return the state of the model cache."""
    path = cache_folder()
    folders = list(path.glob("models--*")) if path.is_dir() else []
    return Cache(
        path,
        len(folders),
        sum(_bytes(folder) for folder in folders),
        _can_write(path),
        _disk_free(path),
    )


def hub() -> Hub:
    """Return the environment's settings of the hub, without secrets."""
    values = {name: os.environ[name] for name in _HUB_VARIABLES if os.environ.get(name)}
    if "HF_TOKEN" in values:
        values["HF_TOKEN"] = "(set)"
    return Hub(is_offline(), {name: _PASSWORD.sub("//", value) for name, value in values.items()})


def library(path: Path, *, seconds: float = 0.0) -> LibraryState:
    """Return the state of the library, which is not made if it is not there.

    Parameters
    ----------
    path : Path
    seconds : float
        How long its pages may be looked at for damage; zero for not at all.
    """
    exists = os.path.exists(path)  # also False where it cannot be asked
    kind, remote = file_system(Path(os.path.realpath(path)), _mounts())
    known = (_disk_free(path), kind, remote)
    if not exists:
        return LibraryState(path, False, _can_write(path), 0, *known)
    log = path.with_name(f"{path.name}-wal")
    size = path.stat().st_size + (log.stat().st_size if log.exists() else 0)
    # SQLite writes files beside it too.
    writable = os.access(path, os.W_OK) and _can_write(path.parent)
    try:
        with Database(path, create=False) as opened:
            mode = journal_mode(opened)
            spaces = tuple(
                SpaceState(each.space.name, each.space.model, each.embeddings, each.default)
                for each in all_spaces(opened)
            )
            checked = seconds > 0 and check_pages(opened, seconds)
    except LibraryError as error:
        return LibraryState(path, True, writable, size, *known, error=str(error))
    except sqlite3.Error as error:
        return LibraryState(
            path, True, writable, size, *known, error=str(explain_database_error(path, error))
        )
    return LibraryState(path, True, writable, size, *known, mode, spaces, checked)


def file_system(path: PurePath, mounts: Iterable[tuple[str, str, bool]]) -> tuple[str | None, bool]:
    r"""Return the kind of the file system that a path lies on, and whether it is a network's.

    Parameters
    ----------
    path : PurePath
    mounts : iterable of (str, str, bool)
        Where a file system is mounted, its kind, and whether the system says that it is remote.

    Examples
    --------
    >>> from pathlib import PurePosixPath
    >>> mounts = [("/", "ext4", False), ("/mnt/nas", "nfs4", False)]
    >>> file_system(PurePosixPath("/mnt/nas/photos/library.db"), mounts)
    ('nfs4', True)
    >>> file_system(PurePosixPath("/mnt/nasty/library.db"), mounts)
    ('ext4', False)
    """
    if path.drive.startswith("\\\\"):  # a share of Windows, by its name
        return None, True
    found: tuple[str | None, bool] = (None, False)
    longest = -1
    for point, kind, remote in mounts:
        parts = len(type(path)(point).parts)
        # Of two at one place, the later hides the earlier.
        if parts >= longest and path.is_relative_to(point):
            longest, found = parts, (kind, remote or kind.lower() in NETWORK)
    return found


def _mounts() -> list[tuple[str, str, bool]]:
    import psutil

    return [
        (each.mountpoint, each.fstype, "remote" in each.opts.split(","))
        for each in psutil.disk_partitions(all=True)
    ]


def _bytes(folder: Path) -> int:
    """Return the size of a folder; files that several links lead to count once."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(parent, name))
            except OSError:
                continue  # gone meanwhile
            if not os.path.islink(os.path.join(parent, name)):
                total += found.st_size
    return total


def _existing(path: Path) -> Path | None:
    """Return `path`, or the nearest folder above that is there; of an absent drive nothing is."""
    return next((each for each in (path, *path.absolute().parents) if os.path.exists(each)), None)


def _can_write(path: Path) -> bool:
    there = _existing(path)
    return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _disk_free(path: Path) -> int | None:
    there = _existing(path)
    return None if there is None else shutil.disk_usage(there).free
