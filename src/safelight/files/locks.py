"""A lock on an open file, which ends with the process that holds it."""

from __future__ import annotations

from typing import IO


def try_lock(file: IO[bytes], *, shared: bool = False) -> bool:
    """Lock a file if no other process has; where there are no locks, it counts as locked.

    Parameters
    ----------
    shared : bool
        Others may share it. Windows knows no such locks.
    """
    try:
        import fcntl
    except ImportError:
        return _try_on_windows(file)
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems have no locks
        return True
    return True


def has_locks(file: IO[bytes]) -> bool:
    """Tell whether the file system of a file knows locks; this process must hold one on it."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _try_on_windows(file: IO[bytes]) -> bool:
    import msvcrt

    # A byte far behind the end: what is locked cannot be read by others.
    position = file.tell()
    file.seek(1 << 40)
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return False
    finally:
        file.seek(position)
    return True
