"""Merge rows into a library: add what it lacks, keep what it knows better."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from safelight.errors import SourceError
from safelight.hashing import HASH_VERSION
from safelight.library.attributes.hashes import add_hashes
from safelight.library.attributes.label_sets import add_label_sets, label_set_keys
from safelight.library.attributes.labels import add_labels
from safelight.library.attributes.scores import add_scores
from safelight.library.items import item_keys
from safelight.library.merge_files import merge_files
from safelight.library.rows import check_rows
from safelight.library.spaces import add_space, default_space, find_space, space_key, use_space
from safelight.library.write import add_items, add_vectors

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from safelight.library.attributes.label_sets import LabelSet
    from safelight.library.database import Database
    from safelight.library.rows import FailureRow, PhotoRow
    from safelight.types import Space


#: Memory for pages of the library while rows go in.
_CACHE_KIB = 128 * 1024


@dataclass(frozen=True, slots=True)
class Merged:
    """Counts of one merged batch of rows.

    Attributes
    ----------
    photos : int
        Rows of photos and texts.
    new : int
        Those among them that the library did not have.
    vectors, files, failures : int
        That were added.
    """

    photos: int = 0
    new: int = 0
    vectors: int = 0
    files: int = 0
    failures: int = 0

    def __add__(self, other: Merged) -> Merged:
        return Merged(
            self.photos + other.photos,
            self.new + other.new,
            self.vectors + other.vectors,
            self.files + other.files,
            self.failures + other.failures,
        )


class Merger:
    """Merger of one data set's rows into a library.

    Making it adds the space, and the label sets, unless they are there.

    Parameters
    ----------
    library : Database
    space : Space
        Of all vectors.
    label_sets : iterable of LabelSet
        That photos were labelled with.
    namespace : str, optional
        Where all files go, whatever the rows say.

    Raises
    ------
    SourceError
        The library knows the space with another dimension.
    """

    def __init__(
        self,
        library: Database,
        space: Space,
        label_sets: Iterable[LabelSet] = (),
        namespace: str | None = None,
    ) -> None:
        self._library = library
        self._space = space
        self._namespace = namespace
        # Ids and paths come in no order that the indexes have: what fits into SQLite's own 2 MB is
        # written and read again all the time.
        library.connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        check_space(library, space)
        _add_space(library, space)
        with library.transaction() as connection:
            add_label_sets(connection, label_sets)
            self._sets = label_set_keys(connection)

    def photos(self, rows: Sequence[PhotoRow]) -> Merged:
        """Add photos and all that is known about them, in one transaction.

        Raises
        ------
        SourceError
            One of them cannot be right. Nothing of these rows is in the library then.
        """
        check_rows(rows, self._space)
        if unknown := {version for row in rows for version in row.labels} - self._sets.keys():
            raise SourceError(
                f"it has labels of a set that the description does not have: {min(unknown)[:12]}",
                code="data-set",
            )
        with self._library.transaction() as connection:
            space = space_key(connection, self._space.fingerprint)
            new = _add_photos(connection, rows)
            keys = item_keys(connection, [row.photo_id for row in rows])
            known = [(keys[row.photo_id], row) for row in rows]
            vectors = add_vectors(
                connection,
                space,
                ((key, row.vector) for key, row in known if row.vector is not None),
            )
            files = merge_files(
                connection,
                [(file, key, None) for key, row in known for file in row.files],
                self._namespace,
            )
            add_scores(connection, ((key, each) for key, row in known for each in row.scores))
            add_hashes(
                connection,
                ((key, row.hashes) for key, row in known if row.hashes is not None),
                HASH_VERSION,
            )
            add_labels(
                connection,
                space,
                {
                    (key, self._sets[version]): photo
                    for key, row in known
                    for version, photo in row.labels.items()
                },
            )
        return Merged(len(rows), new, vectors, len(files))

    def failures(self, rows: Sequence[FailureRow]) -> Merged:
        """Add failures, in one transaction, of files that the library does not know better."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._library.transaction() as connection:
            keys = item_keys(connection, [row.photo_id for row in rows if row.photo_id is not None])
            embedded = self._embedded(connection, list(keys.values()))
            files = [(row.file, keys.get(row.photo_id or ""), row) for row in rows]
            # What a model could take in the end has not failed.
            added = merge_files(
                connection, [each for each in files if each[1] not in embedded], self._namespace
            )
            failed = [(key, row) for key, row in added if row is not None and row.code is not None]
            connection.executemany(
                "INSERT OR REPLACE INTO failures (file_pk, code, reason, failed_at) "
                "VALUES (?, ?, ?, ?)",
                ((key, row.code, row.reason or "", row.failed_at or now) for key, row in failed),
            )
        return Merged(failures=len(failed))

    def _embedded(self, connection: sqlite3.Connection, keys: Sequence[int]) -> set[int]:
        found: set[int] = set()
        rows = connection.execute(
            "SELECT item_pk FROM embeddings WHERE space_pk = "
            "(SELECT pk FROM spaces WHERE fingerprint = ?) "
            "AND item_pk IN (SELECT value FROM json_each(?))",
            (self._space.fingerprint, json.dumps(list(keys))),
        )
        found |= {key for (key,) in rows}
        return found


def _add_photos(connection: sqlite3.Connection, rows: Iterable[PhotoRow]) -> int:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return add_items(
        connection,
        (
            (
                row.photo_id,
                row.kind,
                row.size,
                row.format,
                row.width,
                row.height,
                row.taken_at,
                row.exif,
                row.text,
                row.added_at or now,
            )
            for row in rows
        ),
    )


def check_space(library: Database, space: Space) -> None:
    """Check that vectors of a space can go into a library.

    Raises
    ------
    SourceError
        The library knows the space with another dimension.
    """
    known = find_space(library, space.fingerprint)
    if known is not None and known.dimension != space.dimension:
        raise SourceError(
            f"The data set has vectors of {space.dimension} numbers, but the library "
            f"{library.path} knows {known.name} ({space.fingerprint[:12]}) with "
            f"{known.dimension}. They are not of one model; use another library.",
            code="space",
        )


def _add_space(library: Database, space: Space) -> None:
    if find_space(library, space.fingerprint) is not None:
        return  # with the place to load its model from, which is elsewhere on other machines
    searched = default_space(library)
    add_space(library, space)
    if searched is not None:
        # It may have taken the default's place as its newer model, which it need not be.
        use_space(library, searched.fingerprint)
