"""A read lease: nobody has a file open for writing, and nobody can open it so without notice.

Linux only (``fcntl(2)``, F_SETLEASE). Elsewhere, and on file systems without leases (FUSE, most of
NFS and SMB), nothing tells whether a file is open; Windows refuses to rename one that is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import tempfile


class OpenElsewhere(Exception):
    """Another program has the file open for writing."""


class Lease:
    """A lease on an open file; none where there are no leases.

    Parameters
    ----------
    descriptor : int
        Opened for reading only.

    Raises
    ------
    OpenElsewhere
        The file is open for writing.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._held = False
        if sys.platform != "linux":
            return
        try:
            self._held = _take(descriptor)
        except BlockingIOError as exc:
            # NFSv4 and SMB say the same of every file that the server has not handed over.
            folder = os.path.dirname(os.readlink(f"/proc/self/fd/{descriptor}"))
            if _are_known(folder):
                raise OpenElsewhere from exc

    def is_lost(self) -> bool:
        """Tell whether somebody has begun to open the file for writing since."""
        if not self._held or sys.platform != "linux":
            return False
        import fcntl

        return fcntl.fcntl(self._descriptor, fcntl.F_GETLEASE) != fcntl.F_RDLCK

    def release(self) -> None:
        """Give it up; who waits to open the file goes on."""
        if not self._held or sys.platform != "linux":
            return
        import fcntl

        self._held = False
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def _take(descriptor: int) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        # The default signal ends a process that does not expect it; this one is ignored.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as exc:
        if exc.errno == errno.EAGAIN:
            raise
        return False  # no leases here, or another user's file
    return True


def _are_known(folder: str) -> bool:
    """Tell whether files in a folder can be leased, by one that nobody else knows."""
    try:
        written, name = tempfile.mkstemp(dir=folder, prefix=".safelight-")
        try:
            own = os.open(name, os.O_RDONLY)
        finally:
            os.unlink(name)  # at once, so that hardly any kill leaves it there
            os.close(written)
        try:
            return _take(own)
        finally:
            os.close(own)
    except OSError:
        return False
