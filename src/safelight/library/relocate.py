"""Relocate files: move their rows, decisions and sources to another path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.library.among import among
from safelight.library.files import EXCLUDED, MISSING, PRESENT, beginning

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterable, Sequence

    from safelight.library.database import Database
    from safelight.types import FileStat


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


@dataclass(frozen=True, slots=True)
class FileAt:
    """A known file, as a move of its folder needs it.

    ``item_id`` is None where nothing is known about its content.
    """

    key: int
    namespace_key: int
    path: str
    source_path: str
    item_id: str | None
    is_text: bool
    size: int | None
    mtime_ns: int | None


def relocate(
    library: Database,
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
    at_new, paths = among("f.path", new_paths)
    rows = library.connection.execute(
        "SELECT o.pk, o.path, f.pk, f.path FROM files f "
        "JOIN namespaces n ON n.pk = f.namespace_pk AND n.name = ? "
        "JOIN items i ON i.pk = f.item_pk AND i.kind = 'photo' "
        "JOIN files o ON o.item_pk = f.item_pk AND o.namespace_pk = f.namespace_pk "
        f"AND o.pk != f.pk AND o.gone != ? WHERE {at_new} ORDER BY o.path, f.path",
        (namespace, EXCLUDED, paths),
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
    library: Database, namespace: str, folder: str, target: str, moved: Sequence[int]
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


def files_below(library: Database, namespace: str, folder: str) -> int:
    """Return how many files of a folder are known, and not missing or excluded."""
    condition, values = beginning("path", folder.rstrip(os.sep) + os.sep)
    (count,) = library.connection.execute(
        f"SELECT count(*) FROM files WHERE gone = ? AND {condition} AND namespace_pk = "
        "(SELECT pk FROM namespaces WHERE name = ?)",
        (PRESENT, *values, namespace),
    ).fetchone()
    return int(count)


def files_at(library: Database, path: str, namespace: str | None = None) -> list[FileAt]:
    """Return the known files at a path: the file, its rows of text, or all in the folder."""
    condition, values = beginning("f.path", path.rstrip(os.sep) + os.sep)
    text, more = beginning("f.path", f"{path}#")
    rows = library.connection.execute(
        "SELECT f.pk, f.namespace_pk, f.path, f.source_path, i.id, coalesce(i.kind = 'text', 0), "
        "f.size, f.mtime_ns FROM files f JOIN namespaces n ON n.pk = f.namespace_pk "
        f"LEFT JOIN items i ON i.pk = f.item_pk WHERE (f.path = ? OR {condition} "
        f"OR ({text} AND i.kind = 'text')) AND (? IS NULL OR n.name = ?) ORDER BY f.path",
        (path, *values, *more, namespace, namespace),
    )
    return [
        FileAt(key, namespace_key, at, source_path, item_id, bool(is_text), size, mtime_ns)
        for key, namespace_key, at, source_path, item_id, is_text, size, mtime_ns in rows
    ]


def move_file(
    connection: sqlite3.Connection, file: FileAt, before: str, after: str, found: FileStat
) -> None:
    """Let a file be at its new path, whose stat was found; a row that is there takes its place.

    Parameters
    ----------
    before, after : str
        The folder, or the file, that was moved.
    """
    path = after + file.path[len(before) :]
    there = connection.execute(
        "SELECT pk FROM files WHERE namespace_pk = ? AND path = ?", (file.namespace_key, path)
    ).fetchone()
    if there is not None:
        _carry_over(connection, file.key, there[0])
        _drop(connection, [file.key])
        return
    source_path = file.source_path
    if source_path == file.path:
        source_path = path
    connection.execute(
        "UPDATE files SET path = ?, source_path = ?, size = ?, mtime_ns = ?, ctime_ns = ?, "
        "inode = ?, gone = CASE gone WHEN ? THEN gone ELSE ? END WHERE pk = ?",
        (
            path,
            source_path,
            found.size,
            found.mtime_ns,
            found.ctime_ns,
            found.inode,
            EXCLUDED,
            PRESENT,
            file.key,
        ),
    )


def miss_files(connection: sqlite3.Connection, files: Iterable[FileAt]) -> None:
    """Call files missing that are not at their new path."""
    connection.executemany(
        "UPDATE files SET gone = ? WHERE pk = ?", ((MISSING, file.key) for file in files)
    )


def drop_files(library: Database, keys: Sequence[int]) -> None:
    """Forget paths whose content is known at others."""
    if keys:
        with library.transaction() as connection:
            _drop(connection, keys)


def _drop(connection: sqlite3.Connection, keys: Sequence[int]) -> None:
    connection.executemany("DELETE FROM files WHERE pk = ?", ((key,) for key in keys))


def _carry_over(connection: sqlite3.Connection, old: int, new: int) -> None:
    """Give the new path what sources said about the old one, unless they say something of it."""
    connection.execute(
        "INSERT INTO metadata (file_pk, key, value) SELECT ?, key, value FROM metadata "
        "WHERE file_pk = ? AND NOT EXISTS (SELECT 1 FROM metadata WHERE file_pk = ?)",
        (new, old, new),
    )
