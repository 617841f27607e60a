"""Changes of a library since a client last asked, photo by photo and namespace by namespace.

The log keeps the last change of each photo in each namespace (see
:mod:`safelight.library.schema_changes`), so that it is no longer than the library; and forgotten
photos for a while. A cursor is three numbers of it: the last that was told; the last up to which
its client had everything; and, of a client that began with nothing, the newest when it did. So it
outlives the process, and whatever happens to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from safelight.library.cursors import expired, list_query, read_cursor, write_cursor

if TYPE_CHECKING:
    import sqlite3

    from safelight.library.database import Database

    Kind = Literal["added", "changed", "removed"]

#: Parts of a photo that can change.
PARTS = ("files", "facts", "scores", "labels")

#: Forgotten photos that are remembered, so that clients learn of them.
REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Change:
    """A photo that was added to a namespace, changed in it, or removed, since a cursor.

    Attributes
    ----------
    kind : str
        ``added`` since the client last had everything, ``changed`` or ``removed``; a missing photo
        is removed as well.
    photo_id, namespace : str
        Together they name what changed.
    parts : tuple of str
        Of a changed photo: ``files``, ``facts``, ``scores``, ``labels``.
    cursor : str
        Goes on behind this change.
    key : int or None
        Row key of the photo, if the library has it.
    """

    kind: Kind
    photo_id: str
    namespace: str
    parts: tuple[str, ...]
    cursor: str
    key: int | None = None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A page of changes.

    Attributes
    ----------
    changes : tuple of Change
        In the order in which they happened, each photo of a namespace once.
    cursor : str
        Where to go on, now or later.
    is_last : bool
        There are no more at the moment.
    """

    changes: tuple[Change, ...]
    cursor: str
    is_last: bool


def page_of_changes(
    library: Database,
    since: str | None = None,
    *,
    namespaces: tuple[str, ...] | None = None,
    limit: int = 1000,
) -> ChangePage:
    """Return what changed since a cursor; without one, all photos that there are.

    Parameters
    ----------
    since : str, optional
        The cursor of an earlier page, or of a change in it.
    namespaces : tuple of str, optional
        Only changes in these. The cursor belongs to them.

    Raises
    ------
    UsageError
        With the code ``cursor``: it is broken, or of other namespaces.
    LibraryError
        With the code ``cursor-expired``: photos that were forgotten since are no longer remembered.
    """
    query = list_query(library, "changes", namespaces)
    (newest, pruned) = library.connection.execute(
        "SELECT (SELECT coalesce(max(pk), 0) FROM changes), (SELECT pk FROM changes_pruned)"
    ).fetchone()
    place = (0, 0, newest) if since is None else read_cursor(query, since, int, int, int)
    after, base, began = place
    # Who began with nothing has none of the photos that had been forgotten by then.
    if max(after, base, began) > newest or pruned > max(after, began):
        raise expired("The cursor")
    rows = _rows(library, after, namespaces, limit + 1, all_removed=since is not None)
    is_last = len(rows) <= limit
    changes = tuple(_change(query, row, base, began) for row in rows[:limit])
    if is_last:
        # Nothing else is numbered below the newest: what was written since has greater numbers.
        last = max(newest, rows[-1][0] if rows else 0)
        return ChangePage(changes, write_cursor(query, (last, last, 0)), is_last)
    return ChangePage(changes, changes[-1].cursor, is_last)


def cursor_of_now(library: Database, namespaces: tuple[str, ...] | None = None) -> str:
    """Return the cursor of a client that has everything up to now."""
    (newest,) = library.connection.execute("SELECT coalesce(max(pk), 0) FROM changes").fetchone()
    return write_cursor(list_query(library, "changes", namespaces), (newest, newest, 0))


def prune_changes(connection: sqlite3.Connection, remembered: int = REMEMBERED) -> None:
    """Drop the oldest forgotten photos from the log, in the caller's transaction."""
    row = connection.execute(
        "SELECT pk FROM changes WHERE item_pk IS NULL ORDER BY pk DESC LIMIT 1 OFFSET ?",
        (remembered,),
    ).fetchone()
    if row is None:
        return
    # The row of the last number stays: numbers go on from it.
    (last,) = connection.execute(
        "SELECT min(?, (SELECT max(pk) FROM changes) - 1)", (row[0],)
    ).fetchone()
    connection.execute("DELETE FROM changes WHERE item_pk IS NULL AND pk <= ?", (last,))
    connection.execute("UPDATE changes_pruned SET pk = max(pk, ?)", (last,))


def _rows(
    library: Database,
    after: int,
    namespaces: tuple[str, ...] | None,
    limit: int,
    *,
    all_removed: bool,
) -> list[tuple[Any, ...]]:
    scope, names = "1", namespaces or ()
    if namespaces is not None:
        scope = f"coalesce(c.namespace, n.name) IN ({','.join('?' * len(names))})"
    return library.connection.execute(
        "SELECT c.pk, c.item_pk, coalesce(c.item_id, i.id), coalesce(c.namespace, n.name), "
        "c.present, c.added, c.files, c.facts, c.scores, c.labels FROM changes c "
        "LEFT JOIN items i ON i.pk = c.item_pk "
        "LEFT JOIN namespaces n ON n.pk = c.namespace_pk "
        f"WHERE c.pk > ? AND (c.present OR ?) AND {scope} ORDER BY c.pk LIMIT ?",
        (after, all_removed, *names, limit),
    ).fetchall()


def _change(query: bytes, row: tuple[Any, ...], base: int, began: int) -> Change:
    number, key, photo_id, namespace, present, added, *parts = row
    kind: Kind = "removed" if not present else "added" if added > base else "changed"
    changed = tuple(
        name for name, each in zip(PARTS, parts, strict=True) if kind == "changed" and each > base
    )
    cursor = write_cursor(query, (number, base, began))
    return Change(kind, photo_id, namespace, changed, cursor, key)
