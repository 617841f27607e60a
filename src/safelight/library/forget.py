"""Forget rows of files, and the data of photos that no other file holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.errors import LibraryError
from safelight.library.changes import prune_changes
from safelight.library.derived import drop_thumbnails
from safelight.library.files import MISSING
from safelight.library.schema import new_epoch
from safelight.library.sources import is_inside, place_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from safelight.library.database import Database
    from safelight.library.sources import SourceRecord

#: Enough of a label set's version to name it by.
_PREFIX = 6


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Counts of forgotten rows; of a dry run, of those that would be.

    Attributes
    ----------
    dry_run : bool
    files, sources : int
        Paths, and sources that a plain ingest would have listed.
    photos, texts : int
        Contents that no known file holds any more.
    vectors, scores, labelled, hashes, edges, features : int
        What was computed of these, as rows.
    client_vectors : int
        Vectors that clients brought to a forgotten namespace.
    label_sets : int
    decisions : int
    returning : tuple of str
        Sources that stay, and whose next ingest brings forgotten files back.
    """

    dry_run: bool = False
    files: int = 0
    sources: int = 0
    photos: int = 0
    texts: int = 0
    vectors: int = 0
    scores: int = 0
    labelled: int = 0
    hashes: int = 0
    edges: int = 0
    features: int = 0
    client_vectors: int = 0
    label_sets: int = 0
    decisions: int = 0
    returning: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True if nothing matches."""
        counts = (self.files, self.sources, self.labelled, self.client_vectors, self.label_sets)
        return not any(counts)


def forget_files(
    library: Database,
    keys: Collection[int],
    sources: Sequence[SourceRecord],
    kept: Sequence[SourceRecord],
    *,
    namespace: str | None = None,
    decisions: bool = False,
    dry_run: bool = False,
) -> Forgotten:
    """Forget files and sources, in one transaction.

    Parameters
    ----------
    keys : collection of int
        Of files.
    sources, kept : sequence of SourceRecord
        Those to be forgotten, and the others.
    namespace : str, optional
        That is forgotten as a whole.
    decisions : bool
        Also what was decided about photos that no known file holds any more.
    dry_run : bool
        Only count.
    """
    with library.transaction() as connection:
        result, photo_ids = _forget_files(
            connection, keys, sources, kept, namespace, decisions, dry_run=dry_run
        )
    if not dry_run:
        drop_thumbnails(library, photo_ids)
    return result


def _forget_files(
    connection: sqlite3.Connection,
    keys: Collection[int],
    gone: Sequence[SourceRecord],
    kept: Sequence[SourceRecord],
    namespace: str | None,
    decisions: bool,
    *,
    dry_run: bool,
) -> tuple[Forgotten, list[str]]:
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS going (pk INTEGER PRIMARY KEY)")
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS orphans (pk INTEGER PRIMARY KEY, id TEXT)")
    connection.execute("DELETE FROM going")
    connection.execute("DELETE FROM orphans")
    connection.executemany("INSERT INTO going VALUES (?)", ((key,) for key in keys))
    connection.execute(
        "INSERT INTO orphans SELECT DISTINCT i.pk, i.id FROM going g JOIN files f ON f.pk = g.pk "
        "JOIN items i ON i.pk = f.item_pk WHERE NOT EXISTS (SELECT 1 FROM files o "
        "WHERE o.item_pk = i.pk AND o.pk NOT IN (SELECT pk FROM going))"
    )
    orphans = "(SELECT pk FROM orphans)"
    ids = "(SELECT id FROM orphans)"

    def count(what: str, *values: object) -> int:
        return int(connection.execute(f"SELECT count(*) FROM {what}", values).fetchone()[0])

    of_namespace = "namespace_pk = (SELECT pk FROM namespaces WHERE name = ?)"
    undone = f"decisions WHERE a_id IN {ids} OR b_id IN {ids}"
    # A file that is missing comes back only if it is put there again.
    paths = [
        path
        for (path,) in connection.execute(
            "SELECT f.path FROM going g JOIN files f ON f.pk = g.pk WHERE f.gone != ?", (MISSING,)
        )
    ]
    result = Forgotten(
        dry_run=dry_run,
        files=len(keys),
        sources=len(gone),
        photos=count(f"items WHERE kind = 'photo' AND pk IN {orphans}"),
        texts=count(f"items WHERE kind = 'text' AND pk IN {orphans}"),
        vectors=count(f"embeddings WHERE item_pk IN {orphans}"),
        scores=count(f"scores WHERE item_pk IN {orphans}"),
        labelled=count(f"labelled WHERE item_pk IN {orphans}"),
        hashes=count(f"hashes WHERE item_pk IN {orphans}"),
        edges=count(f"edges WHERE a_pk IN {orphans} OR b_pk IN {orphans}"),
        features=count(f"features WHERE photo_id IN {ids}"),
        client_vectors=count(f"vectors WHERE {of_namespace}", namespace) if namespace else 0,
        decisions=count(undone) if decisions else 0,
        returning=tuple(
            dict.fromkeys(
                each.spec
                for each in kept
                if (place := place_of(each.spec)[1]) is not None
                and any(path == place or is_inside(path, place) for path in paths)
            )
        ),
    )
    photo_ids = [photo_id for (photo_id,) in connection.execute("SELECT id FROM orphans")]
    if dry_run:
        return result, photo_ids
    # What was forgotten is overwritten in the file, not only unlinked.
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(
        "UPDATE spaces SET epoch = ? WHERE pk IN "
        f"(SELECT space_pk FROM embeddings WHERE item_pk IN {orphans})",
        (new_epoch(),),
    )
    for table, column in (("metadata", "file_pk"), ("failures", "file_pk"), ("files", "pk")):
        connection.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT pk FROM going)")
    if decisions:
        connection.execute(f"DELETE FROM {undone}")
    connection.execute(f"DELETE FROM features WHERE photo_id IN {ids}")
    if photo_ids:
        connection.execute("DELETE FROM origins")  # found again when it is asked for
    connection.execute(f"DELETE FROM items WHERE pk IN {orphans}")
    connection.executemany("DELETE FROM sources WHERE pk = ?", ((each.key,) for each in gone))
    if namespace is not None:
        connection.execute(f"DELETE FROM vectors WHERE {of_namespace}", (namespace,))
        connection.execute("DELETE FROM namespaces WHERE name = ?", (namespace,))
    prune_changes(connection)
    return result, photo_ids


def forget_label_set(library: Database, version: str, *, dry_run: bool = False) -> Forgotten:
    """Forget a label set with its labels on all photos.

    Parameters
    ----------
    version : str
        Its first six or more digits.

    Raises
    ------
    LibraryError
        The library has no such set.
    """
    with library.transaction() as connection:
        rows = connection.execute("SELECT pk, version FROM label_sets").fetchall()
        found = [(key, whole) for key, whole in rows if whole.startswith(version.lower())]
        if len(version) < _PREFIX or len(found) != 1:
            known = ", ".join(whole[:12] for _, whole in rows) or "none"
            problem = "Several label sets begin" if len(found) > 1 else "No label set begins"
            if len(version) < _PREFIX:
                problem = f"Give at least {_PREFIX} digits: many label sets may begin"
            raise LibraryError(
                f"{problem} with {version!r}. The library has: {known}.", code="no-label-set"
            )
        ((key, _),) = found
        (labelled,) = connection.execute(
            "SELECT count(*) FROM labelled WHERE label_set_pk = ?", (key,)
        ).fetchone()
        if not dry_run:
            connection.execute("DELETE FROM label_sets WHERE pk = ?", (key,))
    return Forgotten(dry_run=dry_run, labelled=labelled, label_sets=1)
