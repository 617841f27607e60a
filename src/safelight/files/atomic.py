"""The one atomic write: a path holds all of the new bytes, or what it held before.

The bytes go into a file of the same folder first, which then takes the name. While it is being
written this process holds a lock on it, so what a killed process left is known by having none: the
next write of the same path removes it, and :func:`sweep` removes all in a folder.

References: ``rename(2)`` and ``fsync(2)``; a folder's names are on the disk only once the folder
itself is synced. Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import stat as stat_module
import time
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

from safelight.files.locks import has_locks, try_lock
from safelight.files.opening import kind_of
from safelight.files.renaming import rename

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How files end that are being written.
PART = ".part"

# Where there are no locks, a file that nobody has written to for so many seconds is left over.
_STALE = 3600.0

_OURS = re.compile(r"\.safelight-[0-9a-f]{16}(-[0-9a-f]{16})?\.part")

# Of versions before this one, which held no locks.
_EARLIER = re.compile(r"(\.[0-9a-f]{16}|\.\d+-[0-9a-f]{32}|[0-9a-f]+\.[0-9a-f]{32})\.part")

# Names are made again so often if others keep taking them.
_TRIES = 20


def write_safely(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file whole or not at all; parameters and errors as of :func:`replacing`."""
    with replacing(path, durable=durable) as file:
        file.write(data)


def write_new(path: Path, data: bytes, *, is_private: bool = False) -> None:
    """Write a file that is not there yet, whole or not at all, and on the disk on return.

    Parameters
    ----------
    is_private : bool
        Let only this user read it (mode 0600), from before its first byte on.

    Raises
    ------
    FileExistsError
        Something is there, also what came meanwhile.
    OSError
        The file system refuses.
    """
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, "is there already", str(path))
    with _part_of(path) as (file, part):
        if is_private:
            os.chmod(part, 0o600)
        file.write(data)
        _finish(file, durable=True)
        rename(str(part), str(path))
    sync_folder(path.parent)


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of the one at `path` when the block ends without an error.

    Parameters
    ----------
    path : Path
        Its folder is made if it is not there. A link goes on leading where it leads, and a file
        that is there hands its mode on.
    durable : bool
        Have it on the disk when the block is left, so that not even a power cut leaves half of
        it. Not needed for a cache.

    Raises
    ------
    OSError
        The file system refuses, or something else than a file is there. What was there is as it
        was.
    """
    path = Path(os.path.realpath(path))
    with _part_of(path) as (file, part):
        yield file
        _finish(file, durable=durable)
        _hand_on_mode(path, part)
        os.replace(part, path)
    if durable:
        sync_folder(path.parent)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Make a folder that gets its name when the block ends, unless something is there by then.

    What a killed process had begun of the same one is removed. A block that removes the folder
    leaves none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(_part_name(path.name))
    lock = part.with_name(f"{part.name[: -len(PART)]}.lock")
    with open(lock, "ab") as file:
        if not (try_lock(file) and _is_still(file, lock)):  # another process makes the same one
            part = path.with_name(_part_name(path.name, unique=True))
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            yield part
            if part.exists():
                part.rename(path)
                sync_folder(path.parent)
        finally:
            shutil.rmtree(part, ignore_errors=True)
            with contextlib.suppress(OSError):
                lock.unlink()


def sweep(folder: Path) -> None:
    """Remove what killed processes left half written in a folder of ours."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_part(entry.name):
                _remove_if_stale(Path(entry.path))
            elif _EARLIER.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat().st_mtime > _STALE:
                        os.unlink(entry.path)


def is_part(name: str) -> bool:
    """Tell whether a file of this name is one that was never written to its end."""
    return _OURS.fullmatch(name) is not None


def sync_folder(folder: str | Path) -> None:
    """Have a folder's names on the disk, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _part_of(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Open the file that is to get a name; an error in the block removes it."""
    _refuse_other_kinds(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file, part = _open_part(path)
    with file:
        try:
            yield file, part
        except BaseException:
            # While it is locked: later, another process may have a file of this name.
            if os.name == "nt":  # which removes no open file
                file.close()
            with contextlib.suppress(OSError):
                part.unlink()
            raise


def _open_part(path: Path) -> tuple[IO[bytes], Path]:
    # Always the same name, so that what a killed process left is in the way of the next one. Of
    # this machine: others on the same network disk may not see our locks.
    part = path.with_name(_part_name(path.name))
    for attempt in range(_TRIES):
        if attempt > 1:  # somebody writes the same file now, or there are no locks
            part = path.with_name(_part_name(path.name, unique=True))
        try:
            file = open(part, "xb")  # noqa: SIM115 - the caller closes it
        except FileExistsError:
            if not _remove_if_stale(part):
                part = path.with_name(_part_name(path.name, unique=True))
            continue
        if try_lock(file) and _is_still(file, part):
            return file, part
        file.close()  # another process took it for left over before it was locked
    raise FileExistsError(errno.EEXIST, "others keep writing it", str(path))


def _remove_if_stale(part: Path) -> bool:
    """Remove a file that no living process is writing; tell whether it is gone."""
    try:
        found = os.lstat(part)
        if not stat_module.S_ISREG(found.st_mode):
            return False
        with open(part, "r+b") as file:
            if not try_lock(file) or not _is_still(file, part):
                return False
            # Windows renames no open file, so there it is closed, and not locked, just before.
            certain = os.name != "nt" and has_locks(file)
            if not certain and time.time() - found.st_mtime < _STALE:
                return False
            if certain:
                part.unlink()
                return True
        part.unlink()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _is_still(file: IO[bytes], part: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(file.fileno()), os.lstat(part))
    return False


def _part_name(name: str, *, unique: bool = False) -> str:
    # Not the name itself with something added, which may become too long.
    digest = hashlib.sha256(os.fsencode(name) + b"\0" + _machine()).hexdigest()[:16]
    return f".safelight-{digest}{f'-{secrets.token_hex(8)}' if unique else ''}{PART}"


@cache
def _machine() -> bytes:
    return socket.gethostname().encode("utf-8", "surrogateescape")


def _refuse_other_kinds(path: Path) -> None:
    # A rename would put a plain file in place of a device: as root, of /dev/null.
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        mode = os.lstat(path).st_mode
        if not stat_module.S_ISREG(mode):
            raise OSError(errno.EINVAL, f"it is {kind_of(mode)}", str(path))


def _hand_on_mode(path: Path, part: Path) -> None:
    with contextlib.suppress(OSError):
        found = os.lstat(path)
        os.chmod(part, stat_module.S_IMODE(found.st_mode))
        if hasattr(os, "chown") and os.geteuid() == 0:
            os.chown(part, found.st_uid, found.st_gid)


def _finish(file: IO[bytes], *, durable: bool) -> None:
    file.flush()
    if durable:
        os.fsync(file.fileno())
    if os.name == "nt":  # which renames no open file
        file.close()
