"""Move, replace and remove files without losing bytes at any moment.

Each of these may be killed at any point: :func:`settle` puts back what was taken out of its name.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from typing import TYPE_CHECKING, Any

from safelight.files.atomic import sync_folder
from safelight.files.refusals import described
from safelight.files.renaming import rename, spare_of
from safelight.files.set_aside import (
    CannotChange,
    SetAside,
    beside,
    is_unchanged,
    open_here,
    put_back,
    remove_name,
    require_content,
    require_file,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

_CHUNK = 1 << 20


def move(
    path: str, to: str, sha256: str, part: str, confirm: Callable[[], None] = lambda: None
) -> None:
    """Move a file to where nothing is yet, to another file system if need be.

    Parameters
    ----------
    part : str
        The name that what is unfinished has meanwhile, in the folders of both.
    confirm : callable
        Called when the file has left its name: raises CannotChange if it must go back.

    Raises
    ------
    CannotChange
        With the reason; the file is where it was.
    """
    if os.path.lexists(to):
        raise CannotChange(f"cannot be moved: {to} is taken by another file")
    try:
        require_file(path)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        try:
            with SetAside(path, to, sha256) as moved:
                confirm()
                moved.keep()
        except FileExistsError as exc:
            raise CannotChange(f"cannot be moved: {to} is taken by another file") from exc
        except OSError as exc:
            if exc.errno != errno.EXDEV:
                raise
            _move_across(path, to, sha256, part, confirm)
        sync_folder(os.path.dirname(to))
    except OSError as exc:
        raise CannotChange(f"cannot be moved to {to}: {described(exc)}") from exc


def _move_across(path: str, to: str, sha256: str, part: str, confirm: Callable[[], None]) -> None:
    copy = beside(to, f"{part}.copy")
    try:
        copied = copy_verified(path, copy, sha256)
        rename(copy, to)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(copy)
    original = None
    try:
        sync_folder(os.path.dirname(to))
        with SetAside(path, beside(path, part), sha256, alone=True) as original:
            confirm()
            original.drop()
    except BaseException:
        if original is None or not original.is_dropped:
            remove_name(to, copied, beside(to, f"{part}.new"))
        raise


def replace_by_link(
    path: str, keeper: str, sha256: str, part: str, confirm: Callable[[], None] = lambda: None
) -> None:
    """Replace a file by a hard link to another with the same bytes; parameters as of :func:`move`.

    Raises
    ------
    CannotChange
        With the reason; the file is as it was.
    """
    aside = beside(path, part)
    new = f"{aside}.new"
    try:
        require_file(path)
        if os.path.samefile(path, keeper):
            raise CannotChange("is a hard link to the kept file")
        os.link(os.path.realpath(keeper), new, follow_symlinks=False)
        with open_here(new) as link:
            found = require_content(link, new, sha256)
        confirm()
        with SetAside(path, aside, sha256, alone=True) as original:
            try:
                rename(new, path)
            except FileExistsError:
                # Who saved a new file has given up the former, whose bytes the keeper has.
                confirm()
                original.drop()
                raise CannotChange("was replaced by another program; it is left") from None
            try:
                # From now on who edits one of the two in place edits both, as is documented.
                if not is_unchanged(found, os.stat(keeper)):
                    raise CannotChange("stays, because the kept file is being changed")
                original.drop()
            except BaseException:
                if not original.is_dropped:
                    remove_name(path, found, f"{aside}.link")
                raise
    except OSError as exc:
        raise CannotChange(f"cannot become a hard link: {described(exc)}") from exc
    finally:
        with contextlib.suppress(OSError):
            os.unlink(new)


def replace_by_copy(path: str, sha256: str, part: str, *, mode: int, mtime_ns: int) -> None:
    """Replace one of several names of a file by a file of its own with the same bytes.

    Raises
    ------
    CannotChange
        With the reason; the file is as it was.
    """
    aside = beside(path, part)
    copy = f"{aside}.copy"
    try:
        copied = copy_verified(path, copy, sha256)
        os.chmod(copy, mode)
        os.utime(copy, ns=(mtime_ns, mtime_ns))
        replace(path, copy, copied, sha256, part)
    except OSError as exc:
        raise CannotChange(f"cannot become a file of its own: {described(exc)}") from exc
    finally:
        with contextlib.suppress(OSError):
            os.unlink(copy)


def replace(path: str, new: str, stat: os.stat_result, sha256: str, part: str) -> None:
    """Replace a file whose bytes are known by another one in its folder.

    Parameters
    ----------
    new : str
        Takes the name; `stat` is its own.

    Raises
    ------
    CannotChange
        It is not what it should be; it is as it was.
    OSError
        The file system refuses.
    """
    aside = beside(path, part)
    with SetAside(path, aside, sha256, alone=os.lstat(path).st_nlink == 1) as former:
        try:
            rename(new, path)
        except FileExistsError as exc:
            raise CannotChange("was replaced by another program") from exc
        try:
            former.drop()
        except BaseException:
            if not former.is_dropped:
                remove_name(path, stat, f"{aside}.new")
            raise


def write(
    path: str,
    data: bytes,
    sha256: str | None,
    part: str,
    *,
    mode: int | None = None,
    mtime_ns: int | None = None,
) -> None:
    """Write a small file: a new one, or over one whose bytes are known.

    Parameters
    ----------
    sha256 : str or None
        Of what is there; None: nothing is.
    mode : int or None
        Its rights; None: as usual for a new file.
    mtime_ns : int or None
        When it was last changed; None: now.

    Raises
    ------
    CannotChange
        Something else is there; it is as it was.
    OSError
        The file system refuses.
    """
    new = f"{beside(path, part)}.copy"
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        with open(new, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            stat = os.fstat(file.fileno())
        if mode is not None:
            os.chmod(new, mode)
        if mtime_ns is not None:
            os.utime(new, ns=(mtime_ns, mtime_ns))
        if sha256 is not None:
            replace(path, new, stat, sha256, part)
            return
        try:
            rename(new, path)
        except FileExistsError as exc:
            raise CannotChange("was made by another program") from exc
    finally:
        with contextlib.suppress(OSError):
            os.unlink(new)


def remove(path: str, sha256: str, part: str, kept: str | None = None) -> None:
    """Delete a file whose bytes are known.

    Parameters
    ----------
    kept : str, optional
        A file that must have the same bytes, still, once the other has left its name.

    Raises
    ------
    CannotChange, OSError
        As :func:`write`.
    """
    shared = os.lstat(path).st_nlink > 1
    with SetAside(path, beside(path, part), sha256, alone=not shared) as former:
        if kept is not None:
            with open_here(kept) as file:
                require_content(file, kept, sha256)
        former.drop()


def copy_verified(path: str, copy: str, sha256: str) -> os.stat_result:
    """Copy a file with its times and rights, read the copy again, and return its stat.

    Raises
    ------
    CannotChange
        The file or the copy is not what it should be.
    OSError
        The file system refuses.
    """
    with open_here(path) as source:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(copy)
        with open(copy, "xb") as target:
            before = os.fstat(source.fileno())
            shutil.copyfileobj(source, target, _CHUNK)
            target.flush()
            os.fsync(target.fileno())
        # Not by its name, which another file may have taken.
        opened: Any = path if os.name == "nt" else source.fileno()
        shutil.copystat(opened, copy)
        if hasattr(os, "chown") and os.geteuid() == 0:
            os.chown(copy, before.st_uid, before.st_gid)
    with open_here(copy) as target:
        return require_content(target, copy, sha256)


def settle(
    names: Sequence[str], part: str, kept: Sequence[str] = (), known: Collection[str] = ()
) -> None:
    """Put back what a killed process had taken out of these names, and clear what it left.

    A left file is deleted if one of `names` or `kept` has its bytes, or its sha256 is among
    `known`; else it gets its name again, or one beside it.
    """
    for name in names:
        aside = beside(name, part)
        with contextlib.suppress(OSError):
            os.unlink(f"{aside}.copy")  # never the only one
        spare = spare_of(name)
        for left in (aside, f"{aside}.new", f"{aside}.link", spare, f"{spare}.link"):
            if not os.path.lexists(left):
                continue
            if os.path.lexists(name) and _is_elsewhere(left, (*names, *kept), known):
                with contextlib.suppress(OSError):
                    os.unlink(left)
            else:
                put_back(left, name)


def _is_elsewhere(left: str, names: Sequence[str], known: Collection[str]) -> bool:
    with contextlib.suppress(OSError, CannotChange):
        with open_here(left) as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 in known:
            return True
        for name in names:
            with contextlib.suppress(OSError, CannotChange), open_here(name) as file:
                require_content(file, name, sha256)
                return True
    return False
