"""Files moved, copied and linked so that at no moment their bytes are nowhere.

Each of these may be killed at any point and called again: what is there already is recognised.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from typing import TYPE_CHECKING

from safelight.duplicates.contents import sha256_of

if TYPE_CHECKING:
    from safelight.duplicates.journal import Step


class CannotChange(Exception):
    """A file cannot be changed; the message is to follow its path."""


def move(path: str, to: str, sha256: str) -> None:
    """Move a file to where nothing is yet; over nothing, and to another file system if need be.

    Raises
    ------
    CannotChange
        With the reason; the file is where it was.
    """
    if not os.path.lexists(path):
        if os.path.lexists(to):
            return  # done, before the process was killed
        raise CannotChange("is gone")
    if os.path.lexists(to):
        _finish(path, to, sha256)
        return
    try:
        os.makedirs(os.path.dirname(to), exist_ok=True)
        _rename(path, to)
    except OSError as exc:
        if exc.errno == errno.EXDEV:
            _copy_over(path, to, sha256)
        else:
            raise CannotChange(f"cannot be moved to {to}: {exc.strerror}") from exc


def replace_by_link(path: str, keeper: str, step: Step) -> None:
    """Replace a file by a hard link to another with the same bytes.

    Raises
    ------
    CannotChange
        With the reason; the file is as it was.
    """
    part = _part(path, step.number)
    try:
        if not os.path.samefile(path, keeper):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)
            os.link(keeper, part)
            os.replace(part, path)
        # Two links of one file are not replaced by each other: both names stay.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
    except OSError as exc:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise CannotChange(f"cannot become a hard link: {exc.strerror}") from exc


def make_own(step: Step) -> None:
    """Turn a hard link into a file of its own again, with the time and rights it had.

    Raises
    ------
    CannotChange
        It has other bytes by now, or the file system refuses.
    """
    part = _part(step.path, step.number)
    try:
        if sha256_of(step.path) != step.sha256:
            raise CannotChange("has changed since it became a hard link; it is left as it is")
        if os.stat(step.path).st_nlink > 1:
            with open(step.path, "rb") as source, open(part, "wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
                target.flush()
                os.fsync(target.fileno())
            if sha256_of(part) != step.sha256:
                raise CannotChange("cannot be copied: the copy is not the same")
            os.chmod(part, step.mode)
            os.utime(part, ns=(step.mtime_ns, step.mtime_ns))
            os.replace(part, step.path)
        os.utime(step.path, ns=(step.mtime_ns, step.mtime_ns))
    except OSError as exc:
        raise CannotChange(f"cannot become a file of its own: {exc.strerror}") from exc
    finally:
        with contextlib.suppress(OSError):
            os.unlink(part)


def _finish(path: str, to: str, sha256: str) -> None:
    """Both names are there: a move that was killed half way, or somebody else's file."""
    try:
        same = os.path.samefile(path, to) or (sha256_of(to) == sha256 == sha256_of(path))
        if not same:
            raise CannotChange(f"cannot be moved: {to} is taken by another file")
        os.unlink(path)
    except OSError as exc:
        raise CannotChange(f"cannot be removed: {exc.strerror}") from exc


def _rename(path: str, to: str) -> None:
    # A rename would replace what came to be there this moment; a link never does.
    try:
        os.link(path, to, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError as exc:
        if exc.errno == errno.EXDEV:
            raise
        # File systems without hard links, and files of others.
        if os.path.lexists(to):
            raise FileExistsError(errno.EEXIST, "File exists") from exc
        os.rename(path, to)
        return
    try:
        os.unlink(path)
    except OSError:
        os.unlink(to)
        raise


def _copy_over(path: str, to: str, sha256: str) -> None:
    part = os.path.join(os.path.dirname(to), f".{os.path.basename(to)}.part")
    try:
        before = os.stat(path)
        with open(path, "rb") as source, open(part, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        shutil.copystat(path, part)
        if sha256_of(part) != sha256:
            raise CannotChange("cannot be copied to another disk: the copy is not the same")
        _rename(part, to)
        _sync_folder(os.path.dirname(to))
        after = os.stat(path)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            os.unlink(to)
            raise CannotChange("changed while it was copied")
        try:
            os.unlink(path)
        except OSError:
            os.unlink(to)
            raise
    except OSError as exc:
        raise CannotChange(f"cannot be moved to {to}: {exc.strerror}") from exc
    finally:
        with contextlib.suppress(OSError):
            os.unlink(part)


def _sync_folder(folder: str) -> None:
    with contextlib.suppress(OSError):  # not every system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _part(path: str, number: int) -> str:
    return os.path.join(os.path.dirname(path), f".safelight-{number}-{os.path.basename(path)}.part")
