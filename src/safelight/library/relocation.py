"""Files that are at another path now: their rows, what was said of them, and their sources."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.library.files import EXCLUDED, MISSING, PRESENT, beginning

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Sequence

    from safelight.library.store import Library


@dataclass(frozen=True, slots=True)
class Relocated:
    """A file that was moved.

    Attributes
    ----------
    old_key : int
    old_path, new_path : str
    """

    old_key: int
    old_path: str
    new_path: str


def relocate(
    library: Library,
    namespace: str,
    new_paths: Collection[str],
    has_left: Callable[[str, str], bool],
) -> list[Relocated]:
    """Call files missing whose content is at one of these paths, and carry over what was said.

    Parameters
    ----------
    new_paths : collection of str
    has_left : callable
        Given an old and a new path, tells whether the file is no longer at the old one.
    """
    rows = library.connection.execute(
        "SELECT o.pk, o.path, f.pk, f.path FROM json_each(?) j "
        "JOIN files f ON f.path = j.value "
        "JOIN namespaces n ON n.pk = f.namespace_pk AND n.name = ? "
        "JOIN items i ON i.pk = f.item_pk AND i.kind = 'photo' "
        "JOIN files o ON o.item_pk = f.item_pk AND o.namespace_pk = f.namespace_pk "
        "AND o.pk != f.pk AND o.gone != ? ORDER BY o.path, f.path",
        (json.dumps(list(new_paths)), namespace, EXCLUDED),
    ).fetchall()
    found: dict[int, tuple[Relocated, int]] = {}
    for old_key, old_path, new_key, new_path in rows:
        same_name = os.path.basename(old_path) == os.path.basename(new_path)
        if (old_key not in found or same_name) and has_left(old_path, new_path):
            found[old_key] = Relocated(old_key, old_path, new_path), new_key
    if found:
        with library.transaction() as connection:
            for old_key, (_, new_key) in found.items():
                _carry_over(connection, old_key, new_key)
                connection.execute("UPDATE files SET gone = ? WHERE pk = ?", (MISSING, old_key))
    return [each for each, _ in found.values()]


def follow_source(
    library: Library, namespace: str, folder: str, target: str, moved: Sequence[int]
) -> int:
    """Let a source follow its folder; return how many of its other files are missing now.

    Parameters
    ----------
    folder, target : str
        Where the source's folder was, and where it is.
    moved : sequence of int
        Keys of its files that were moved.
    """
    condition, values = beginning("path", folder.rstrip(os.sep) + os.sep)
    with library.transaction() as connection:
        _drop(connection, moved)
        rest = connection.execute(
            f"UPDATE files SET gone = ? WHERE gone = ? AND {condition} AND namespace_pk = "
            "(SELECT pk FROM namespaces WHERE name = ?)",
            (MISSING, PRESENT, *values, namespace),
        ).rowcount
        rename_spec(connection, namespace, f"images:{folder}", f"images:{target}")
    return rest


def rename_spec(connection: sqlite3.Connection, namespace: str, old: str, new: str) -> None:
    """Give a source another specification; where another has it, that one stays."""
    where = "WHERE spec = ? AND namespace_pk = (SELECT pk FROM namespaces WHERE name = ?)"
    if connection.execute(f"SELECT 1 FROM sources {where}", (new, namespace)).fetchone():
        connection.execute(f"DELETE FROM sources {where}", (old, namespace))
    else:
        connection.execute(f"UPDATE sources SET spec = ? {where}", (new, old, namespace))


def files_below(library: Library, namespace: str, folder: str) -> int:
    """Return how many files of a folder are known, and not missing or excluded."""
    condition, values = beginning("path", folder.rstrip(os.sep) + os.sep)
    (count,) = library.connection.execute(
        f"SELECT count(*) FROM files WHERE gone = ? AND {condition} AND namespace_pk = "
        "(SELECT pk FROM namespaces WHERE name = ?)",
        (PRESENT, *values, namespace),
    ).fetchone()
    return int(count)


def drop_files(library: Library, keys: Sequence[int]) -> None:
    """Forget paths whose content is known at others."""
    if keys:
        with library.transaction() as connection:
            _drop(connection, keys)


def _drop(connection: sqlite3.Connection, keys: Sequence[int]) -> None:
    connection.executemany("DELETE FROM files WHERE pk = ?", ((key,) for key in keys))


def _carry_over(connection: sqlite3.Connection, old: int, new: int) -> None:
    """Give the new path what sources said of the old one, unless they say something of it."""
    connection.execute(
        "INSERT INTO metadata (file_pk, key, value) SELECT ?, key, value FROM metadata "
        "WHERE file_pk = ? AND NOT EXISTS (SELECT 1 FROM metadata WHERE file_pk = ?)",
        (new, old, new),
    )
