"""Advice for writes that the system refuses: a full disk, a quota, a limit."""

from __future__ import annotations

import errno

# Nothing is wrong with any file; once there is room, the same will work.
_FOR_NOW = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EFBIG})


def described(exc: OSError) -> str:
    """Return the system's reason, with advice."""
    match exc.errno:
        case errno.ENOSPC:
            return "the disk is full; free some space and run the same command again"
        case errno.EDQUOT:
            return "your quota on that disk is used up; free some space and run it again"
        case errno.EMFILE | errno.ENFILE:
            return "too many files are open; close programs, or raise `ulimit -n`"
        case errno.EFBIG:
            return "files may not become that large here; see `ulimit -f`, or use another disk"
        case errno.EROFS:
            return "the disk is read-only"
    return exc.strerror or str(exc) or type(exc).__name__


def is_for_now(exc: OSError) -> bool:
    """Tell whether the system refuses for want of room, so that nothing is damaged."""
    return exc.errno in _FOR_NOW
