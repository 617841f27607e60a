"""Stored edges, and the photos already compared, so that no comparison is repeated."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.library.attributes.structures import read_structures
from safelight.library.damage import stored_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from safelight.library.database import Database
    from safelight.types import Structure


_PRESENT = "EXISTS (SELECT 1 FROM files f WHERE f.item_pk = {} AND NOT f.gone)"


@dataclass(frozen=True, slots=True)
class EdgeRecord:
    """An edge, as the library keeps it.

    Attributes
    ----------
    a, b : str
        Photo ids, `a` before `b` in order.
    relation : str
    evidence : mapping
        JSON-ready.
    """

    a: str
    b: str
    relation: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class PhotoTable:
    """Photos that have a present file, in the order in which the library got them.

    Attributes
    ----------
    keys : (n,) int64
        Row keys, ascending.
    ids : list of str
    """

    keys: npt.NDArray[np.int64]
    ids: list[str]


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """Record of one photo.

    ``paths`` are those of its present files, sorted; ``structure`` is None if it is not known.
    """

    key: int
    id: str
    format: str | None
    width: int | None
    height: int | None
    size: int
    exif: Mapping[str, Any]
    paths: tuple[str, ...]
    structure: Structure | None = None


def present_photos(library: Database, namespace: str | None = None) -> PhotoTable:
    """Return the photos that have a present file, in a namespace if that is given."""
    rows = library.connection.execute(
        "SELECT i.pk, i.id FROM items i WHERE i.kind = 'photo' AND EXISTS "
        "(SELECT 1 FROM files f WHERE f.item_pk = i.pk AND NOT f.gone AND (? IS NULL "
        "OR f.namespace_pk = (SELECT pk FROM namespaces WHERE name = ?))) ORDER BY i.pk",
        (namespace, namespace),
    ).fetchall()
    return PhotoTable(np.array([key for key, _ in rows], np.int64), [each for _, each in rows])


def present_state(library: Database) -> tuple[int, ...]:
    """Return numbers that differ once a photo's file has come, gone, or got other content."""
    row = library.connection.execute(
        "SELECT count(*), coalesce(sum(pk), 0), coalesce(sum(item_pk), 0), "
        "coalesce(sum(pk * (item_pk % 1009)), 0) FROM files "
        "WHERE NOT gone AND item_pk IS NOT NULL"
    ).fetchone()
    return tuple(row)


def several_files(library: Database, namespace: str | None = None) -> dict[str, int]:
    """Return the photos that have several present files, by id, and how many.

    One path counts once, in however many namespaces it is.
    """
    rows = library.connection.execute(
        "SELECT i.id, count(DISTINCT f.path) AS paths "
        "FROM files f JOIN items i ON i.pk = f.item_pk "
        "WHERE i.kind = 'photo' AND NOT f.gone AND (? IS NULL "
        "OR f.namespace_pk = (SELECT pk FROM namespaces WHERE name = ?)) "
        "GROUP BY i.pk HAVING paths > 1 ORDER BY i.pk",
        (namespace, namespace),
    )
    return dict(rows.fetchall())


def photo_records(library: Database, keys: Sequence[int]) -> dict[int, PhotoRecord]:
    """Return the records of photos, by row key."""
    found = {}
    paths: dict[int, list[str]] = {}
    for key, path in library.connection.execute(
        "SELECT DISTINCT item_pk, path FROM files "
        "WHERE NOT gone AND item_pk IN (SELECT value FROM json_each(?)) ORDER BY path",
        (json.dumps(list(keys)),),
    ):
        paths.setdefault(key, []).append(path)
    structures = read_structures(library, keys)
    for key, photo_id, form, width, height, size, exif in library.connection.execute(
        "SELECT pk, id, format, width, height, size, exif FROM items "
        "WHERE pk IN (SELECT value FROM json_each(?))",
        (json.dumps(list(keys)),),
    ):
        found[key] = PhotoRecord(
            key,
            photo_id,
            form,
            width,
            height,
            size,
            stored_json(exif),
            tuple(paths.get(key, ())),
            structures.get(key),
        )
    return found


def moments(library: Database) -> list[tuple[int, str, str, str]]:
    """Return row key, make, model and local time of exposure of photos that tell the latter."""
    return library.connection.execute(
        "SELECT pk, coalesce(json_extract(exif, '$.camera_make'), ''), "
        "coalesce(json_extract(exif, '$.camera_model'), ''), substr(taken_at, 1, 19) "
        "FROM items WHERE kind = 'photo' AND taken_at IS NOT NULL ORDER BY pk"
    ).fetchall()


def photo_sizes(library: Database, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return pixels and bytes of photos, (n, 2), by ascending or other order of row keys."""
    rows = library.connection.execute(
        "SELECT pk, coalesce(width, 0) * coalesce(height, 0), size FROM items "
        "WHERE kind = 'photo' ORDER BY pk"
    ).fetchall()
    table = np.array(rows, np.int64).reshape(-1, 3)
    found = np.zeros((len(keys), 2), np.int64)
    if len(table):
        at = np.minimum(np.searchsorted(table[:, 0], keys), len(table) - 1)
        there = table[at, 0] == keys
        found[there] = table[at[there], 1:]
    return found


def raw_photos(library: Database) -> list[int]:
    """Return the row keys of photos in a camera's RAW format."""
    rows = library.connection.execute("SELECT pk FROM items WHERE format = 'RAW' ORDER BY pk")
    return [key for (key,) in rows]


def present_paths(library: Database) -> list[tuple[int, str]]:
    """Return row key and path of all present files of photos."""
    return library.connection.execute(
        "SELECT DISTINCT f.item_pk, f.path FROM files f JOIN items i ON i.pk = f.item_pk "
        "WHERE i.kind = 'photo' AND NOT f.gone ORDER BY 1, 2"
    ).fetchall()


def embedded_photos(library: Database, fingerprint: str | None) -> set[int]:
    """Return the row keys of what has a vector in a space."""
    rows = library.connection.execute(
        "SELECT item_pk FROM embeddings WHERE space_pk = "
        "(SELECT pk FROM spaces WHERE fingerprint = ?)",
        (fingerprint,),
    )
    return {key for (key,) in rows}


def hashed_photos(library: Database, version: str) -> set[int]:
    """Return the row keys of photos that have hashes in a version."""
    rows = library.connection.execute("SELECT item_pk FROM hashes WHERE version = ?", (version,))
    return {key for (key,) in rows}


def compared(library: Database) -> dict[int, str]:
    """Return in which version photos were compared with all others compared in it, by row key."""
    return dict(library.connection.execute("SELECT item_pk, version FROM compared").fetchall())


def forget_comparisons(
    library: Database, keys: Iterable[int] = (), *, thinned: str = "~", lost: str = "!"
) -> int:
    """Forget photos' edges and that they were compared; also of all whose files are missing.

    Those come back as new photos.

    Parameters
    ----------
    keys : iterable of int
    thinned : str
        In the state of a photo that has edges to some of its copies only.
    lost : str
        Put behind that state where one of these edges is forgotten.

    Returns
    -------
    int
        Photos of which the state was changed so.
    """
    with library.transaction() as connection:
        connection.execute("CREATE TEMP TABLE IF NOT EXISTS forgotten (pk INTEGER PRIMARY KEY)")
        connection.execute("DELETE FROM forgotten")
        connection.execute(
            "INSERT INTO forgotten SELECT item_pk FROM compared "
            f"WHERE NOT {_PRESENT.format('compared.item_pk')}"
        )
        connection.executemany(
            "INSERT OR IGNORE INTO forgotten VALUES (?)", ((int(key),) for key in keys)
        )
        changed = connection.execute(
            "UPDATE compared SET version = version || :lost WHERE instr(version, :thinned) "
            "AND NOT instr(version, :lost) AND item_pk NOT IN (SELECT pk FROM forgotten) "
            "AND item_pk IN (SELECT b_pk FROM edges WHERE a_pk IN (SELECT pk FROM forgotten) "
            "UNION SELECT a_pk FROM edges WHERE b_pk IN (SELECT pk FROM forgotten))",
            {"lost": lost, "thinned": thinned},
        ).rowcount
        for table, column in (("edges", "a_pk"), ("edges", "b_pk"), ("compared", "item_pk")):
            connection.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT pk FROM forgotten)")
        connection.execute("DELETE FROM forgotten")
    return changed


def copy_pairs(library: Database, version: str, relations: Iterable[str]) -> list[tuple[int, int]]:
    """Return the row keys of photos that have one of some relations, if their files were seen."""
    marks = ",".join("?" * len(relations := tuple(relations)))
    return library.connection.execute(
        "SELECT a_pk, b_pk FROM edges WHERE version = ? AND json_extract(evidence, '$.unchecked') "
        f"IS NOT 1 AND relation IN ({marks})",
        (version, *relations),
    ).fetchall()


def write_comparisons(
    library: Database, version: str, edges: Iterable[EdgeRecord], states: Mapping[int, str]
) -> None:
    """Write edges, and which photos are thereby compared, in one transaction.

    Those of photos that the library has no longer are left out.

    Parameters
    ----------
    version : str
        Of the edges.
    states : mapping of int to str
        What :func:`compared` is to return of photos, by row key.
    """
    with library.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO edges (a_pk, b_pk, relation, evidence, version) "
            "SELECT a.pk, b.pk, ?, ?, ? FROM items a, items b WHERE a.id = ? AND b.id = ?",
            (
                (
                    edge.relation,
                    json.dumps(dict(edge.evidence), ensure_ascii=False, allow_nan=False),
                    version,
                    edge.a,
                    edge.b,
                )
                for edge in edges
            ),
        )
        connection.executemany(
            "INSERT OR REPLACE INTO compared (item_pk, version) "
            "SELECT pk, ? FROM items WHERE pk = ?",
            ((state, key) for key, state in states.items()),
        )


#: The relation of photos that were compared outside the order of comparing, and are unrelated.
UNRELATED = ""


def read_edges(library: Database, version: str) -> list[EdgeRecord]:
    """Return all edges in a version, in no order."""
    rows = library.connection.execute(
        "SELECT a.id, b.id, e.relation, e.evidence FROM edges e "
        "JOIN items a ON a.pk = e.a_pk JOIN items b ON b.pk = e.b_pk "
        "WHERE e.version = ? AND e.relation != ?",
        (version, UNRELATED),
    )
    return [EdgeRecord(a, b, relation, stored_json(told)) for a, b, relation, told in rows]


def unrelated_pairs(library: Database, version: str) -> set[tuple[str, str]]:
    """Return the ids of photos that were compared and are unrelated, as far as that is kept."""
    rows = library.connection.execute(
        "SELECT a.id, b.id FROM edges e JOIN items a ON a.pk = e.a_pk "
        "JOIN items b ON b.pk = e.b_pk WHERE e.version = ? AND e.relation = ?",
        (version, UNRELATED),
    )
    return set(rows.fetchall())
