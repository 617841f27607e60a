"""Stored hashes of photos: write them, read them, find photos that lack them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.library.attributes.lacking import photos_where

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from safelight.library.database import Database

_COLUMNS = "version, dct256, words, places"

_REPLACE = (
    "ON CONFLICT (item_pk) DO UPDATE SET version = excluded.version, "
    "dct256 = excluded.dct256, words = excluded.words, places = excluded.places"
)


@dataclass(frozen=True, slots=True, eq=False)
class HashRecord:
    """The hashes of one photo, as the library keeps them.

    Attributes
    ----------
    version : str
    dct256 : (4,) uint64
    words : (n,) uint32, sorted
    places : (n,) uint32
        Where each was seen.
    """

    version: str
    dct256: npt.NDArray[np.uint64]
    words: npt.NDArray[np.uint32]
    places: npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class HashTable:
    """The hashes of all photos of a library that have them.

    Attributes
    ----------
    keys : (n,) int64
        Row keys of the photos, ascending.
    dct256 : (n, 4) uint64
    words, places : (m,) uint32
        Those of the first photo, then those of the second, ...
    ends : (n,) int64
        Where in `words` each photo's end.
    """

    keys: npt.NDArray[np.int64]
    dct256: npt.NDArray[np.uint64]
    words: npt.NDArray[np.uint32]
    places: npt.NDArray[np.uint32]
    ends: npt.NDArray[np.int64]

    def words_of(self, row: int) -> npt.NDArray[np.uint32]:
        """Return the words of the photo in one row."""
        return self.words[self.ends[row - 1] if row else 0 : self.ends[row]]


def write_hashes(library: Database, hashes: Mapping[str, HashRecord]) -> None:
    """Write hashes by photo id, in one transaction; they replace what the photo had.

    Those of a photo that the library does not have, or has no longer, are left out.
    """
    with library.transaction() as connection:
        connection.executemany(
            f"INSERT INTO hashes (item_pk, {_COLUMNS}) "
            f"SELECT pk, ?, ?, ?, ? FROM items WHERE id = ? {_REPLACE}",
            ((*_values(record), photo_id) for photo_id, record in hashes.items()),
        )


def add_hashes(
    connection: sqlite3.Connection, hashes: Iterable[tuple[int, HashRecord]], version: str
) -> None:
    """Write hashes by item key where there are none; those in `version` replace those in others."""
    connection.executemany(
        f"INSERT INTO hashes (item_pk, {_COLUMNS}) VALUES (?, ?, ?, ?, ?) {_REPLACE} "
        "WHERE hashes.version != excluded.version AND excluded.version = ?",
        ((key, *_values(record), version) for key, record in hashes),
    )


def _values(record: HashRecord) -> tuple[object, ...]:
    return (
        record.version,
        record.dct256.astype("<u8", copy=False).tobytes(),
        record.words.astype("<u4", copy=False).tobytes(),
        record.places.astype("<u4", copy=False).tobytes(),
    )


def hashes_by_key(
    connection: sqlite3.Connection, item_keys: Sequence[int]
) -> dict[int, HashRecord]:
    """Return the hashes of photos by item key, in whatever version they are.

    Parameters
    ----------
    item_keys : sequence of int
        At most some hundred.
    """
    rows = connection.execute(
        f"SELECT item_pk, {_COLUMNS} FROM hashes "
        f"WHERE item_pk IN ({','.join('?' * len(item_keys))})",
        tuple(item_keys),
    )
    return {
        key: HashRecord(
            version,
            np.frombuffer(whole, "<u8"),
            np.frombuffer(words, "<u4"),
            np.frombuffer(places, "<u4"),
        )
        for key, version, whole, words, places in rows
    }


def read_hashes(library: Database, version: str, *, after: int = 0) -> HashTable:
    """Return the hashes in one version of the photos whose row key is above `after`."""
    keys, wholes, words, places, ends, count = [], [], [], [], [], 0
    for key, whole, some, seen in library.connection.execute(
        "SELECT item_pk, dct256, words, places FROM hashes WHERE version = ? AND item_pk > ? "
        "ORDER BY item_pk",
        (version, after),
    ):
        keys.append(key)
        wholes.append(whole)
        words.append(some)
        places.append(seen)
        count += len(some) // 4
        ends.append(count)
    return HashTable(
        np.array(keys, np.int64),
        np.frombuffer(b"".join(wholes), "<u8").reshape(-1, 4).astype(np.uint64),
        np.frombuffer(b"".join(words), "<u4").astype(np.uint32),
        np.frombuffer(b"".join(places), "<u4").astype(np.uint32),
        np.array(ends, np.int64),
    )


def lacking_hashes(
    library: Database, version: str, namespace: str | None = None
) -> list[tuple[str, str]]:
    """Return the photos that are not hashed in this version; see :func:`photos_where`."""
    is_lacking = "NOT EXISTS (SELECT 1 FROM hashes h WHERE h.item_pk = i.pk AND h.version = ?)"
    return photos_where(library, is_lacking, (version,), namespace)
