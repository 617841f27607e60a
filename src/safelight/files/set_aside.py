"""Set a file aside under a private name, and verify it only then.

A program that saves meanwhile makes a new file under the old name, which is never touched. What is
not what it should be goes back. A file to delete must in addition not be open for writing.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat as stat_module
from typing import TYPE_CHECKING

from safelight.files.leases import Lease, OpenElsewhere
from safelight.files.refusals import described
from safelight.files.renaming import rename

if TYPE_CHECKING:
    from types import TracebackType


class CannotChange(Exception):
    """A file cannot be changed; the message is to follow its path."""


class SetAside:
    """A file taken out of its name, and verified; it goes back unless it is kept or dropped.

    Parameters
    ----------
    path, aside : str
        Where it is, and where it goes: on the same file system.
    sha256 : str
        Of its bytes.
    alone : bool
        Also that nobody has it open for writing, as far as the system tells.

    Raises
    ------
    CannotChange
        It is gone, or not what it should be; it is where it was.
    OSError
        The file system refuses.
    """

    def __init__(self, path: str, aside: str, sha256: str, *, alone: bool = False) -> None:
        self.path, self.aside, self.sha256 = path, aside, sha256
        self._file: io.FileIO | None = None
        self._lease: Lease | None = None
        self._settled = False
        self.is_dropped = False
        require_file(path)
        rename(path, aside)
        try:
            self.stat = self._verify(alone)
        except (CannotChange, OSError) as exc:
            at, why = self.put_back(), reason_of(exc)
            raise CannotChange(why if at == path else f"{why}; it is now {at}") from exc
        except BaseException:
            self.put_back()
            raise

    def keep(self) -> None:
        """Leave it where it is now."""
        self._settled = True

    def drop(self) -> None:
        """Delete it: its bytes are elsewhere.

        Raises
        ------
        CannotChange
            It has changed after all; it is where it was.
        """
        assert self._file is not None
        is_same = is_unchanged(self.stat, os.fstat(self._file.fileno()))
        if not is_same or not is_unchanged(self.stat, os.lstat(self.aside)):
            raise CannotChange("is being changed")
        if self.stat.st_ctime_ns != os.fstat(self._file.fileno()).st_ctime_ns:
            raise CannotChange("is being changed")
        if self._lease is not None and self._lease.is_lost():
            raise CannotChange("is open in another program")
        if self._lease is not None and not self._lease.is_certain:
            self.look_again()
        if os.name == "nt":  # which deletes neither open files nor read-only ones
            self._file.close()
            os.chmod(self.aside, stat_module.S_IWRITE)
        # Before, so that Ctrl-C at the wrong moment leaves two copies, not none.
        self.is_dropped = True
        try:
            os.unlink(self.aside)
        except OSError:
            self.is_dropped = False
            raise
        self._settled = True

    def look_again(self) -> None:
        """Read it once more, through another open: network disks may answer from memory."""
        with open_here(self.aside) as file:
            found = require_content(file, self.aside, self.sha256)
        if not is_unchanged(self.stat, found) or self.stat.st_ctime_ns != found.st_ctime_ns:
            raise CannotChange("is being changed")

    def put_back(self) -> str:
        """Give it its name again, and return where it is: beside it, if the name is taken."""
        self._close()
        self._settled = True
        return put_back(self.aside, self.path)

    def __enter__(self) -> SetAside:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()
        if self._settled:
            return
        at = self.put_back()
        if at != self.path and isinstance(exc, CannotChange):
            raise CannotChange(f"{exc}; it is now {at}") from exc

    def _verify(self, alone: bool) -> os.stat_result:
        self._file = open_here(self.aside)
        if alone:
            try:
                self._lease = Lease(self._file.fileno())
            except OpenElsewhere as exc:
                raise CannotChange("is open in another program") from exc
        return require_content(self._file, self.aside, self.sha256)

    def _close(self) -> None:
        if self._lease is not None:
            self._lease.release()
        if self._file is not None:
            self._file.close()


def remove_name(path: str, stat: os.stat_result, spare: str) -> None:
    """Remove a name of a file that has others, unless another file has taken the name."""
    with contextlib.suppress(OSError):
        rename(path, spare)
        if os.path.samestat(os.lstat(spare), stat):
            os.unlink(spare)
        else:
            put_back(spare, path)


def put_back(aside: str, path: str) -> str:
    """Give a file its name again, and return where it is: beside it, if the name is taken."""
    stem, suffix = os.path.splitext(path)
    for number in range(1, 1000):
        name = path if number == 1 else f"{stem} ({number}){suffix}"
        try:
            rename(aside, name)
        except FileExistsError:
            continue
        except OSError:
            break
        return name
    return aside


def require_file(path: str) -> os.stat_result:
    """Return the stat of a file that is one itself, not a link to one.

    Raises
    ------
    CannotChange
    """
    try:
        found = os.lstat(path)
    except OSError as exc:
        raise CannotChange(reason_of(exc)) from exc
    if stat_module.S_ISLNK(found.st_mode):
        raise CannotChange("is a link, not a file of its own")
    if not stat_module.S_ISREG(found.st_mode):
        raise CannotChange("is no longer a file")
    return found


def open_here(path: str) -> io.FileIO:
    """Open a file that is not a link, unbuffered, without waiting.

    Raises
    ------
    CannotChange
        It is a link, or no file.
    OSError
        It cannot be opened.
    """
    require_file(path)
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_BINARY"):
        flags |= getattr(os, name, 0)
    file = io.FileIO(os.open(path, flags), "rb")
    if not stat_module.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise CannotChange("is no longer a file")
    return file


def require_content(file: io.FileIO, path: str, sha256: str) -> os.stat_result:
    """Return the stat of an open file that has these bytes, and this name.

    Raises
    ------
    CannotChange
        It has not.
    """
    before = os.fstat(file.fileno())
    file.seek(0)
    if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
        raise CannotChange("has changed since the plan was made")
    after = os.fstat(file.fileno())
    if not is_unchanged(before, after) or not is_unchanged(after, os.lstat(path)):
        raise CannotChange("is being changed")
    return after


def is_unchanged(a: os.stat_result, b: os.stat_result) -> bool:
    """Tell whether two looks saw the same file, unchanged."""
    return (a.st_dev, a.st_ino, a.st_size, a.st_mtime_ns) == (
        b.st_dev,
        b.st_ino,
        b.st_size,
        b.st_mtime_ns,
    )


def beside(path: str, name: str) -> str:
    """Return the path of another name in a file's folder."""
    return os.path.join(os.path.dirname(path), name)


def reason_of(exc: Exception) -> str:
    """Return why a file cannot be changed, in words that follow its name."""
    if isinstance(exc, FileNotFoundError):
        return "is gone"
    if isinstance(exc, OSError):
        return f"cannot be read: {described(exc)}"
    return str(exc)
