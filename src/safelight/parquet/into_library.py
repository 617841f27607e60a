"""Rows into a library: what it lacks is added, what it knows already and better is left alone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from safelight.errors import SourceError
from safelight.hashing import HASH_VERSION
from safelight.library.records import namespace_key
from safelight.library.spaces import add_space, default_space, find_space, space_key, use_space

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from safelight.library.store import Library
    from safelight.model import Space
    from safelight.parquet.data_set import Description
    from safelight.parquet.rows import FailureRow, FileRow, PhotoRow

Key = TypeVar("Key")

#: SQLite's own limit on the variables of a statement was 999 for long.
_AT_ONCE = 900

#: Memory for pages of the library while rows go in.
_CACHE_KIB = 128 * 1024

#: By how much the length of a vector of float32 may miss 1; half precision misses it by 0.0005.
_TOLERANCE = 0.01

_PHOTO_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Merged:
    """What one batch of rows amounted to.

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
    """What takes rows of one data set into a library.

    Making it adds the space, and the label sets, unless they are there.

    Parameters
    ----------
    library : Library
    description : Description
        Of the data set.
    namespace : str, optional
        Where all files go, whatever the data set says.

    Raises
    ------
    SourceError
        The library knows the space with another dimension.
    """

    def __init__(
        self, library: Library, description: Description, namespace: str | None = None
    ) -> None:
        self._library = library
        self._space = description.space
        # Ids and paths come in no order that the indexes have: what fits into SQLite's own 2 MB is
        # written and read again all the time.
        library.connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._namespace = namespace
        check_space(library, description.space)
        _add_space(library, description.space)
        with library.transaction() as connection:
            connection.executemany(
                "INSERT INTO label_sets (version, labels, templates, used_at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (version) DO UPDATE SET used_at = max(used_at, excluded.used_at)",
                (
                    (
                        each.version,
                        json.dumps(each.labels, ensure_ascii=False),
                        json.dumps(each.templates, ensure_ascii=False),
                        each.used_at,
                    )
                    for each in description.label_sets
                ),
            )
        self._sets = dict(
            library.connection.execute("SELECT version, pk FROM label_sets").fetchall()
        )

    def photos(self, rows: Sequence[PhotoRow]) -> Merged:
        """Add photos and all that is known of them, in one transaction.

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
            new = _add_items(connection, rows)
            keys = _keys(connection, [row.photo_id for row in rows])
            vectors = self._add_vectors(connection, rows, keys)
            files = self._add_files(
                connection, [(file, keys[row.photo_id], None) for row in rows for file in row.files]
            )
            _add_scores(connection, rows, keys)
            _add_hashes(connection, rows, keys)
            self._add_labels(connection, rows, keys)
        return Merged(len(rows), new, vectors, len(files))

    def failures(self, rows: Sequence[FailureRow]) -> Merged:
        """Add failures, in one transaction, of files that the library does not know better."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._library.transaction() as connection:
            keys = _keys(connection, [row.photo_id for row in rows if row.photo_id is not None])
            embedded = self._embedded(connection, list(keys.values()))
            files = [(row.file, keys.get(row.photo_id or ""), row) for row in rows]
            # What a model could take in the end has not failed.
            added = self._add_files(connection, [each for each in files if each[1] not in embedded])
            failed = [(key, row) for key, row in added if row is not None and row.code is not None]
            connection.executemany(
                "INSERT OR REPLACE INTO failures (file_pk, code, reason, failed_at) "
                "VALUES (?, ?, ?, ?)",
                ((key, row.code, row.reason or "", row.failed_at or now) for key, row in failed),
            )
        return Merged(failures=len(failed))

    def _embedded(self, connection: sqlite3.Connection, keys: Sequence[int]) -> set[int]:
        found: set[int] = set()
        for part in _parts(keys):
            rows = connection.execute(
                "SELECT item_pk FROM embeddings WHERE space_pk = "
                "(SELECT pk FROM spaces WHERE fingerprint = ?) "
                f"AND item_pk IN ({','.join('?' * len(part))})",
                (self._space.fingerprint, *part),
            )
            found |= {key for (key,) in rows}
        return found

    def _add_vectors(
        self, connection: sqlite3.Connection, rows: Iterable[PhotoRow], keys: dict[str, int]
    ) -> int:
        space = space_key(connection, self._space.fingerprint)
        return connection.executemany(
            "INSERT INTO embeddings (space_pk, item_pk, vector) VALUES (?, ?, ?) "
            "ON CONFLICT (item_pk, space_pk) DO NOTHING",
            (
                (space, keys[row.photo_id], row.vector.astype("<f4", copy=False).tobytes())
                for row in rows
                if row.vector is not None
            ),
        ).rowcount

    def _add_files(
        self,
        connection: sqlite3.Connection,
        files: Sequence[tuple[FileRow, int | None, FailureRow | None]],
    ) -> list[tuple[int, FailureRow | None]]:
        """Add files with their items; return the keys of those that were added or replaced."""
        spaces: dict[str, int] = {}
        chosen: dict[tuple[int, str], tuple[FileRow, int | None, FailureRow | None]] = {}
        for file, item, failure in files:
            name = self._namespace or file.namespace
            if name not in spaces:
                spaces[name] = namespace_key(connection, name)
            place = spaces[name], file.path
            if place not in chosen or _is_newer(file, item, *_known(chosen[place])):
                chosen[place] = file, item, failure
        there = _known_files(connection, chosen)
        (last,) = connection.execute("SELECT coalesce(max(pk), 0) FROM files").fetchone()
        new: list[tuple[Any, ...]] = []
        changed: list[tuple[Any, ...]] = []
        written: list[tuple[int, FileRow, FailureRow | None]] = []
        for place, (file, item, failure) in chosen.items():
            known = there.get(place)
            values = (
                file.source_path, item, file.size, file.mtime_ns, file.ctime_ns, file.inode,
                int(file.gone),
            )  # fmt: skip
            if known is None:
                last += 1
                new.append((last, *place, *values))
                written.append((last, file, failure))
            elif _is_newer(file, item, *known[1:], failure):
                changed.append((*values, known[0]))
                written.append((known[0], file, failure))
        connection.executemany(
            "INSERT INTO files (pk, namespace_pk, path, source_path, item_pk, size, mtime_ns, "
            "ctime_ns, inode, gone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            # By path: neighbours in the indexes, whose pages are then written once.
            sorted(new, key=itemgetter(1, 2)),
        )
        if changed:
            connection.executemany(
                "UPDATE files SET source_path = ?, item_pk = ?, size = ?, mtime_ns = ?, "
                "ctime_ns = ?, inode = ?, gone = ? WHERE pk = ?",
                changed,
            )
            for table in ("failures", "metadata"):
                connection.executemany(
                    f"DELETE FROM {table} WHERE file_pk = ?", ((row[-1],) for row in changed)
                )
        connection.executemany(
            "INSERT INTO metadata (file_pk, key, value) VALUES (?, ?, ?)",
            (
                (key, name, value)
                for key, file, _ in written
                for name, value in file.metadata.items()
            ),
        )
        return [(key, failure) for key, _, failure in written]

    def _add_labels(
        self, connection: sqlite3.Connection, rows: Iterable[PhotoRow], keys: dict[str, int]
    ) -> None:
        space = space_key(connection, self._space.fingerprint)
        labelled = {
            (keys[row.photo_id], self._sets[version]): photo
            for row in rows
            for version, photo in row.labels.items()
        }
        if not labelled:
            return
        for part in _parts(list({item for item, _ in labelled})):
            for known in connection.execute(
                "SELECT item_pk, label_set_pk FROM labelled WHERE space_pk = ? "
                f"AND item_pk IN ({','.join('?' * len(part))})",
                (space, *part),
            ):
                labelled.pop(known, None)
        connection.executemany(
            "INSERT INTO labelled (item_pk, space_pk, label_set_pk, abstained) VALUES (?, ?, ?, ?)",
            (
                (item, space, label_set, int(photo.abstained))
                for (item, label_set), photo in labelled.items()
            ),
        )
        connection.executemany(
            "INSERT INTO labels VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    item,
                    space,
                    label_set,
                    each.label,
                    each.confidence,
                    each.cosine,
                    each.calibrated,
                    int(each.applies),
                )
                for (item, label_set), photo in labelled.items()
                for each in photo.labels
            ),
        )


def check_space(library: Library, space: Space) -> None:
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


def check_rows(rows: Sequence[PhotoRow], space: Space) -> None:
    """Check what no photo can be without.

    Raises
    ------
    SourceError
        A row has no photo id, another kind, a vector of another space or length, ...
    """
    for row in rows:
        if why := _wrong(row, space):
            raise SourceError(f"{why}, at {row.photo_id[:80]!r}", code="data-set")
    vectors = [row.vector for row in rows if row.vector is not None]
    if vectors:
        lengths = np.linalg.norm(np.stack(vectors), axis=1)
        if not (np.abs(lengths - 1) < _TOLERANCE).all():
            raise SourceError("it has vectors that are not of unit length", code="data-set")


def _wrong(row: PhotoRow, space: Space) -> str | None:
    if not _PHOTO_ID.fullmatch(row.photo_id):
        return "it has a photo_id that is no sha256 in hex"
    if row.kind not in ("photo", "text"):
        return f"it has a row of kind {row.kind!r}"
    if row.vector is not None and row.vector.shape != (space.dimension,):
        return f"it has vectors of {len(row.vector)} numbers, {space.name} of {space.dimension}"
    if row.provenance is not None and row.provenance.fingerprint != space.fingerprint:
        return (
            f"it has vectors of the space {row.provenance.fingerprint[:12]}, not of "
            f"{space.fingerprint[:12]}"
        )
    hashes = row.hashes
    if hashes and (hashes.dct256.shape != (4,) or hashes.words.shape != hashes.places.shape):
        return "it has hashes of a wrong length"
    return None if row.exif == "{}" or _is_object(row.exif) else "its exif is no JSON object"


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _add_space(library: Library, space: Space) -> None:
    if find_space(library, space.fingerprint) is not None:
        return  # with the place to load its model from, which is elsewhere on other machines
    searched = default_space(library)
    add_space(library, space)
    if searched is not None:
        # It may have taken the default's place as its newer model, which it need not be.
        use_space(library, searched.fingerprint)


def _add_items(connection: sqlite3.Connection, rows: Sequence[PhotoRow]) -> int:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return connection.executemany(
        "INSERT INTO items (id, kind, size, format, width, height, taken_at, exif, text, added_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
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
    ).rowcount


def _keys(connection: sqlite3.Connection, photo_ids: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in _parts(photo_ids):
        found |= dict(
            connection.execute(
                f"SELECT id, pk FROM items WHERE id IN ({','.join('?' * len(part))})", part
            ).fetchall()
        )
    return found


def _parts(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]


def _known(
    before: tuple[FileRow, int | None, FailureRow | None],
) -> tuple[int | None, int | None, bool]:
    file, item, failure = before
    return file.mtime_ns, item, failure is not None


def _known_files(
    connection: sqlite3.Connection, places: Iterable[tuple[int, str]]
) -> dict[tuple[int, str], tuple[int, int | None, int | None, bool]]:
    """Return key, time, item and whether it failed, of files that are known."""
    found = {}
    by_namespace: dict[int, list[str]] = {}
    for namespace, path in places:
        by_namespace.setdefault(namespace, []).append(path)
    for namespace, paths in by_namespace.items():
        for part in _parts(paths):
            for pk, path, mtime_ns, item, failed in connection.execute(
                "SELECT pk, path, mtime_ns, item_pk, "
                "EXISTS (SELECT 1 FROM failures x WHERE x.file_pk = files.pk) FROM files "
                f"WHERE namespace_pk = ? AND path IN ({','.join('?' * len(part))})",
                (namespace, *part),
            ):
                found[namespace, path] = pk, mtime_ns, item, bool(failed)
    return found


def _is_newer(
    file: FileRow,
    item: int | None,
    known_mtime: int | None,
    known_item: int | None,
    known_failed: bool,
    failure: FailureRow | None = None,
) -> bool:
    """Tell whether a data set knows a file better than who knows it already.

    It was changed since; or it is as it was, and only the data set could read it.
    """
    if known_mtime is not None and file.mtime_ns is not None and file.mtime_ns != known_mtime:
        return file.mtime_ns > known_mtime
    if known_mtime is None and file.mtime_ns is not None and known_item is None:
        return True
    if item is not None and known_item is None:
        return True
    # The failure of a file of which only the content was known: the photo came first.
    return failure is not None and item == known_item and not known_failed


def _add_scores(
    connection: sqlite3.Connection, rows: Iterable[PhotoRow], keys: dict[str, int]
) -> None:
    connection.executemany(
        "INSERT INTO scores (item_pk, metric, version, value, score, status, reason, details) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (item_pk, metric) DO UPDATE SET "
        "version = excluded.version, value = excluded.value, score = excluded.score, "
        "status = excluded.status, reason = excluded.reason, details = excluded.details "
        # Which of two versions is newer, nobody can tell; a number is more than none.
        "WHERE scores.status != 'ok' AND excluded.status = 'ok'",
        (
            (
                keys[row.photo_id],
                each.metric,
                each.version,
                each.value,
                each.score,
                each.status,
                each.reason,
                json.dumps(dict(each.details), ensure_ascii=False) if each.details else "{}",
            )
            for row in rows
            for each in row.scores
        ),
    )


def _add_hashes(
    connection: sqlite3.Connection, rows: Iterable[PhotoRow], keys: dict[str, int]
) -> None:
    connection.executemany(
        "INSERT INTO hashes (item_pk, version, dct256, words, places) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (item_pk) DO UPDATE SET version = excluded.version, "
        "dct256 = excluded.dct256, words = excluded.words, places = excluded.places "
        "WHERE hashes.version != excluded.version AND excluded.version = ?",
        (
            (
                keys[row.photo_id],
                row.hashes.version,
                row.hashes.dct256.astype("<u8", copy=False).tobytes(),
                row.hashes.words.astype("<u4", copy=False).tobytes(),
                row.hashes.places.astype("<u4", copy=False).tobytes(),
                HASH_VERSION,
            )
            for row in rows
            if row.hashes is not None
        ),
    )
