"""Entries of a source's listing, from the file system, without opening a file."""

from __future__ import annotations

import errno
import os
import stat as stat_module
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safelight.errors import FileError, SourceError
from safelight.files import LARGE_TEXT, read_text
from safelight.files.opening import kind_of
from safelight.types import FileStat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a source lists: a file to read, a text, or a failure.

    Attributes
    ----------
    path : str
        Absolute; of a text, FILE#ROW.
    source_path : str
        As the source names it: relative to a folder, absolute for a list.
    stat : FileStat or None
    metadata : mapping or None
        What the source says about it; None if it says nothing.
    text : str or None
        The text itself, of a text.
    code, reason : str or None
        Why it cannot be ingested.
    sidecars : tuple of str
        Paths of its XMP sidecars, the one that counts first.
    roots : tuple of str
        Real folders that it has to lie in still when it is read; anywhere if empty.
    """

    path: str
    source_path: str
    stat: FileStat | None = None
    metadata: Mapping[str, str] | None = field(default=None, hash=False)
    text: str | None = None
    code: str | None = None
    reason: str | None = None
    roots: tuple[str, ...] = ()
    sidecars: tuple[str, ...] = ()


def entry(
    path: str,
    source_path: str,
    *,
    metadata: Mapping[str, str] | None = None,
    roots: tuple[str, ...] = (),
    sidecars: tuple[str, ...] = (),
) -> Entry:
    """Look at one path, without opening it, and return the entry for it."""
    if printable(path) != path:
        return Entry(
            printable(path),
            printable(source_path),
            code="bad-name",
            reason="has a name that is not valid UTF-8; rename it",
        )
    try:
        found = os.stat(path)
    except OSError as exc:
        return failed(path, source_path, exc, metadata)
    except ValueError:  # a NUL in it
        return Entry(
            path, source_path, metadata=metadata, code="bad-name", reason="is not a possible path"
        )
    if not stat_module.S_ISREG(found.st_mode):
        return not_a_file(path, source_path, kind_of(found.st_mode))
    return Entry(path, source_path, FileStat.of(found), metadata, roots=roots, sidecars=sidecars)


def failed(
    path: str, source_path: str, error: OSError, metadata: Mapping[str, str] | None = None
) -> Entry:
    """Return the entry for a path that the file system refuses."""
    code, reason = explain(error)
    try:
        found: FileStat | None = FileStat.of(os.lstat(path))
    except (OSError, ValueError):
        found = None
    return Entry(printable(path), printable(source_path), found, metadata, code=code, reason=reason)


def explain(error: OSError) -> tuple[str, str]:
    """Return the failure code and the reason, in words, of an error of the file system."""
    if isinstance(error, FileError):
        aside = ", not a photo" if error.code == "not-a-file" else ""
        return error.code, error.reason + aside
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return "missing", "is not there"
        case errno.EACCES | errno.EPERM:
            return "permission", "may not be read by this user; change its permissions"
        case errno.ELOOP:
            return "symlink-loop", "is a link that leads back to itself"
        case errno.EISDIR:
            return "not-a-file", "is a folder, not a photo"
        case _:
            return "io", f"cannot be read: {error.strerror or error}"


def not_a_file(path: str, source_path: str, what: str) -> Entry:
    """Return the entry for a folder, device, ... under a photo's name."""
    return Entry(
        printable(path),
        printable(source_path),
        stat_of(path),
        code="not-a-file",
        reason=f"is {what}, not a photo",
    )


def outside(
    path: str, source_path: str, metadata: Mapping[str, str] | None = None, *, is_link: bool = True
) -> Entry:
    """Return the entry for what lies outside of the allowed folders, without details."""
    what = "is a link that leads" if is_link else "lies"
    return Entry(
        printable(path),
        printable(source_path),
        metadata=metadata,
        code="permission",
        reason=f"{what} outside of the folders that the server may read",
    )


def is_inside(path: str, roots: Sequence[str]) -> bool:
    """Tell whether a path, its links followed to their ends, lies in one of some real folders."""
    try:
        real = os.path.realpath(path)
    except (OSError, ValueError):  # a NUL in it; a loop of links on Windows
        return False
    return any(real == root or real.startswith(root.rstrip(os.sep) + os.sep) for root in roots)


def is_still_inside(path: str, found: os.stat_result, roots: Sequence[str]) -> bool:
    """Tell whether what was read at a path lies in one of some real folders, by its inode.

    A link may have taken the place of a folder between listing and reading.
    """
    try:
        real = os.path.realpath(path)
        there = os.stat(real, follow_symlinks=False)
    except (OSError, ValueError):
        return False
    is_same = (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino)
    return is_same and is_inside(real, roots)


def stat_of(path: str) -> FileStat | None:
    """Return the stat of what is at `path`, or None."""
    try:
        return FileStat.of(os.stat(path))
    except (OSError, ValueError):
        return None


def printable(path: str) -> str:
    """Return `path` with bytes that are not UTF-8 written as escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def lines(path: str) -> list[str]:
    """Return the lines of a text file.

    Raises
    ------
    SourceError
        It cannot be read.
    """
    try:
        # Bytes that are not UTF-8 survive as surrogates, and fail line by line, not as a whole.
        text = read_text(path, limit=LARGE_TEXT, errors="surrogateescape")
    except OSError as exc:
        raise SourceError(f"{path} cannot be read: {exc.strerror}.", source=path) from exc
    return text.splitlines()
