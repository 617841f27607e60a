"""Items by id: their keys, whether one is embedded, and its vector."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from safelight.library.among import among

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    import numpy.typing as npt

    from safelight.library.database import Database


def item_keys(connection: sqlite3.Connection, item_ids: Collection[str]) -> dict[str, int]:
    """Return the row keys of items by id, of those that are there."""
    condition, ids = among("id", item_ids)
    rows = connection.execute(f"SELECT id, pk FROM items WHERE {condition}", (ids,))
    return dict(rows.fetchall())


def item_ids(library: Database, keys: Sequence[int]) -> list[str]:
    """Return the ids of items by row key, of those that are there."""
    rows = library.connection.execute(
        "SELECT id FROM items WHERE pk IN (SELECT value FROM json_each(?))",
        (json.dumps(list(keys)),),
    )
    return [item_id for (item_id,) in rows]


def is_embedded(library: Database, item_id: str, fingerprint: str) -> bool:
    """Tell whether an item has a vector in a space, and not a stale one."""
    row = library.connection.execute(
        "SELECT 1 FROM items i JOIN embeddings e ON e.item_pk = i.pk "
        "JOIN spaces s ON s.pk = e.space_pk "
        "WHERE i.id = ? AND s.fingerprint = ? AND NOT e.stale",
        (item_id, fingerprint),
    ).fetchone()
    return row is not None


def is_stale(library: Database, item_id: str, fingerprint: str) -> bool:
    """Tell whether an item has a vector in a space, of pixels that may be decoded otherwise now."""
    row = library.connection.execute(
        "SELECT 1 FROM items i JOIN embeddings e ON e.item_pk = i.pk "
        "JOIN spaces s ON s.pk = e.space_pk WHERE i.id = ? AND s.fingerprint = ? AND e.stale",
        (item_id, fingerprint),
    ).fetchone()
    return row is not None


def vectors_by_id(
    library: Database,
    prefix: str,
    fingerprint: str,
    *,
    limit: int = 2,
    namespaces: tuple[str, ...] | None = None,
) -> list[tuple[str, npt.NDArray[np.float32]]]:
    """Return the ids that begin with `prefix`, at most `limit`, with their vectors in a space.

    With `namespaces`, only those with a file in one of them.
    """
    prefix = prefix.lower()
    scope = "1"
    if namespaces is not None:
        scope = (
            "EXISTS (SELECT 1 FROM files f JOIN namespaces n ON n.pk = f.namespace_pk "
            f"WHERE f.item_pk = i.pk AND n.name IN ({','.join('?' * len(namespaces))}))"
        )
    rows = library.connection.execute(
        "SELECT i.id, e.vector FROM items i JOIN embeddings e ON e.item_pk = i.pk "
        "JOIN spaces s ON s.pk = e.space_pk AND s.fingerprint = ? "
        f"WHERE i.id >= ? AND i.id < ? AND {scope} ORDER BY i.id LIMIT ?",
        # "g" comes after every hex digit
        (fingerprint, prefix, prefix + "g", *(namespaces or ()), limit),
    )
    return [(item_id, np.frombuffer(vector, "<f4")) for item_id, vector in rows]


def vectors_by_key(
    library: Database, keys: Sequence[int], fingerprint: str
) -> dict[int, npt.NDArray[np.float32]]:
    """Return the vectors of items in a space, by item key."""
    found: dict[int, npt.NDArray[np.float32]] = {}
    rows = library.connection.execute(
        "SELECT e.item_pk, e.vector FROM embeddings e "
        "JOIN spaces s ON s.pk = e.space_pk AND s.fingerprint = ? "
        "WHERE e.item_pk IN (SELECT value FROM json_each(?))",
        (fingerprint, json.dumps(list(keys))),
    )
    found |= {key: np.frombuffer(vector, "<f4") for key, vector in rows}
    return found


def sample_vectors(library: Database, fingerprint: str, count: int) -> npt.NDArray[np.float32]:
    """Return the vectors of about `count` photos of a space, drawn evenly over the library.

    The same ones at each call, while the library stays the same. (n, dimension) float32; (0, 0) if
    there are none.
    """
    connection = library.connection
    first, last = connection.execute("SELECT min(pk), max(pk) FROM items").fetchone()
    if first is None:
        return np.empty((0, 0), np.float32)
    # Some keys are of texts, or of photos that are gone.
    keys = sorted(set(np.linspace(first, last, 2 * count).round().astype(np.int64).tolist()))
    found = vectors_by_key(library, keys, fingerprint)
    photos = connection.execute(
        "SELECT pk FROM items WHERE kind = 'photo' AND pk IN (SELECT value FROM json_each(?))",
        (json.dumps(list(found)),),
    )
    kept = sorted(key for (key,) in photos)
    chosen = [kept[at] for at in np.linspace(0, len(kept) - 1, min(count, len(kept))).astype(int)]
    if not chosen:
        return np.empty((0, 0), np.float32)
    return np.stack([found[key] for key in chosen])


def added_at(
    library: Database, keys: Sequence[int], namespaces: tuple[str, ...] | None = None
) -> dict[int, str]:
    """Return when items were added, by item key; UTC, ISO 8601.

    With `namespaces`, to the first of these, as far as that was noted.
    """
    when, joined, names = "i.added_at", "", namespaces or ()
    if namespaces is not None:
        when = "min(coalesce(f.added_at, i.added_at))"
        joined = (
            "JOIN files f ON f.item_pk = i.pk AND f.namespace_pk IN "
            f"(SELECT pk FROM namespaces WHERE name IN ({','.join('?' * len(names))}))"
        )
    found: dict[int, str] = {}
    rows = library.connection.execute(
        f"SELECT i.pk, {when} FROM items i {joined} "
        f"WHERE i.pk IN (SELECT value FROM json_each(?)) GROUP BY i.pk",
        (*names, json.dumps(list(keys))),
    )
    found |= dict(rows.fetchall())
    return found
