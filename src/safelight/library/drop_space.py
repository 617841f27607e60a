"""Drop a space: its vectors, the files derived from them, and the disk space of both."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from safelight.errors import SpaceError
from safelight.files.atomic import sweep
from safelight.library.database import BUSY_SECONDS
from safelight.library.schema import new_epoch
from safelight.library.spaces import all_spaces, coverage, space_key
from safelight.library.vector_index.flat import matrix_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from safelight.library.database import Database
    from safelight.library.spaces import Coverage

#: How long to wait for searches that still read the library as it was; without that, the file
#: becomes smaller later.
READER_SECONDS = 5.0


def check_drop(library: Database, fingerprint: str, *, force: bool = False) -> Coverage:
    """Return the coverage of a space that :func:`drop_space` may drop.

    Raises
    ------
    SpaceError
        The library has no such space, searches use it while there are others, or it is the only
        one and `force` is not given.
    """
    found = coverage(library, fingerprint)
    name = found.space.name
    (spaces,) = library.connection.execute("SELECT count(*) FROM spaces").fetchone()
    if spaces == 1 and not force:
        raise SpaceError(
            f"{name} is the only space of the library; without it nothing can be searched. "
            "Add another with `safelight ingest --model NEW` and use that first.",
            code="only-space",
            space=name,
            hint="force-drop",
        )
    if spaces > 1 and found.default:
        raise SpaceError(
            f"Searches use {name}. Let them use another with `safelight library use NAME` before "
            "you drop it.",
            code="default-space",
            space=name,
        )
    return found


def drop_space(
    library: Database,
    fingerprint: str,
    *,
    force: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> int:
    """Remove a space with all its vectors, and give their disk space back.

    Killed at any point, it leaves the space whole, or empty and still listed so that dropping it
    once more does the rest. Other spaces are never touched.

    Parameters
    ----------
    library : Database
    fingerprint : str
    force : bool
        Drop it even if it is the only one.
    tell : callable
        Given a sentence for the user if the disk space cannot be given back now.

    Returns
    -------
    int
        Bytes by which the library, and what is derived from it, became smaller.

    Raises
    ------
    SpaceError
        See :func:`check_drop`.
    """
    before = _bytes_on_disk(library)
    with library.transaction() as connection:
        check_drop(library, fingerprint, force=force)
        key = space_key(connection, fingerprint)
        connection.execute("DELETE FROM embeddings WHERE space_pk = ?", (key,))
        connection.execute("UPDATE spaces SET epoch = ? WHERE pk = ?", (new_epoch(), key))
    _remove_derived(library, fingerprint)
    _give_back(library.connection, tell)
    with library.transaction() as connection:
        # Another command may have made it the default meanwhile; then it stays, empty.
        check_drop(library, fingerprint, force=force)
        connection.execute("DELETE FROM spaces WHERE fingerprint = ?", (fingerprint,))
    return max(0, before - _bytes_on_disk(library))


def _remove_derived(library: Database, fingerprint: str) -> None:
    """Remove the files of a space, and those of none, which a killed process left behind."""
    kept = {
        matrix_path(library, each.space.fingerprint).stem
        for each in all_spaces(library)
        if each.space.fingerprint != fingerprint
    }
    sweep(matrix_path(library, "").parent)
    for file in _derived(library):
        if file.name.partition(".")[0] not in kept:
            with contextlib.suppress(OSError):  # on Windows, one that a search has open
                file.unlink()


def _give_back(connection: sqlite3.Connection, tell: Callable[[str], None]) -> None:
    try:
        connection.execute("VACUUM")
        connection.execute(f"PRAGMA busy_timeout = {READER_SECONDS * 1000:.0f}")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as exc:  # the disk is full, or another program keeps writing
        tell(
            f"The library file keeps its size ({exc}). What is ingested next fills the room that "
            "became free in it."
        )
        return
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
    if busy:
        tell("The library file becomes smaller once no other program uses it.")


def _bytes_on_disk(library: Database) -> int:
    log = library.path.with_name(library.path.name + "-wal")
    total = 0
    for file in (library.path, log, *_derived(library)):
        with contextlib.suppress(OSError):
            total += file.stat().st_size
    return total


def _derived(library: Database) -> list[Path]:
    folder = matrix_path(library, "").parent
    endings = ("matrix", "clusters", "clustering")
    return [file for ending in endings for file in folder.glob(f"*.{ending}")]
