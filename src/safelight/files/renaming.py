"""Rename a file without replacing another: the step that every safe move is made of.

``os.rename`` replaces what has come to be at its target, and ``os.link`` followed by ``os.unlink``
removes whatever has come to be at its source: between any two calls an editor may save.

References: ``renameat2(2)`` with RENAME_NOREPLACE (Linux), ``renamex_np(2)`` with RENAME_EXCL
(macOS); ``MoveFile`` never replaces (Windows).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_AT_FDCWD, _RENAME_NOREPLACE, _RENAME_EXCL = -100, 1, 4

# The file system, or the kernel, does not know the flag.
_UNKNOWN = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}

# The file system has no hard links.
_NO_LINKS = {errno.EPERM, errno.EACCES, errno.EMLINK, *_UNKNOWN}


def rename(path: str, to: str) -> None:
    """Rename a file; never replace one, and never remove what was not renamed.

    Raises
    ------
    FileExistsError
        Something is at `to`.
    OSError
        The file system refuses. With ``EXDEV``: `to` lies on another.
    """
    sys.audit("os.rename", path, to, -1, -1)
    if sys.platform == "win32":
        os.rename(path, to)
        return
    native = native_rename()
    number = errno.ENOSYS if native is None else native(os.fsencode(path), os.fsencode(to))
    if not number:
        return
    if number in _UNKNOWN:
        _rename_by_link(path, to)
        return
    raise OSError(number, os.strerror(number), path, None, to)


def spare_of(to: str) -> str:
    """Return the name that a file can be left with beside `to`, if the process is killed."""
    folder, name = os.path.split(to)
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return os.path.join(folder, f".safelight-{digest}.name")


@cache
def native_rename() -> Callable[[bytes, bytes], int] | None:
    """Return the system's own call, which returns an error number; None: it has none."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            call, flags = libc.renamex_np, _RENAME_EXCL
            call.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint)
        else:
            call, flags = libc.renameat2, _RENAME_NOREPLACE
            call.argtypes = (
                ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint,
            )  # fmt: skip
    except (OSError, AttributeError):
        return None

    def native(path: bytes, to: bytes) -> int:
        if sys.platform == "darwin":
            failed = call(path, to, flags)
        else:
            failed = call(_AT_FDCWD, path, _AT_FDCWD, to, flags)
        return ctypes.get_errno() if failed else 0

    return native


def _rename_by_link(path: str, to: str) -> None:
    """Rename where the system has no call for it (NFS, FUSE): a second name, then one fewer."""
    before = os.lstat(path)
    try:
        os.link(path, to, follow_symlinks=False)
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        _rename_onto_own(path, to)
        return
    spare = spare_of(to)
    if os.path.lexists(spare):
        _remove_link(to, before, f"{spare}.link")
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), spare)
    # An editor may have saved a new file under either name meanwhile, which must not lose it.
    os.rename(path, spare)
    found = os.lstat(spare)
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(found, os.lstat(to)):
            os.unlink(spare)
            return
    try:
        os.link(spare, path, follow_symlinks=False)
        os.unlink(spare)
    except OSError as exc:
        raise FileExistsError(errno.EEXIST, f"was replaced twice, see {spare}", path) from exc
    if os.path.samestat(found, before):
        raise FileExistsError(errno.EEXIST, "was replaced by another program", to)
    _remove_link(to, before, f"{spare}.link")
    raise OSError(errno.EBUSY, "was replaced by another program", path)


def _remove_link(name: str, stat: os.stat_result, spare: str) -> None:
    """Remove a name that was given to a file, unless another file has it now."""
    if os.path.lexists(spare):
        return
    with contextlib.suppress(OSError):
        os.rename(name, spare)
        found = os.lstat(spare)
        # Some file systems number names, not files: what nobody wrote to is as old as before.
        as_before = (found.st_size, found.st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
        if os.path.samestat(found, stat) or (as_before and found.st_nlink > 1):
            os.unlink(spare)
            return
        os.link(spare, name, follow_symlinks=False)
        os.unlink(spare)


def _rename_onto_own(path: str, to: str) -> None:
    """Rename where there are no links either (FAT): onto an empty file that is ours."""
    descriptor = os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    own = os.fstat(descriptor)
    os.close(descriptor)
    try:
        if os.lstat(to).st_size:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), to)
        os.rename(path, to)
    except BaseException:
        with contextlib.suppress(OSError):
            found = os.lstat(to)
            if os.path.samestat(found, own) and not found.st_size:
                os.unlink(to)
        raise
