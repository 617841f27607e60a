"""Damage to a library: errors that name bytes changed by a disk, a copy or a program.

SQLite notices much of it, but not a changed byte in a text or a number. Neither what it says nor a
value that cannot be what was stored is for people to see as a traceback.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any, TypeVar

from safelight.errors import LibraryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

#: What SQLite says about a damaged file, in the lowest byte of its codes.
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)

#: ... and of a disk or of other programs, which is not damage.
_OTHERS = {
    sqlite3.SQLITE_BUSY: "another program is writing to it. Try again",
    sqlite3.SQLITE_LOCKED: "another program is writing to it. Try again",
    sqlite3.SQLITE_IOERR: "its disk reports an error. Check the disk",
    sqlite3.SQLITE_FULL: "its disk is full. Free some space",
    sqlite3.SQLITE_READONLY: "it cannot be written. Change the permissions of the file",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened. Change the permissions of file and folder",
    sqlite3.SQLITE_NOMEM: "there is not enough memory. Close other programs",
}

_CODES = {
    sqlite3.SQLITE_BUSY: "library-busy",
    sqlite3.SQLITE_LOCKED: "library-busy",
    sqlite3.SQLITE_IOERR: "disk",
    sqlite3.SQLITE_FULL: "disk",
    sqlite3.SQLITE_READONLY: "library-read-only",
}

_WAYS_OUT = (
    "Look at it with `safelight doctor`. Restore it from a backup, or move it away and run "
    "`safelight ingest FOLDER`, which computes it again; your photos are not touched."
)

# What reading a changed value ends in.
_ODD_VALUES = (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError)


def damaged(path: Path, why: object) -> LibraryError:
    """Return the error for a damaged library, with the ways out."""
    reason = " ".join(str(why).split()).rstrip(".")
    return LibraryError(
        f"The library {path} is damaged: {reason}. {_WAYS_OUT}",
        code="damaged",
        path=str(path),
    )


def sqlite_code(error: BaseException) -> int:
    """Return the primary code of an error of SQLite; the general one if it has none.

    Python raises some itself, as of a text that is not UTF-8, and those have none.
    """
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def explain_database_error(path: Path, error: sqlite3.Error) -> LibraryError:
    """Return an error of SQLite in words for the user of a library."""
    code = sqlite_code(error)
    if code in _OTHERS:
        return LibraryError(
            f"The library {path} cannot be used: {_OTHERS[code]} ({error}).",
            code=_CODES.get(code),
            path=str(path),
        )
    if code == sqlite3.SQLITE_NOTADB:
        return LibraryError(
            f"{path} cannot be used as a library: it is damaged, or a file of another kind "
            f"({error}). Name another file. {_WAYS_OUT}",
            code="damaged",
            path=str(path),
        )
    return damaged(path, error)


def explain_odd_value(
    path: Path, connect: Callable[[], sqlite3.Connection], error: BaseException
) -> LibraryError | None:
    """Return the error for a value that cannot be what was stored, if the library is damaged.

    Parameters
    ----------
    connect : callable
        Returns a connection to look at the library with.
    """
    if not isinstance(error, _ODD_VALUES):
        return None
    with contextlib.suppress(sqlite3.Error, LibraryError):
        (found,) = connect().execute("PRAGMA quick_check(1)").fetchone()
        return None if found == "ok" else damaged(path, found)
    return damaged(path, error)


def stored_json(text: str) -> Any:
    """Return a value that the library keeps as JSON.

    Raises
    ------
    LibraryError
        It was damaged.
    """
    try:
        return json.loads(text)
    except (ValueError, TypeError) as error:
        raise LibraryError(
            f"The library is damaged: a value in it is not what was written ({error}). {_WAYS_OUT}",
            code="damaged",
        ) from error


class CheckedConnection(sqlite3.Connection):
    """A connection whose statements raise :class:`LibraryError` for a damaged file.

    What else SQLite raises is left as it is.
    """

    path: Path
    is_inherited = False  # from before a fork

    def cursor(self, factory: Any = None) -> Any:
        """Return a cursor of our own.

        Raises
        ------
        LibraryError
            The connection is that of the process that this one was forked from.
        """
        if self.is_inherited:
            raise LibraryError(
                f"This connection to {self.path} belongs to the process that this one was forked "
                "from. Use the library itself: it makes a connection of its own here.",
                code="forked",
                path=str(self.path),
            )
        return super().cursor(factory or CheckedCursor)

    def execute(self, *arguments: Any) -> Any:
        return self.cursor().execute(*arguments)

    def executemany(self, *arguments: Any) -> Any:
        return self.cursor().executemany(*arguments)


class CheckedCursor(sqlite3.Cursor):
    """A cursor that tells damage as that; see :class:`CheckedConnection`."""

    def execute(self, *arguments: Any) -> Any:
        return self._checked(super().execute, *arguments)

    def executemany(self, *arguments: Any) -> Any:
        return self._checked(super().executemany, *arguments)

    def fetchone(self) -> Any:
        return self._checked(super().fetchone)

    def fetchall(self) -> list[Any]:
        return self._checked(super().fetchall)

    def _checked(self, call: Callable[..., T], *arguments: Any) -> T:
        try:
            return call(*arguments)
        except sqlite3.DatabaseError as error:
            code = sqlite_code(error)
            if code not in _DAMAGE or not isinstance(self.connection, CheckedConnection):
                raise
            raise explain_database_error(self.connection.path, error) from error
