"""Read leases: proof that nobody has a file open for writing, and notice of anybody who tries.

Linux only (``fcntl(2)``, F_SETLEASE), for one's own files, and certain only on its own file
systems: on FUSE and network disks it knows nothing of what other machines have open, and where
there are no leases (macOS), nothing tells at all. What protects an edit there, see
:mod:`safelight.files.set_aside`:

- A file is renamed before it is looked at. Whoever saves afterwards, by its name, makes a new file.
- Its identity, size, times and bytes are those that are known after the rename, not before.
- Right before it is deleted, its bytes are read once more, through another open of it, since such
  file systems may answer from memory; and the time of its last change must be the same, ctime
  included, which no program can set back.

What is left is a program that has had the file open for writing all the time and writes after that
last look: it writes into a file without a name, as after any deletion. Windows refuses to rename or
delete a file that is open.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import tempfile
from functools import cache

# Beginnings of the names of file systems that others than this system's kernel write to.
_SHARED = (
    "fuse", "nfs", "cifs", "smb", "9p", "virtiofs", "ceph", "afs", "gfs2", "ocfs2", "lustre",
    "glusterfs", "beegfs", "vboxsf", "prl_fs", "davfs", "ncpfs", "drvfs",
)  # fmt: skip


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

    @property
    def is_certain(self) -> bool:
        """True if there is one, and nobody can have the file open without this system's notice."""
        return self._held and _is_local(os.fstat(self._descriptor).st_dev)

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


@cache
def _is_local(device: int) -> bool:
    """Tell whether only this system has the files of a device, by how it is mounted."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            kinds = [
                line.partition(" - ")[2].split(" ", 1)[0]
                for line in lines
                if line.split(" ", 3)[2] == number
            ]
    except (OSError, IndexError):
        return False
    return bool(kinds) and not any(kind.startswith(_SHARED) for kind in kinds)
