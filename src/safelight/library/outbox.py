"""Outbox of changes that vector stores have not received yet.

Triggers of the library (see :mod:`safelight.library.schema`) put an item into the outbox in the
transaction that changes it. It is taken out once the store has it, so that whatever happens in
between loses nothing.
"""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from safelight.library.database import Database


def library_id(library: Database) -> str:
    """Return the id of this library; a copy of the file has the same."""
    (found,) = library.connection.execute("SELECT id FROM identity").fetchone()
    return str(found)


def add_store(library: Database, address: str) -> int:
    """Return the key of a store; a new one is added, and all that is there queued for it.

    Parameters
    ----------
    address : str
        Without passwords: it is kept in the library.
    """
    with library.transaction() as connection:
        row = connection.execute("SELECT pk FROM stores WHERE address = ?", (address,)).fetchone()
        if row is not None:
            return int(row[0])
        (key,) = connection.execute(
            "INSERT INTO stores (address, added_at) VALUES (?, ?) RETURNING pk",
            (address, datetime.now(UTC).isoformat(timespec="seconds")),
        ).fetchone()
        _queue_all(connection, key)
    return int(key)


def remove_store(library: Database, address: str) -> bool:
    """Queue nothing more for a store; return False if nothing was queued for it anyway."""
    with library.transaction() as connection:
        # Row by row over the outbox otherwise, for want of an index that nothing else needs.
        connection.execute(
            "DELETE FROM outbox WHERE store_pk = (SELECT pk FROM stores WHERE address = ?)",
            (address,),
        )
        done = connection.execute("DELETE FROM stores WHERE address = ?", (address,))
    return done.rowcount > 0


def stores(library: Database) -> list[tuple[str, int]]:
    """Return the address of each store, and how many items are queued for it."""
    rows = library.connection.execute(
        "SELECT s.address, (SELECT count(*) FROM outbox o WHERE o.store_pk = s.pk) "
        "FROM stores s ORDER BY s.pk"
    )
    return [(address, queued) for address, queued in rows]


def queued(library: Database, store: int) -> int:
    """Count the items that are queued for a store."""
    (count,) = library.connection.execute(
        "SELECT count(*) FROM outbox WHERE store_pk = ?", (store,)
    ).fetchone()
    return int(count)


def next_queued(library: Database, store: int, *, after: int, limit: int) -> list[tuple[int, str]]:
    """Return keys of the outbox above `after`, and the items' ids, oldest first."""
    rows = library.connection.execute(
        "SELECT pk, item_id FROM outbox WHERE store_pk = ? AND pk > ? ORDER BY pk LIMIT ?",
        (store, after, limit),
    )
    return [(pk, item_id) for pk, item_id in rows]


def settle(library: Database, keys: Iterable[int]) -> None:
    """Take out of the outbox what a store has now; what changed since has another key."""
    with library.transaction() as connection:
        connection.executemany("DELETE FROM outbox WHERE pk = ?", ((key,) for key in keys))


def queue_all(library: Database, store: int) -> None:
    """Queue everything that is there for a store."""
    with library.transaction() as connection:
        _queue_all(connection, store)


def queue(library: Database, store: int, item_ids: Iterable[str]) -> None:
    """Queue items for a store, whether the library has them or not."""
    with library.transaction() as connection:
        connection.executemany(
            "INSERT INTO outbox (store_pk, item_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
            ((store, item_id) for item_id in item_ids),
        )


def _queue_all(connection: sqlite3.Connection, store: int) -> None:
    connection.execute(
        "INSERT INTO outbox (store_pk, item_id) SELECT ?, i.id FROM items i "
        "WHERE EXISTS (SELECT 1 FROM embeddings e WHERE e.item_pk = i.pk) "
        "AND EXISTS (SELECT 1 FROM files f WHERE f.item_pk = i.pk AND NOT f.gone) "
        "ORDER BY i.pk ON CONFLICT DO NOTHING",
        (store,),
    )


def note_space(library: Database, store: int, fingerprint: str) -> None:
    """Record that a store is being fed a space."""
    with library.transaction() as connection:
        connection.execute(
            "INSERT INTO store_spaces (store_pk, fingerprint) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (store, fingerprint),
        )


def dropped_spaces(library: Database, store: int) -> list[str]:
    """Return the fingerprints of spaces that a store has and the library no longer has."""
    rows = library.connection.execute(
        "SELECT fingerprint FROM store_spaces WHERE store_pk = ? "
        "AND fingerprint NOT IN (SELECT fingerprint FROM spaces)",
        (store,),
    )
    return [fingerprint for (fingerprint,) in rows]


def forget_space(library: Database, store: int, fingerprint: str) -> None:
    """Record that a store has nothing of a space any more."""
    with library.transaction() as connection:
        connection.execute(
            "DELETE FROM store_spaces WHERE (store_pk, fingerprint) = (?, ?)", (store, fingerprint)
        )


@contextlib.contextmanager
def sending(library: Database, *, patience: float) -> Iterator[bool]:
    """Run the block as the only one that sends from this library; False if another does.

    Two at once could each read an item at another time, and the older state arrive last. The lock
    is one of SQLite's on a file of its own, which goes with the process, however that ends.

    Parameters
    ----------
    patience : float
        Seconds to wait for the other to end.
    """
    from safelight.library.vector_index.flat import (
        matrix_path,  # numpy, which a look at the queue needs not
    )

    path = matrix_path(library, "").with_name("sending.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
    try:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            yield False
            return
        yield True
    finally:
        connection.close()
