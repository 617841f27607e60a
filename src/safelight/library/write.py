"""Write the results of an ingest: items, files, embeddings, failures; a batch a transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from safelight.arguments import as_new_name
from safelight.errors import SpaceError
from safelight.library.derived import drop_thumbnails
from safelight.library.files import MISSING
from safelight.library.items import item_keys
from safelight.library.schema import UNREAD, new_epoch
from safelight.library.spaces import space_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    import numpy as np
    import numpy.typing as npt

    from safelight.library.database import Database
    from safelight.types import FileStat

#: json.dumps() makes an encoder at each call, which takes longer than to encode.
_as_json = json.JSONEncoder(ensure_ascii=False).encode


#: Fields of the EXIF data that people wrote.
WORDS = frozenset({"title", "caption", "keywords", "rating"})


@dataclass(frozen=True, slots=True, eq=False)
class ItemRecord:
    """New content, with its vector in the space of the ingest.

    ``vector`` is (dimension,) float32 of unit length, or None where the library has it.
    """

    id: str
    kind: str
    size: int
    vector: npt.NDArray[np.float32] | None
    format: str | None = None
    width: int | None = None
    height: int | None = None
    exif: Mapping[str, object] = field(default_factory=dict)
    text: str | None = None


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A path at which content was seen, or could not be read.

    Attributes
    ----------
    path, source_path : str
        Absolute, and as its source named it.
    stat : FileStat or None
        None if even that could not be read.
    item_id : str or None
        None if nothing is known about its content.
    sidecars : str or None
        Stamp of the sidecars that were read.
    code, reason : str or None
        Why it failed; with an item, why the model of this ingest could not embed it.
    metadata : mapping or None
        None leaves what the library has.
    """

    path: str
    source_path: str
    stat: FileStat | None
    item_id: str | None
    metadata: Mapping[str, str] | None = None
    code: str | None = None
    reason: str | None = None
    sidecars: str | None = None


@dataclass(frozen=True, slots=True)
class FactsRecord:
    """Facts of a photo that is known, as its file and its sidecars have them.

    Attributes
    ----------
    path : str
        Of the file.
    item_id : str
    exif : mapping
    sidecars : str or None
        Stamp of the sidecars.
    """

    path: str
    item_id: str
    exif: Mapping[str, object]
    sidecars: str | None


def write(
    library: Database,
    namespace: str,
    files: Iterable[FileRecord],
    items: Iterable[ItemRecord] = (),
    *,
    fingerprint: str | None = None,
) -> None:
    """Write items, then files, in one transaction; what is there already is left or updated.

    Raises
    ------
    SpaceError
        A vector has not the dimension of the space named by `fingerprint`.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with library.transaction() as connection:
        stale = _write_items(connection, items, fingerprint, now)
        _write_files(connection, namespace_key(connection, namespace), files, now)
    drop_thumbnails(library, stale)


def mark_gone(library: Database, file_keys: Iterable[int], state: int = MISSING) -> None:
    """Record that files are no longer at their paths; their photos' embeddings are kept.

    Parameters
    ----------
    state : int
        Or :data:`safelight.library.files.EXCLUDED`: they are, and their source passes them over.
    """
    with library.transaction() as connection:
        connection.executemany(
            "UPDATE files SET gone = ? WHERE pk = ?", ((state, key) for key in file_keys)
        )


def namespace_key(connection: sqlite3.Connection, namespace: str) -> int:
    """Return the row key of a namespace, made if need be.

    Raises
    ------
    UsageError
        It would be new, and has a name that cannot be typed or told from another.
    """
    known = connection.execute("SELECT pk FROM namespaces WHERE name = ?", (namespace,)).fetchone()
    if known is not None:
        return int(known[0])
    connection.execute(
        "INSERT INTO namespaces (name) VALUES (?) ON CONFLICT DO NOTHING",
        (as_new_name(namespace, "namespace"),),
    )
    (key,) = connection.execute("SELECT pk FROM namespaces WHERE name = ?", (namespace,)).fetchone()
    return int(key)


def add_items(connection: sqlite3.Connection, items: Iterable[tuple[object, ...]]) -> int:
    """Add items unless they are there; return how many were added.

    Parameters
    ----------
    items : iterable of tuple
        Id, kind, size, format, width, height, time taken, EXIF data as JSON, text, time added.
    """
    return connection.executemany(
        "INSERT INTO items (id, kind, size, format, width, height, taken_at, exif, text, added_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        items,
    ).rowcount


def add_vectors(
    connection: sqlite3.Connection,
    space: int,
    vectors: Iterable[tuple[int, npt.NDArray[np.float32]]],
) -> int:
    """Add vectors by item key unless the item has one in the space; return how many were added.

    Parameters
    ----------
    space : int
        Its row key.
    """
    return connection.executemany(
        "INSERT INTO embeddings (space_pk, item_pk, vector) VALUES (?, ?, ?) "
        "ON CONFLICT (item_pk, space_pk) DO NOTHING",
        ((space, key, vector.astype("<f4", copy=False).tobytes()) for key, vector in vectors),
    ).rowcount


def _write_items(
    connection: sqlite3.Connection, items: Iterable[ItemRecord], fingerprint: str | None, now: str
) -> list[str]:
    """Write items and vectors; return the ids of those that were embedded of other pixels."""
    items = list(items)
    add_items(
        connection,
        (
            (
                item.id,
                item.kind,
                item.size,
                item.format,
                item.width,
                item.height,
                item.exif.get("taken_at"),
                _as_json(item.exif),
                item.text,
                now,
            )
            for item in items
        ),
    )
    embedded = [(item.id, item.vector) for item in items if item.vector is not None]
    if not embedded:
        return []
    if fingerprint is None:
        raise SpaceError("Vectors need the fingerprint of their space.")
    space = space_key(connection, fingerprint)
    (dimension,) = connection.execute(
        "SELECT dimension FROM spaces WHERE pk = ?", (space,)
    ).fetchone()
    for item_id, vector in embedded:
        if vector.shape != (dimension,):
            raise SpaceError(
                f"A vector of shape {vector.shape} was offered to a space of {dimension} numbers.",
                item_id=item_id,
            )
    keys = item_keys(connection, [item_id for item_id, _ in embedded])
    stale = _drop_stale(connection, space, keys)
    add_vectors(connection, space, ((keys[item_id], vector) for item_id, vector in embedded))
    return stale


def _drop_stale(connection: sqlite3.Connection, space: int, keys: Mapping[str, int]) -> list[str]:
    """Drop what was computed of the former pixels of items that are embedded again; return them."""
    chosen = json.dumps(list(keys.values()))
    found = connection.execute(
        "SELECT item_pk FROM embeddings "
        "WHERE stale AND space_pk = ? AND item_pk IN (SELECT value FROM json_each(?))",
        (space, chosen),
    ).fetchall()
    if not found:
        return []
    stale = json.dumps([key for (key,) in found])
    among = "(SELECT value FROM json_each(?))"
    connection.execute(
        f"DELETE FROM embeddings WHERE space_pk = ? AND item_pk IN {among}", (space, stale)
    )
    connection.execute("UPDATE spaces SET epoch = ? WHERE pk = ?", (new_epoch(), space))
    for table in ("labels", "labelled"):
        connection.execute(
            f"DELETE FROM {table} WHERE space_pk = ? AND item_pk IN {among}", (space, stale)
        )
    connection.execute(f"DELETE FROM scores WHERE item_pk IN {among}", (stale,))
    connection.execute(
        f"DELETE FROM features WHERE photo_id IN (SELECT id FROM items WHERE pk IN {among})",
        (stale,),
    )
    _compare_again(connection, stale)
    dropped = {key for (key,) in found}
    return [item_id for item_id, key in keys.items() if key in dropped]


def _compare_again(connection: sqlite3.Connection, keys: str) -> None:
    """Drop the comparisons of items, given a JSON list of their keys."""
    among = "(SELECT value FROM json_each(?))"
    connection.execute(f"DELETE FROM edges WHERE a_pk IN {among} OR b_pk IN {among}", (keys, keys))
    connection.execute(f"DELETE FROM compared WHERE item_pk IN {among}", (keys,))


def keep_vectors(library: Database, item_ids: Iterable[str]) -> None:
    """Record that the vectors of items, in all spaces, are of pixels as they are decoded now."""
    with library.transaction() as connection:
        connection.executemany(
            "UPDATE embeddings SET stale = 0 "
            "WHERE item_pk = (SELECT pk FROM items WHERE id = ?) AND stale",
            ((item_id,) for item_id in item_ids),
        )


def write_facts(library: Database, namespace: str, records: Iterable[FactsRecord]) -> int:
    """Write facts of photos that are known, and return how many changed.

    What the sidecar of another file of the photo told is kept.
    """
    changed, compared = 0, []
    with library.transaction() as connection:
        space = namespace_key(connection, namespace)
        for record in records:
            row = connection.execute(
                "SELECT i.pk, f.pk, i.exif FROM files f JOIN items i ON i.pk = f.item_pk "
                "WHERE f.namespace_pk = ? AND f.path = ? AND i.id = ?",
                (space, record.path, record.item_id),
            ).fetchone()
            if row is None:
                continue
            item, file, before = row
            exif = dict(record.exif)
            others = connection.execute(
                "SELECT 1 FROM files WHERE item_pk = ? AND pk != ? AND sidecars != ?",
                (item, file, UNREAD),
            ).fetchone()
            if others:
                exif = {**json.loads(before), **exif}
            connection.execute(
                "UPDATE files SET sidecars = ? WHERE pk = ?", (record.sidecars, file)
            )
            known = json.loads(before)
            if exif != known:
                connection.execute(
                    "UPDATE items SET exif = ?, taken_at = ? WHERE pk = ?",
                    (_as_json(exif), exif.get("taken_at"), item),
                )
                changed += 1
            # Words decide nothing of which photos are related.
            if _of_camera(exif) != _of_camera(known):
                compared.append(item)
        _compare_again(connection, json.dumps(compared))
    return changed


def _of_camera(exif: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in exif.items() if name not in WORDS}


_INSERT_FILE = (
    "INSERT INTO files "
    "(namespace_pk, path, source_path, item_pk, size, mtime_ns, ctime_ns, inode, sidecars, "
    "added_at) VALUES (?, ?, ?, (SELECT pk FROM items WHERE id = ?), ?, ?, ?, ?, ?, "
    "strftime('%Y-%m-%dT%H:%M:%S+00:00')) "
    "ON CONFLICT (namespace_pk, path) DO UPDATE SET added_at = "
    "iif(files.item_pk IS excluded.item_pk, files.added_at, excluded.added_at), "
    "source_path = excluded.source_path, item_pk = excluded.item_pk, "
    "size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, "
    "inode = excluded.inode, sidecars = excluded.sidecars, gone = 0"
)


def _write_files(
    connection: sqlite3.Connection, namespace_pk: int, files: Iterable[FileRecord], now: str
) -> None:
    files = list(files)
    (more,) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM failures) OR EXISTS (SELECT 1 FROM metadata)"
    ).fetchone()
    if not more and all(file.code is None and not file.metadata for file in files):
        # Nothing but the files themselves to write, as in most ingests: half as long.
        connection.executemany(_INSERT_FILE, (_values(namespace_pk, file) for file in files))
        return
    for file in files:
        (pk,) = connection.execute(
            f"{_INSERT_FILE} RETURNING pk", _values(namespace_pk, file)
        ).fetchone()
        if file.code is not None:
            connection.execute(
                "INSERT OR REPLACE INTO failures (file_pk, code, reason, failed_at) "
                "VALUES (?, ?, ?, ?)",
                (pk, file.code, file.reason, now),
            )
        else:
            connection.execute("DELETE FROM failures WHERE file_pk = ?", (pk,))
        # Unchanged rows are left alone: a store would get them again.
        if file.metadata is not None and file.metadata != _said(connection, pk):
            connection.execute("DELETE FROM metadata WHERE file_pk = ?", (pk,))
            connection.executemany(
                "INSERT INTO metadata (file_pk, key, value) VALUES (?, ?, ?)",
                ((pk, key, value) for key, value in file.metadata.items()),
            )


def _values(namespace_pk: int, file: FileRecord) -> tuple[object, ...]:
    stat = file.stat
    return (
        namespace_pk,
        file.path,
        file.source_path,
        file.item_id,
        stat and stat.size,
        stat and stat.mtime_ns,
        stat and stat.ctime_ns,
        stat and stat.inode,
        file.sidecars,
    )


def _said(connection: sqlite3.Connection, file: int) -> dict[str, str]:
    rows = connection.execute("SELECT key, value FROM metadata WHERE file_pk = ?", (file,))
    return dict(rows.fetchall())
