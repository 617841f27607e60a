"""What a library knows, as rows: photos by id, and what of them it has, as it was at one moment."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.errors import UsageError
from safelight.library.files import namespaces as all_namespaces
from safelight.library.hashes import HashRecord
from safelight.library.labels import LabelledPhoto, LabelRecord
from safelight.library.scores import ScoreRecord
from safelight.library.spaces import space_key
from safelight.parquet.data_set import LabelSet
from safelight.parquet.rows import FailureRow, FileRow, PhotoRow, Provenance

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from safelight.library.store import Library
    from safelight.model import Space

#: SQLite's own limit on the variables of a statement was 999 for long.
_AT_ONCE = 900

_FILE = (
    "f.pk, f.item_pk, n.name, f.path, f.source_path, f.size, f.mtime_ns, f.ctime_ns, f.inode, "
    "f.gone FROM files f JOIN namespaces n ON n.pk = f.namespace_pk"
)


class Snapshot:
    """A library as it was when this was opened, whatever is written to it in the meantime.

    Parameters
    ----------
    library : Library
    space : Space
        Whose vectors and labels count.
    namespaces : sequence of str
        Only photos with a file in one of them, and only these files; all if empty.

    Raises
    ------
    UsageError
        The library has no such namespace.
    """

    def __init__(self, library: Library, space: Space, namespaces: Sequence[str] = ()) -> None:
        there = all_namespaces(library)
        for name in namespaces:
            if name not in there:
                raise UsageError(
                    f"The library {library.path} has no namespace {name!r}. It has: "
                    f"{', '.join(there)}.",
                    code="no-namespace",
                    namespace=name,
                )
        self.space = space
        self._connection = library.separate_connection()
        self._connection.execute("BEGIN")
        self._namespaces = tuple(dict.fromkeys(namespaces))
        self._marks = ",".join("?" * len(self._namespaces))
        self._space_key = space_key(self._connection, space.fingerprint)

    def close(self) -> None:
        """Let the library go."""
        self._connection.close()

    def count(self) -> int:
        """Count the photos and texts."""
        (count,) = self._connection.execute(
            f"SELECT count(*) FROM items i WHERE {self._chosen}", self._namespaces
        ).fetchone()
        return int(count)

    def photos(self) -> Iterator[PhotoRow]:
        """Yield photos and texts by id."""
        last = ""
        while True:
            rows = self._connection.execute(
                "SELECT i.pk, i.id, i.kind, i.size, i.format, i.width, i.height, i.taken_at, "
                "i.exif, i.text, i.added_at, e.vector FROM items i LEFT JOIN embeddings e "
                "ON e.item_pk = i.pk AND e.space_pk = ? "
                f"WHERE i.id > ? AND {self._chosen} ORDER BY i.id LIMIT ?",
                (self._space_key, last, *self._namespaces, _AT_ONCE),
            ).fetchall()
            if not rows:
                return
            last = rows[-1][1]
            yield from self._with_details(rows)

    @property
    def _chosen(self) -> str:
        if not self._namespaces:
            return "1"
        return (
            "EXISTS (SELECT 1 FROM files f JOIN namespaces n ON n.pk = f.namespace_pk "
            f"WHERE f.item_pk = i.pk AND n.name IN ({self._marks}))"
        )

    def _with_details(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[PhotoRow]:
        keys = [row[0] for row in rows]
        files = self._files(keys)
        scores = self._scores(keys)
        labels = self._labels(keys)
        hashes = self._hashes(keys)
        provenance = Provenance(self.space.fingerprint, self.space.name)
        for pk, photo_id, kind, size, form, width, height, taken_at, exif, text, at, vector in rows:
            yield PhotoRow(
                photo_id,
                kind,
                size,
                None if vector is None else np.frombuffer(vector, "<f4"),
                form,
                width,
                height,
                taken_at,
                exif,
                text,
                at,
                tuple(scores.get(pk, ())),
                labels.get(pk, {}),
                hashes.get(pk),
                tuple(files.get(pk, ())),
                None if vector is None else provenance,
            )

    def _select(self, query: str, keys: Sequence[int], *more: object) -> sqlite3.Cursor:
        return self._connection.execute(query % ",".join("?" * len(keys)), (*more, *keys))

    def _files(self, keys: Sequence[int]) -> dict[int, list[FileRow]]:
        rows = self._select(
            f"SELECT {_FILE} WHERE {self._named} AND f.item_pk IN (%s) ORDER BY f.pk",
            keys,
            *self._namespaces,
        ).fetchall()
        said = self._metadata([row[0] for row in rows])
        found: dict[int, list[FileRow]] = {}
        for row in rows:
            found.setdefault(row[1], []).append(_file(row, said))
        return found

    @property
    def _named(self) -> str:
        return f"n.name IN ({self._marks})" if self._namespaces else "1"

    def _metadata(self, keys: Sequence[int]) -> dict[int, dict[str, str]]:
        found: dict[int, dict[str, str]] = {}
        for start in range(0, len(keys), _AT_ONCE):
            for pk, key, value in self._select(
                "SELECT file_pk, key, value FROM metadata WHERE file_pk IN (%s)",
                keys[start : start + _AT_ONCE],
            ):
                found.setdefault(pk, {})[key] = value
        return found

    def _scores(self, keys: Sequence[int]) -> dict[int, list[ScoreRecord]]:
        found: dict[int, list[ScoreRecord]] = {}
        for pk, metric, version, value, score, status, reason, details in self._select(
            "SELECT item_pk, metric, version, value, score, status, reason, details FROM scores "
            "WHERE item_pk IN (%s) ORDER BY rowid",
            keys,
        ):
            more = {} if details == "{}" else json.loads(details)
            found.setdefault(pk, []).append(
                ScoreRecord(metric, version, value, score, status, reason, more)
            )
        return found

    def _labels(self, keys: Sequence[int]) -> dict[int, dict[str, LabelledPhoto]]:
        labels: dict[tuple[int, str], list[LabelRecord]] = {}
        abstained: dict[tuple[int, str], bool] = {}
        for pk, version, none, label, confidence, cosine, calibrated, applies in self._select(
            "SELECT d.item_pk, s.version, d.abstained, l.label, l.confidence, l.cosine, "
            "l.calibrated, l.applies FROM labelled d JOIN label_sets s ON s.pk = d.label_set_pk "
            "LEFT JOIN labels l ON (l.item_pk, l.space_pk, l.label_set_pk) = "
            "(d.item_pk, d.space_pk, d.label_set_pk) "
            "WHERE d.space_pk = ? AND d.item_pk IN (%s) "
            "ORDER BY d.item_pk, s.used_at, s.pk, l.confidence DESC",
            keys,
            self._space_key,
        ):
            abstained[pk, version] = bool(none)
            some = labels.setdefault((pk, version), [])
            if label is not None:
                some.append(LabelRecord(label, confidence, cosine, calibrated, bool(applies)))
        found: dict[int, dict[str, LabelledPhoto]] = {}
        for (pk, version), some in labels.items():
            found.setdefault(pk, {})[version] = LabelledPhoto(tuple(some), abstained[pk, version])
        return found

    def _hashes(self, keys: Sequence[int]) -> dict[int, HashRecord]:
        return {
            pk: HashRecord(
                version,
                np.frombuffer(whole, "<u8"),
                np.frombuffer(words, "<u4"),
                np.frombuffer(places, "<u4"),
            )
            for pk, version, whole, words, places in self._select(
                "SELECT item_pk, version, dct256, words, places FROM hashes WHERE item_pk IN (%s)",
                keys,
            )
        }

    def failures(self) -> Iterator[FailureRow]:
        """Yield the files that failed, and those of which nothing is known."""
        last = 0
        while True:
            rows = self._connection.execute(
                f"SELECT {_FILE.replace(' FROM', ', i.id, x.code, x.reason, x.failed_at FROM', 1)} "
                "LEFT JOIN failures x ON x.file_pk = f.pk LEFT JOIN items i ON i.pk = f.item_pk "
                f"WHERE f.pk > ? AND (x.code IS NOT NULL OR f.item_pk IS NULL) AND {self._named} "
                "ORDER BY f.pk LIMIT ?",
                (last, *self._namespaces, _AT_ONCE),
            ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            said = self._metadata([row[0] for row in rows])
            for row in rows:
                yield FailureRow(_file(row[:10], said), *row[10:])

    def label_sets(self) -> tuple[LabelSet, ...]:
        """Return the label sets that labelled something in the space."""
        rows = self._connection.execute(
            "SELECT version, labels, templates, used_at FROM label_sets s WHERE EXISTS "
            "(SELECT 1 FROM labelled d WHERE d.label_set_pk = s.pk AND d.space_pk = ?) "
            "ORDER BY used_at, pk",
            (self._space_key,),
        )
        return tuple(
            LabelSet(version, tuple(json.loads(labels)), tuple(json.loads(templates)), used_at)
            for version, labels, templates, used_at in rows
        )


def _file(row: Sequence[Any], said: dict[int, dict[str, str]]) -> FileRow:
    pk, _, namespace, path, source_path, size, mtime_ns, ctime_ns, inode, gone = row
    return FileRow(
        namespace, path, source_path, size, mtime_ns, ctime_ns, inode, bool(gone), said.get(pk, {})
    )


@contextlib.contextmanager
def snapshot(library: Library, space: Space, namespaces: Sequence[str] = ()) -> Iterator[Snapshot]:
    """Open a :class:`Snapshot` for the block."""
    with contextlib.closing(Snapshot(library, space, namespaces)) as opened:
        yield opened
