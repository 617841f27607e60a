"""Merge the rows of chunks to one row a photo, by a shuffle on the id's first digits.

Each *prefix* has one file of photos and one of failures under names that never change. Merging
reads them, leaves out what paths were that are listed again, adds the new rows, and puts the files
in their place. To do that twice gives the same, so a worker that is lost, or a run that is stopped,
costs time and nothing else; and whoever reads meanwhile sees each photo once.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from safelight.exchange.parquet.columns import failure_schema, photo_schema
from safelight.exchange.parquet.description import FAILURES, PHOTOS, Part
from safelight.exchange.parquet.from_arrow import failures_from_arrow, photos_from_arrow
from safelight.exchange.parquet.parts import GROUP, read_failures, read_photos, write_part
from safelight.exchange.parquet.to_arrow import failures_to_arrow, photos_to_arrow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import pyarrow as pa

    from safelight.exchange.parquet.locations import Place
    from safelight.library.rows import FailureRow, FileRow, PhotoRow

    #: Namespace and path.
    Paths = Collection[tuple[str, str]]

#: Photos of one prefix, at the beginning; a set may grow fourfold before they take much memory.
_A_PREFIX = 16_384

#: Failures of a prefix that may be shown.
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Merged:
    """Result of merging one prefix.

    Attributes
    ----------
    prefix : str
    photos, added : int
        That are there now, and those among them that are new.
    files : int
        In which the photos of this round were seen.
    failures, failed : int
        That are there now, and those of this round.
    shown : list of (str, str)
        Path and reason of a few of these.
    """

    prefix: str
    photos: int
    added: int
    files: int
    failures: int
    failed: int
    shown: list[tuple[str, str]]


def digits_for(entries: int) -> int:
    """Return how many digits of the id a prefix has in a set that begins with so many entries."""
    return max(1, math.ceil(math.log(max(entries, 1) / _A_PREFIX, 16)))


def names(prefix: str) -> tuple[str, str]:
    """Return where the photos and the failures of a prefix lie."""
    folder = f"prefix={prefix}/part-cluster.parquet"
    return f"{PHOTOS}/{folder}", f"{FAILURES}/{folder}"


def split_photos(batch: pa.RecordBatch, digits: int) -> Iterator[tuple[str, bytes]]:
    """Yield the rows of a batch by prefix, as bytes."""
    yield from _split(batch, [each[:digits] for each in batch.column("photo_id").to_pylist()])


def split_failures(batch: pa.RecordBatch, digits: int) -> Iterator[tuple[str, bytes]]:
    """Yield the rows of a batch by the prefix of a digest of the path, as bytes."""
    paths = zip(
        batch.column("namespace").to_pylist(), batch.column("path").to_pylist(), strict=True
    )
    yield from _split(batch, [_prefix_of(*path, digits) for path in paths])


def _prefix_of(namespace: str, path: str, digits: int) -> str:
    return hashlib.sha256(f"{namespace}\0{path}".encode()).hexdigest()[:digits]


def _split(batch: pa.RecordBatch, prefixes: list[str]) -> Iterator[tuple[str, bytes]]:
    rows: dict[str, list[int]] = {}
    for row, prefix in enumerate(prefixes):
        rows.setdefault(prefix, []).append(row)
    for prefix, some in rows.items():
        yield prefix, batch.take(some).serialize().to_pybytes()


def merge_prefix(
    place: Place,
    prefix: str,
    photos: Sequence[bytes],
    failures: Sequence[bytes],
    dimension: int,
    listed_anew: Paths,
) -> Merged:
    """Bring the files of one prefix up to date.

    Parameters
    ----------
    photos, failures : sequence of bytes
        From :func:`split_photos` and :func:`split_failures`, in the order of their chunks.
    listed_anew : collection of (str, str)
        Paths of which only what is told now counts.
    """
    photos_name, failures_name = names(prefix)
    new, newly_failed = list(_photos(photos, dimension)), list(_failures(failures))
    relisted = {_path(file) for row in new for file in row.files}
    kept = [
        row
        for each in _old_photos(place, photos_name)
        if (row := _without(each, listed_anew)) is not None
    ]
    # What a merge that was stopped has put there is new all the same.
    known = {row.photo_id for row in kept if any(_path(file) not in relisted for file in row.files)}
    there = merge_photos([*kept, *new])
    failed = merge_failures(
        row for row in _old_failures(place, failures_name) if _path(row.file) not in listed_anew
    )
    failed = merge_failures([*failed, *newly_failed])
    _put(
        place,
        photos_name,
        photo_schema(dimension),
        (photos_to_arrow(some, dimension) for some in _some(there)),
    )
    _put(place, failures_name, failure_schema(), map(failures_to_arrow, _some(failed)))
    return Merged(
        prefix,
        len(there),
        len({row.photo_id for row in new} - known),
        len(relisted),
        len(failed),
        len(merge_failures(newly_failed)),
        [(row.file.path, row.reason or "") for row in merge_failures(newly_failed)[:_SHOWN]],
    )


def merge_photos(rows: Iterable[PhotoRow]) -> list[PhotoRow]:
    """Return one row for each photo, by id, with the files of all its rows, by path.

    Of what else they say, the first counts: whoever computed it first.
    """
    first: dict[str, PhotoRow] = {}
    files: dict[str, dict[tuple[str, str], FileRow]] = {}
    for row in rows:
        first.setdefault(row.photo_id, row)
        files.setdefault(row.photo_id, {}).update({_path(file): file for file in row.files})
    return [
        replace(first[photo_id], files=tuple(file for _, file in sorted(files[photo_id].items())))
        for photo_id in sorted(first)
    ]


def merge_failures(rows: Iterable[FailureRow]) -> list[FailureRow]:
    """Return one row for each path, by path; the last of each counts."""
    last = {_path(row.file): row for row in rows}
    return [last[path] for path in sorted(last)]


def _path(file: FileRow) -> tuple[str, str]:
    return file.namespace, file.path


def _without(row: PhotoRow, paths: Paths) -> PhotoRow | None:
    """Return a photo without these files of it; None if it has no others."""
    if not paths:
        return row
    files = tuple(file for file in row.files if _path(file) not in paths)
    return replace(row, files=files) if files else None


def _old_photos(place: Place, name: str) -> Iterator[PhotoRow]:
    if place.has(name):
        for rows in read_photos(place, Part(name)):
            yield from rows


def _old_failures(place: Place, name: str) -> Iterator[FailureRow]:
    if place.has(name):
        for rows in read_failures(place, Part(name)):
            yield from rows


def _photos(parts: Sequence[bytes], dimension: int) -> Iterator[PhotoRow]:
    for batch in _read(parts, photo_schema(dimension)):
        yield from photos_from_arrow(batch)


def _failures(parts: Sequence[bytes]) -> Iterator[FailureRow]:
    for batch in _read(parts, failure_schema()):
        yield from failures_from_arrow(batch)


def _read(parts: Sequence[bytes], schema: pa.Schema) -> list[pa.RecordBatch]:
    """Return the rows of parts, together: many a part has one row only."""
    import pyarrow as pa

    return joined([pa.ipc.read_record_batch(pa.py_buffer(part), schema) for part in parts], schema)


def joined(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> list[pa.RecordBatch]:
    """Return the rows of batches in as few as they fit into."""
    import pyarrow as pa

    found: list[pa.RecordBatch] = (
        pa.Table.from_batches(batches, schema).combine_chunks().to_batches()
    )
    return found


def _some(rows: Sequence[Any]) -> Iterator[list[Any]]:
    remaining = iter(rows)
    while some := list(islice(remaining, GROUP)):
        yield some


def _put(place: Place, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    waiting = list(batches)
    if waiting:
        write_part(place, name, schema, waiting)
    else:
        place.remove([name])
