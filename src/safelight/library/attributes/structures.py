"""Stored structures of photos' files: write them, read them, find photos that lack them."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from safelight.library.attributes.lacking import photos_where
from safelight.library.damage import stored_json
from safelight.types import Structure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.library.database import Database


def write_structures(library: Database, structures: Mapping[str, Structure], version: str) -> None:
    """Write structures by photo id, in one transaction; they replace what the photo had."""
    with library.transaction() as connection:
        connection.executemany(
            "INSERT INTO structures (item_pk, version, structure) "
            "SELECT pk, ?, ? FROM items WHERE id = ? "
            "ON CONFLICT (item_pk) DO UPDATE SET version = excluded.version, "
            "structure = excluded.structure",
            (
                (version, json.dumps(structure.to_dict()), photo_id)
                for photo_id, structure in structures.items()
            ),
        )


def read_structures(library: Database, keys: Sequence[int]) -> dict[int, Structure]:
    """Return the structures of photos by row key; of those that have one."""
    try:
        rows = library.connection.execute(
            "SELECT item_pk, structure FROM structures "
            "WHERE item_pk IN (SELECT value FROM json_each(?))",
            (json.dumps(list(map(int, keys))),),
        ).fetchall()
    except sqlite3.OperationalError:
        if library.is_read_only:  # of an older version, which cannot be migrated here
            return {}
        raise
    return {key: Structure.from_dict(stored_json(text)) for key, text in rows}


def lacking_structures(
    library: Database, version: str, namespace: str | None = None
) -> list[tuple[str, str]]:
    """Return the photos without a structure of this version; see :func:`photos_where`."""
    is_lacking = "NOT EXISTS (SELECT 1 FROM structures s WHERE s.item_pk = i.pk AND s.version = ?)"
    return photos_where(library, is_lacking, (version,), namespace)
