"""Checks of the library file: damage, journal mode, and writes by others."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

from safelight.library.damage import damaged, sqlite_code

if TYPE_CHECKING:
    from safelight.library.database import Database


def check_pages(library: Database, seconds: float) -> bool:
    """Check the library's pages for damage; return False if there was not time for all of them.

    Raises
    ------
    LibraryError
        It is damaged.
    """
    connection = library.connection
    end = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > end, 10_000)
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if sqlite_code(error) == sqlite3.SQLITE_INTERRUPT:
            return False
        raise
    finally:
        connection.set_progress_handler(None, 0)
    if found != "ok":
        raise damaged(library.path, found)
    return True


def journal_mode(library: Database) -> str | None:
    """Return ``wal``, unless the file system cannot do that; None of a file that is only read."""
    (mode,) = library.connection.execute("PRAGMA journal_mode").fetchone()
    return None if library.is_read_only else str(mode)  # of a file in use elsewhere, perhaps


def data_version(connection: sqlite3.Connection) -> int:
    """Return a number that changes when another connection has written."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)
