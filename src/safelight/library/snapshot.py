"""Snapshot of a library as rows: its photos by id, with all facts, at one moment."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.errors import UsageError
from safelight.library.attributes.hashes import hashes_by_key
from safelight.library.attributes.label_sets import LabelSet, label_sets_of
from safelight.library.attributes.labels import labels_by_key
from safelight.library.attributes.scores import scores_by_key
from safelight.library.files import metadata_by_key
from safelight.library.files import namespaces as all_namespaces
from safelight.library.rows import FailureRow, FileRow, PhotoRow, Provenance
from safelight.library.spaces import space_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from safelight.library.database import Database
    from safelight.types import Space

#: SQLite's own limit on the variables of a statement was 999 for long.
_AT_ONCE = 900

_FILE = "f.pk, n.name, f.path, f.source_path, f.size, f.mtime_ns, f.ctime_ns, f.inode, f.gone"

_FROM_FILES = "FROM files f JOIN namespaces n ON n.pk = f.namespace_pk"


class Snapshot:
    """A library as it was when this was opened, whatever is written to it in the meantime.

    Parameters
    ----------
    library : Database
    space : Space
        Whose vectors and labels count.
    namespaces : sequence of str
        Only photos with a file in one of them, and only these files; all if empty.

    Raises
    ------
    UsageError
        The library has no such namespace.
    """

    def __init__(self, library: Database, space: Space, namespaces: Sequence[str] = ()) -> None:
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
        self._space_key = space_key(self._connection, space.fingerprint)
        self._namespaces = tuple(dict.fromkeys(namespaces))
        self._named = self._chosen = "1"
        if self._namespaces:
            self._named = f"n.name IN ({','.join('?' * len(self._namespaces))})"
            self._chosen = (
                f"EXISTS (SELECT 1 {_FROM_FILES} WHERE f.item_pk = i.pk AND {self._named})"
            )

    def close(self) -> None:
        """Let the library go."""
        self._connection.close()

    def count(self) -> int:
        """Count the photos and texts."""
        (count,) = self._connection.execute(
            f"SELECT count(*) FROM items i WHERE {self._chosen}", self._namespaces
        ).fetchone()
        return int(count)

    def label_sets(self) -> tuple[LabelSet, ...]:
        """Return the label sets that labelled something in the space."""
        return label_sets_of(self._connection, self._space_key)

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

    def _with_details(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[PhotoRow]:
        keys = [row[0] for row in rows]
        files = self._files(keys)
        scores = scores_by_key(self._connection, keys)
        labels = labels_by_key(self._connection, self._space_key, keys)
        hashes = hashes_by_key(self._connection, keys)
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

    def _files(self, keys: Sequence[int]) -> dict[int, list[FileRow]]:
        found: dict[int, list[FileRow]] = {}
        for file, item in self._read_files(
            f"SELECT {_FILE}, f.item_pk {_FROM_FILES} "
            f"WHERE {self._named} AND f.item_pk IN ({','.join('?' * len(keys))}) ORDER BY f.pk",
            (*self._namespaces, *keys),
        ):
            found.setdefault(item, []).append(file)
        return found

    def failures(self) -> Iterator[FailureRow]:
        """Yield the files that failed, and those of which nothing is known."""
        last = 0
        while True:
            rows = list(
                self._read_files(
                    f"SELECT {_FILE}, f.pk, i.id, x.code, x.reason, x.failed_at {_FROM_FILES} "
                    "LEFT JOIN failures x ON x.file_pk = f.pk "
                    "LEFT JOIN items i ON i.pk = f.item_pk "
                    "WHERE f.pk > ? AND (x.code IS NOT NULL OR f.item_pk IS NULL) "
                    f"AND {self._named} ORDER BY f.pk LIMIT ?",
                    (last, *self._namespaces, _AT_ONCE),
                )
            )
            if not rows:
                return
            last = rows[-1][1]
            for file, _, *why in rows:
                yield FailureRow(file, *why)

    def _read_files(self, query: str, values: tuple[object, ...]) -> Iterator[tuple[Any, ...]]:
        """Yield files, each with what the query selects beside them."""
        rows = self._connection.execute(query, values).fetchall()
        said = metadata_by_key(self._connection, [row[0] for row in rows])
        for pk, name, path, source_path, size, mtime_ns, ctime_ns, inode, gone, *more in rows:
            file = FileRow(
                name, path, source_path, size, mtime_ns, ctime_ns, inode, bool(gone),
                said.get(pk, {}),
            )  # fmt: skip
            yield file, *more


@contextlib.contextmanager
def snapshot(library: Database, space: Space, namespaces: Sequence[str] = ()) -> Iterator[Snapshot]:
    """Open a :class:`Snapshot` for the block."""
    with contextlib.closing(Snapshot(library, space, namespaces)) as opened:
        yield opened
