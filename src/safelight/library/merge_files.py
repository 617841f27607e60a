"""Merge of file records: of two records of a path, keep the better one."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from safelight.library.among import among
from safelight.library.write import namespace_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from safelight.library.rows import FailureRow, FileRow

    #: A file, the key of its item, and why it failed.
    Told = tuple[FileRow, int | None, FailureRow | None]


def merge_files(
    connection: sqlite3.Connection, files: Sequence[Told], namespace: str | None = None
) -> list[tuple[int, FailureRow | None]]:
    """Add files with their items; return the keys of those that were added or replaced.

    Parameters
    ----------
    namespace : str, optional
        Where all of them go, whatever they say.
    """
    spaces: dict[str, int] = {}
    chosen: dict[tuple[int, str], Told] = {}
    for file, item, failure in files:
        name = namespace or file.namespace
        if name not in spaces:
            spaces[name] = namespace_key(connection, name)
        place = spaces[name], file.path
        if place not in chosen or _is_newer(file, item, *_known(chosen[place])):
            chosen[place] = file, item, failure
    there = _known_files(connection, chosen)
    (last,) = connection.execute("SELECT coalesce(max(pk), 0) FROM files").fetchone()
    new: list[tuple[Any, ...]] = []
    changed: list[tuple[Any, ...]] = []
    written: list[tuple[int, FileRow, FailureRow | None]] = []
    for place, (file, item, failure) in chosen.items():
        known = there.get(place)
        values = (
            file.source_path, item, file.size, file.mtime_ns, file.ctime_ns, file.inode,
            int(file.gone),
        )  # fmt: skip
        if known is None:
            last += 1
            new.append((last, *place, *values))
            written.append((last, file, failure))
        elif _is_newer(file, item, *known[1:], failure):
            changed.append((*values, known[0]))
            written.append((known[0], file, failure))
    connection.executemany(
        "INSERT INTO files (pk, namespace_pk, path, source_path, item_pk, size, mtime_ns, "
        "ctime_ns, inode, gone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        # By path: neighbours in the indexes, whose pages are then written once.
        sorted(new, key=itemgetter(1, 2)),
    )
    if changed:
        connection.executemany(
            "UPDATE files SET source_path = ?, item_pk = ?, size = ?, mtime_ns = ?, "
            "ctime_ns = ?, inode = ?, gone = ? WHERE pk = ?",
            changed,
        )
        for table in ("failures", "metadata"):
            connection.executemany(
                f"DELETE FROM {table} WHERE file_pk = ?", ((row[-1],) for row in changed)
            )
    connection.executemany(
        "INSERT INTO metadata (file_pk, key, value) VALUES (?, ?, ?)",
        ((key, name, value) for key, file, _ in written for name, value in file.metadata.items()),
    )
    return [(key, failure) for key, _, failure in written]


def _known(before: Told) -> tuple[int | None, int | None, bool]:
    file, item, failure = before
    return file.mtime_ns, item, failure is not None


def _known_files(
    connection: sqlite3.Connection, places: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], tuple[int, int | None, int | None, bool]]:
    """Return key, time, item and whether it failed, of files that are known."""
    found = {}
    by_namespace: dict[int, list[str]] = {}
    for namespace, path in places:
        by_namespace.setdefault(namespace, []).append(path)
    columns = (
        "SELECT pk, path, mtime_ns, item_pk, "
        "EXISTS (SELECT 1 FROM failures x WHERE x.file_pk = files.pk) FROM files "
        "WHERE namespace_pk = ? AND "
    )
    for namespace, paths in by_namespace.items():
        condition, value = among("path", paths)
        rows = connection.execute(columns + condition, (namespace, value))
        for pk, path, mtime_ns, item, failed in rows:
            found[namespace, path] = pk, mtime_ns, item, bool(failed)
    return found


def _is_newer(
    file: FileRow,
    item: int | None,
    known_mtime: int | None,
    known_item: int | None,
    known_failed: bool,
    failure: FailureRow | None = None,
) -> bool:
    """Tell whether a data set knows a file better than who knows it already.

    It was changed since; or it is as it was, and only the data set could read it.
    """
    if known_mtime is not None and file.mtime_ns is not None and file.mtime_ns != known_mtime:
        return file.mtime_ns > known_mtime
    if known_mtime is None and file.mtime_ns is not None and known_item is None:
        return True
    if item is not None and known_item is None:
        return True
    # The failure of a file of which only the content was known: the photo came first.
    return failure is not None and item == known_item and not known_failed
