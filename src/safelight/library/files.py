"""Read a library: files, counts, failures, and the paths of an item."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.errors import LibraryError
from safelight.library.among import among
from safelight.library.cursors import cut, list_query, read_cursor
from safelight.library.damage import stored_json
from safelight.types import Failure, FileStat

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from safelight.library.database import Database

#: The column ``gone``: a file is there; it is not; it is, and its source passes it over now. Only
#: present files are found.
PRESENT, MISSING, EXCLUDED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as the library last saw it.

    Attributes
    ----------
    pk : int
    stat : FileStat or None
    state : int
        :data:`PRESENT`, :data:`MISSING` or :data:`EXCLUDED`.
    has_item : bool
        Its content is known.
    embedded : bool
        Its item has a vector in the space that was asked about, and not a stale one.
    failure : str or None
        The code of its failure.
    sidecars : str or None
        Stamp of the sidecars that were read.
    stale : bool
        Its item's vector is of pixels that may be decoded otherwise now.
    """

    pk: int
    stat: FileStat | None
    state: int
    has_item: bool
    embedded: bool
    failure: str | None
    sidecars: str | None = None
    stale: bool = False


@dataclass(frozen=True, slots=True)
class ItemFile:
    """A file of an item, as a search result needs it."""

    item_pk: int
    item_id: str
    path: str
    namespace: str
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of a library, or of one namespace of it.

    ``gone`` files are no longer on disk; ``excluded`` ones are, and their source passes them over.
    """

    photos: int
    texts: int
    files: int
    gone: int
    failed: int
    excluded: int = 0


def known_files(
    library: Database, namespace: str, fingerprint: str | None, *, scope: str | Sequence[str]
) -> dict[str, KnownFile]:
    """Return files of a namespace by path.

    Parameters
    ----------
    fingerprint : str or None
        The space that ``embedded`` speaks of.
    scope : str or sequence of str
        All paths that begin like this, or just these paths.
    """
    if isinstance(scope, str):
        return _known(library, namespace, fingerprint, *beginning("f.path", scope))
    condition, paths = among("f.path", scope)
    return _known(library, namespace, fingerprint, condition, (paths,))


def _known(
    library: Database,
    namespace: str,
    fingerprint: str | None,
    condition: str,
    values: tuple[str, ...],
) -> dict[str, KnownFile]:
    rows = library.connection.execute(
        "SELECT f.path, f.pk, f.size, f.mtime_ns, f.ctime_ns, f.inode, f.gone, f.item_pk, e.stale, "
        "x.code, f.sidecars FROM files f "
        "JOIN namespaces n ON n.pk = f.namespace_pk AND n.name = ? "
        "LEFT JOIN embeddings e ON e.item_pk = f.item_pk "
        "AND e.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
        f"LEFT JOIN failures x ON x.file_pk = f.pk WHERE {condition}",
        (namespace, fingerprint, *values),
    )
    return {
        path: KnownFile(
            pk,
            None if size is None else FileStat(size, mtime, ctime, inode),
            gone,
            item is not None,
            stale == 0,
            failure,
            sidecars,
            stale == 1,
        )
        for path, pk, size, mtime, ctime, inode, gone, item, stale, failure, sidecars in rows
    }


def known_elsewhere(
    library: Database, namespace: str, path: str, stat: FileStat, fingerprint: str
) -> str | None:
    """Return the item's id if another namespace has this very file, embedded in the space."""
    row = library.connection.execute(
        "SELECT i.id FROM files f JOIN namespaces n ON n.pk = f.namespace_pk "
        "JOIN items i ON i.pk = f.item_pk JOIN embeddings e ON e.item_pk = i.pk "
        "JOIN spaces s ON s.pk = e.space_pk AND s.fingerprint = ? "
        "WHERE f.path = ? AND n.name != ? AND (f.size, f.mtime_ns, f.inode) = (?, ?, ?) "
        "AND coalesce(f.ctime_ns, 0) IN (0, ?)",
        (fingerprint, path, namespace, stat.size, stat.mtime_ns, stat.inode, stat.ctime_ns),
    ).fetchone()
    return None if row is None else str(row[0])


def counts(library: Database, namespace: str | None = None) -> Counts:
    """Count photos, texts, files, gone files and failures, of one namespace or of all."""

    def count(what: str) -> int:
        (number,) = library.connection.execute(f"SELECT {what}", values).fetchone()
        return int(number)

    scope, values = _in_namespace(namespace)
    if namespace is None:
        # All rows together are counted without being looked at; those of each namespace are not.
        scope = "f.namespace_pk IN (SELECT pk FROM namespaces)"
        there = count("count(*) FROM files")
        items = count("count(DISTINCT item_pk) FROM files") - count(
            f"count(DISTINCT f.item_pk) FROM files f WHERE {scope} AND f.gone > 0 AND NOT EXISTS "
            "(SELECT 1 FROM files o WHERE o.item_pk = f.item_pk AND NOT o.gone)"
        )
    else:
        there = count(f"count(*) FROM files f WHERE {scope}")
        items = count(f"count(DISTINCT f.item_pk) FROM files f WHERE {scope} AND f.gone = 0")
    gone = count(f"count(*) FROM files f WHERE {scope} AND f.gone = {MISSING}")
    excluded = count(f"count(*) FROM files f WHERE {scope} AND f.gone = {EXCLUDED}")
    unknown = count(f"count(*) FROM files f WHERE {scope} AND f.gone = 0 AND f.item_pk IS NULL")
    texts = count(
        "count(*) FROM items i WHERE i.kind = 'text' AND EXISTS (SELECT 1 FROM files f "
        f"WHERE f.item_pk = i.pk AND NOT f.gone AND {scope})"
    )
    failed = count(
        f"count(*) FROM failures x CROSS JOIN files f ON f.pk = x.file_pk "
        f"WHERE NOT f.gone AND {scope}"  # CROSS: SQLite would rather read all files
    )
    files = there - gone - excluded - unknown
    return Counts(items - texts, texts, files, gone, failed, excluded)


def namespaces(library: Database) -> list[str]:
    """Return the names of all namespaces that hold files."""
    rows = library.connection.execute(
        "SELECT name FROM namespaces n "
        "WHERE EXISTS (SELECT 1 FROM files f WHERE f.namespace_pk = n.pk) ORDER BY name"
    )
    return [name for (name,) in rows]


def has_other_namespaces(library: Database, namespace: str) -> bool:
    """Tell if there is any namespace besides this one, even an empty one."""
    row = library.connection.execute(
        "SELECT 1 FROM namespaces WHERE name != ?", (namespace,)
    ).fetchone()
    return row is not None


def require_namespace(library: Database, namespace: str | None) -> None:
    """Raise if the library has namespaces, but not this one.

    Raises
    ------
    LibraryError
        With those that there are.
    """
    if namespace is None or _is_in_use(library, namespace):
        return
    if namespaces(library):
        raise no_namespace(library, namespace)


def no_namespace(
    library: Database, namespace: str, visible: tuple[str, ...] | None = None
) -> LibraryError:
    """Return the error for a namespace that there is not, with those that there are."""
    known = namespaces(library) if visible is None else list(visible)
    return LibraryError(
        f"The library {library.path} has no namespace {namespace!r}. It has "
        f"{', '.join(known) or 'none'}.",
        code="no-namespace",
        namespace=namespace,
    )


def _is_in_use(library: Database, namespace: str) -> bool:
    """Tell whether a namespace has files, or vectors that clients brought."""
    row = library.connection.execute(
        "SELECT 1 FROM namespaces n WHERE n.name = ? AND ("
        "EXISTS (SELECT 1 FROM files f WHERE f.namespace_pk = n.pk) "
        "OR EXISTS (SELECT 1 FROM vectors v WHERE v.namespace_pk = n.pk))",
        (namespace,),
    ).fetchone()
    return row is not None


def require_folder(library: Database, folder: str) -> None:
    """Raise if a folder is not on disk, and the library knows no file in it either.

    Raises
    ------
    LibraryError
        With the sources that there are.
    """
    condition, values = beginning("path", folder.rstrip(os.sep) + os.sep)
    find = library.connection.execute
    if os.path.isdir(folder) or find(f"SELECT 1 FROM files WHERE {condition}", values).fetchone():
        return
    rows = find("SELECT DISTINCT spec FROM sources ORDER BY pk DESC LIMIT 8").fetchall()
    known = f" It has {', '.join(spec for (spec,) in rows)}." if rows else ""
    raise LibraryError(
        f"The library {library.path} knows no folder {folder}.{known}",
        code="unknown-path",
        path=folder,
    )


def failures(library: Database, namespace: str | None = None) -> list[Failure]:
    """Return the files that could not be ingested, by path."""
    scope, values = _in_namespace(namespace)
    rows = library.connection.execute(
        "SELECT f.path, n.name, x.code, x.reason, x.failed_at FROM failures x "
        "JOIN files f ON f.pk = x.file_pk JOIN namespaces n ON n.pk = f.namespace_pk "
        f"WHERE NOT f.gone AND {scope} ORDER BY f.path, n.name",
        values,
    )
    return [Failure(*row) for row in rows]


def page_of_failures(
    library: Database,
    namespaces: tuple[str, ...] | None = None,
    *,
    limit: int = 100,
    cursor: str | None = None,
) -> tuple[list[Failure], str | None]:
    """Return a page of the files that could not be ingested, and the cursor of the next one.

    Parameters
    ----------
    namespaces : tuple of str, optional
        Only their files.

    Raises
    ------
    UsageError
        With the code ``cursor``: it is broken, or of other namespaces.
    """
    query = list_query(library, "failures", namespaces)
    after = -1 if cursor is None else read_cursor(query, cursor, int)[0]
    scope, values = in_namespaces(namespaces)
    rows = library.connection.execute(
        "SELECT x.file_pk, f.path, n.name, x.code, x.reason, x.failed_at FROM failures x "
        "JOIN files f ON f.pk = x.file_pk JOIN namespaces n ON n.pk = f.namespace_pk "
        f"WHERE NOT f.gone AND x.file_pk > ? AND {scope} ORDER BY x.file_pk LIMIT ?",
        (after, *values, limit + 1),
    ).fetchall()
    page, following = cut(query, rows, limit, lambda row: (row[0],))
    return [Failure(*row[1:]) for row in page], following


def photo_paths(library: Database) -> list[str]:
    """Return a path of each photo with a present file, in the order in which they were added."""
    rows = library.connection.execute(
        "SELECT min(f.path) FROM files f JOIN items i ON i.pk = f.item_pk "
        "WHERE NOT f.gone AND i.kind = 'photo' GROUP BY i.pk ORDER BY i.pk"
    )
    return [path for (path,) in rows]


def present_paths(library: Database, item_id: str, namespace: str) -> list[str]:
    """Return the paths of the present files of an item in a namespace."""
    rows = library.connection.execute(
        "SELECT f.path FROM files f JOIN items i ON i.pk = f.item_pk "
        "JOIN namespaces n ON n.pk = f.namespace_pk "
        "WHERE i.id = ? AND n.name = ? AND NOT f.gone",
        (item_id, namespace),
    )
    return [path for (path,) in rows]


def item_of_file(library: Database, file_key: int) -> str:
    """Return the id of the item that a file holds, by the file's key."""
    (item_id,) = library.connection.execute(
        "SELECT i.id FROM files f JOIN items i ON i.pk = f.item_pk WHERE f.pk = ?", (file_key,)
    ).fetchone()
    return str(item_id)


def allowed_items(
    library: Database, *, namespace: str | None = None, under: str | None = None
) -> list[int]:
    """Return the keys of items with a present file in `namespace` and in the folder `under`."""
    scope, values = _in_namespace(namespace)
    condition, more = inside_folder("f.path", under)
    rows = library.connection.execute(
        "SELECT DISTINCT f.item_pk FROM files f "
        f"WHERE NOT f.gone AND f.item_pk IS NOT NULL AND {scope} AND {condition} ORDER BY 1",
        (*values, *more),
    )
    return [key for (key,) in rows]


def places(
    library: Database,
    item_keys: Sequence[int],
    *,
    namespaces: tuple[str, ...] | None = None,
    under: str | None = None,
    only: Collection[str] | None = None,
) -> dict[int, ItemFile]:
    """Return one present file of each item that has one, by item key; with `only`, at a path."""
    scope, values = "1", namespaces or ()
    if namespaces is not None:
        scope = f"n.name IN ({','.join('?' * len(namespaces))})"
    condition, more = inside_folder("f.path", under)
    if only is not None:
        at_one, paths = among("f.path", only)
        condition, more = f"{condition} AND {at_one}", (*more, paths)
    found: dict[int, ItemFile] = {}
    rows = library.connection.execute(
        # With min(), SQLite takes the other columns from the row of the minimum.
        "SELECT min(f.pk), i.pk, i.id, i.kind, i.format, i.width, i.height, i.exif, i.text, "
        "f.path, f.source_path, n.name FROM files f "
        "JOIN items i ON i.pk = f.item_pk JOIN namespaces n ON n.pk = f.namespace_pk "
        f"WHERE NOT f.gone AND f.item_pk IN (SELECT value FROM json_each(?)) "
        f"AND {scope} AND {condition} GROUP BY i.pk",
        (json.dumps(list(item_keys)), *values, *more),
    ).fetchall()
    said = metadata_by_key(library.connection, [row[0] for row in rows])
    for row in rows:
        found[row[1]] = ItemFile(row[1], row[2], row[9], row[11], _describe(row, said))
    return found


def all_places(
    library: Database, item_keys: Sequence[int], namespaces: tuple[str, ...] | None = None
) -> dict[int, list[ItemFile]]:
    """Return every present file of items, by item key, in the order in which they were seen.

    With `namespaces`, only those in one of them.
    """
    scope, values = "1", namespaces or ()
    if namespaces is not None:
        scope = f"n.name IN ({','.join('?' * len(namespaces))})"
    found: dict[int, list[ItemFile]] = {}
    rows = library.connection.execute(
        "SELECT f.pk, i.pk, i.id, i.kind, i.format, i.width, i.height, i.exif, i.text, "
        "f.path, f.source_path, n.name FROM files f "
        "JOIN items i ON i.pk = f.item_pk JOIN namespaces n ON n.pk = f.namespace_pk "
        f"WHERE NOT f.gone AND f.item_pk IN (SELECT value FROM json_each(?)) AND {scope} "
        "ORDER BY f.pk",
        (json.dumps(list(item_keys)), *values),
    ).fetchall()
    said = metadata_by_key(library.connection, [row[0] for row in rows])
    for row in rows:
        place = ItemFile(row[1], row[2], row[9], row[11], _describe(row, said))
        found.setdefault(row[1], []).append(place)
    return found


def _describe(row: Sequence[Any], said: dict[int, dict[str, str]]) -> dict[str, Any]:
    pk, _, _, kind, form, width, height, exif, text, path, source_path, namespace = row
    described: dict[str, Any] = {
        "type": "image" if kind == "photo" else kind,
        "filename": os.path.basename(path),
        "path": source_path,
        "namespace": namespace,
    }
    if kind == "photo":
        described["extension"] = os.path.splitext(path)[1].lower()
        described |= {"format": form, "width": width, "height": height}
    else:
        described["text"] = text
    facts = stored_json(exif)
    words = {name: facts.pop(name) for name in _WORDS if name in facts}
    # A source's own columns never hide what safelight itself says about the file; but words in it.
    return {**words, **said.get(pk, {}), **facts, **described}


#: Fields of the EXIF data that people wrote, as sources may as well.
_WORDS = ("title", "caption", "keywords", "rating")


def metadata_by_key(
    connection: sqlite3.Connection, file_keys: Sequence[int]
) -> dict[int, dict[str, str]]:
    """Return the metadata of files from their sources, by file key."""
    found: dict[int, dict[str, str]] = {}
    rows = connection.execute(
        "SELECT file_pk, key, value FROM metadata "
        "WHERE file_pk IN (SELECT value FROM json_each(?))",
        (json.dumps(list(file_keys)),),
    )
    for pk, key, value in rows:
        found.setdefault(pk, {})[key] = value
    return found


def _in_namespace(namespace: str | None) -> tuple[str, tuple[str, ...]]:
    if namespace is None:
        return "1", ()
    return "f.namespace_pk = (SELECT pk FROM namespaces WHERE name = ?)", (namespace,)


def inside_folder(column: str, folder: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the condition, with its values, that a path lies in a folder, at any depth."""
    return ("1", ()) if folder is None else beginning(column, folder.rstrip(os.sep) + os.sep)


def in_namespaces(namespaces: tuple[str, ...] | None) -> tuple[str, tuple[str, ...]]:
    """Return the condition, with its values, that a file ``f`` is in one of some namespaces."""
    if namespaces is None:
        return "1", ()
    marks = ",".join("?" * len(namespaces))
    return f"f.namespace_pk IN (SELECT pk FROM namespaces WHERE name IN ({marks}))", namespaces


def beginning(column: str, start: str) -> tuple[str, tuple[str, ...]]:
    """Return the condition, with its values, that a column begins like this."""
    # A range, not LIKE: it uses the index, and % and _ are ordinary letters of a path.
    return f"{column} >= ? AND {column} < ?", (start, start[:-1] + chr(ord(start[-1]) + 1))
