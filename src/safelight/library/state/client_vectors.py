"""Vectors of clients, by namespace and id, of any model and dimension."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.errors import LibraryError, UsageError
from safelight.library.damage import stored_json
from safelight.library.vector_index.flat import ExactIndex
from safelight.library.write import namespace_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from safelight.library.database import Database


_COLUMNS = "v.pk, v.id, n.name, v.vector, v.metadata, v.created_at, v.updated_at"


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """A vector that a client brought.

    Attributes
    ----------
    key : int
        Its row key.
    id, namespace : str
        Together they name it.
    embedding : (dimension,) float32
        As it was brought, of whatever length.
    metadata : mapping of str to str
    created_at, updated_at : str
        UTC, ISO 8601.
    """

    key: int
    id: str
    namespace: str
    embedding: npt.NDArray[np.float32]
    metadata: Mapping[str, str]
    created_at: str
    updated_at: str


def put_vector(
    library: Database,
    namespace: str,
    embedding: npt.NDArray[np.float32],
    metadata: Mapping[str, str],
    vector_id: str | None = None,
    namespaces: tuple[str, ...] | None = None,
) -> Vector:
    """Keep a vector, in place of the one of its id if there is one.

    Parameters
    ----------
    embedding : (dimension,) float32
    vector_id : str, optional
        A new one if not given.
    namespaces : tuple of str, optional
        What others have is not looked at, so that nobody learns of it.

    Raises
    ------
    UsageError
        The vector has no direction, or a number in it is none.
    LibraryError
        With the code ``conflict``: a photo or text of the library has this id.
    """
    if embedding.ndim != 1 or not np.isfinite(embedding).all() or not embedding.any():
        raise UsageError("A vector needs numbers, at least one of them not 0.", code="vector")
    vector_id = vector_id or str(uuid.uuid4())
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    with library.transaction() as connection:
        key = namespace_key(connection, namespace)
        scope, values = _in_namespaces(namespaces)
        if connection.execute(
            "SELECT 1 FROM items i JOIN files f ON f.item_pk = i.pk "
            f"JOIN namespaces n ON n.pk = f.namespace_pk WHERE i.id = ? AND {scope}",
            (vector_id, *values),
        ).fetchone():
            raise LibraryError(
                f"{vector_id[:64]} is the id of a photo or text of the library. Choose another.",
                code="conflict",
            )
        before = connection.execute(
            "DELETE FROM vectors WHERE namespace_pk = ? AND id = ? RETURNING created_at",
            (key, vector_id),
        ).fetchone()
        created_at = before[0] if before else now
        (pk,) = connection.execute(
            "INSERT INTO vectors "
            "(namespace_pk, id, dimension, vector, metadata, created_at, updated_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING pk",
            (
                key,
                vector_id,
                len(embedding),
                embedding.astype("<f4").tobytes(),
                json.dumps(dict(metadata), ensure_ascii=False),
                created_at,
                now,
            ),
        ).fetchone()
    return Vector(pk, vector_id, namespace, embedding, dict(metadata), created_at, now)


def find_vector(
    library: Database, vector_id: str, namespaces: tuple[str, ...] | None = None
) -> Vector:
    """Return the vector of an id; of several namespaces' the oldest.

    Raises
    ------
    LibraryError
        With the code ``no-vector``: there is none in these namespaces.
    """
    scope, values = _in_namespaces(namespaces)
    row = library.connection.execute(
        f"SELECT {_COLUMNS} FROM vectors v JOIN namespaces n ON n.pk = v.namespace_pk "
        f"WHERE v.id = ? AND {scope} ORDER BY v.created_at, v.pk LIMIT 1",
        (vector_id, *values),
    ).fetchone()
    if row is None:
        raise LibraryError(f"There is no vector {vector_id[:64]!r}.", code="no-vector")
    return _vector(row)


def delete_vector(
    library: Database, vector_id: str, namespaces: tuple[str, ...] | None = None
) -> None:
    """Forget the vector that :func:`find_vector` finds.

    Raises
    ------
    LibraryError
        There is none.
    """
    found = find_vector(library, vector_id, namespaces)
    with library.transaction() as connection:
        connection.execute("DELETE FROM vectors WHERE pk = ?", (found.key,))


def count_vectors(library: Database, namespaces: tuple[str, ...] | None = None) -> int:
    """Return how many vectors there are."""
    scope, values = _in_namespaces(namespaces)
    (count,) = library.connection.execute(
        f"SELECT count(*) FROM vectors v JOIN namespaces n ON n.pk = v.namespace_pk WHERE {scope}",
        values,
    ).fetchone()
    return int(count)


def list_vectors(
    library: Database,
    namespaces: tuple[str, ...] | None = None,
    *,
    after: tuple[int, str] = (-1, ""),
    limit: int = 100,
) -> list[tuple[tuple[int, str], Vector]]:
    """Return vectors with their places, in an order that no write to one of them changes.

    Parameters
    ----------
    after : (int, str)
        A place: only vectors behind it.
    """
    scope, values = _in_namespaces(namespaces)
    rows = library.connection.execute(
        f"SELECT v.namespace_pk, {_COLUMNS} FROM vectors v "
        "JOIN namespaces n ON n.pk = v.namespace_pk "
        f"WHERE {scope} AND (v.namespace_pk, v.id) > (?, ?) ORDER BY v.namespace_pk, v.id LIMIT ?",
        (*values, *after, limit),
    )
    vectors = ((place, _vector(tuple(row))) for place, *row in rows)
    return [((place, vector.id), vector) for place, vector in vectors]


def vectors_by_key(
    library: Database, keys: Sequence[int], namespaces: tuple[str, ...] | None = None
) -> dict[int, Vector]:
    """Return vectors by row key; without those of other namespaces, and those that are gone."""
    scope, values = _in_namespaces(namespaces)
    found: dict[int, Vector] = {}
    rows = library.connection.execute(
        f"SELECT {_COLUMNS} FROM vectors v JOIN namespaces n ON n.pk = v.namespace_pk "
        f"WHERE v.pk IN (SELECT value FROM json_each(?)) AND {scope}",
        (json.dumps(list(keys)), *values),
    )
    found |= {row[0]: _vector(row) for row in rows}
    return found


def dimensions(library: Database) -> set[int]:
    """Return how many numbers the vectors that clients brought have."""
    return {
        each for (each,) in library.connection.execute("SELECT DISTINCT dimension FROM vectors")
    }


def vectors_state(library: Database, dimension: int) -> tuple[int, int]:
    """Return a state that changes when an index of vectors goes out of date."""
    row = library.connection.execute(
        "SELECT count(*), coalesce(max(pk), 0) FROM vectors WHERE dimension = ?", (dimension,)
    ).fetchone()
    return row[0], row[1]


def open_vectors(library: Database, dimension: int) -> ExactIndex:
    """Return an index of all vectors of a dimension, by row key."""
    (count, _) = vectors_state(library, dimension)
    keys = np.empty(count, np.int64)
    vectors = np.empty((count, dimension), np.float32)
    rows = library.connection.execute(
        "SELECT pk, vector FROM vectors WHERE dimension = ? ORDER BY pk LIMIT ?",
        (dimension, count),
    )
    number = 0
    for number, (key, vector) in enumerate(rows, start=1):
        keys[number - 1] = key
        # In double precision: the square of a large number is too large for a single one.
        wide = np.frombuffer(vector, "<f4").astype(np.float64)
        vectors[number - 1] = wide / np.linalg.norm(wide)
    return ExactIndex(dimension, [(keys[:number], vectors[:number])])


def _vector(row: tuple[Any, ...]) -> Vector:
    key, vector_id, namespace, vector, metadata, created_at, updated_at = row
    embedding = np.frombuffer(vector, "<f4")
    return Vector(
        key, vector_id, namespace, embedding, stored_json(metadata), created_at, updated_at
    )


def _in_namespaces(namespaces: tuple[str, ...] | None) -> tuple[str, tuple[str, ...]]:
    if namespaces is None:
        return "1", ()
    return f"n.name IN ({','.join('?' * len(namespaces))})", namespaces
