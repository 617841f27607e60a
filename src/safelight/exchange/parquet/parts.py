"""Files of a data set: write them whole or not at all, read every readable one."""

from __future__ import annotations

import contextlib
import os
from itertools import groupby, islice
from typing import IO, TYPE_CHECKING, Any

from safelight.errors import LibraryError, SourceError
from safelight.exchange.parquet.columns import failure_schema, photo_schema
from safelight.exchange.parquet.description import FAILURES, PHOTOS, Part
from safelight.exchange.parquet.from_arrow import failures_from_arrow, photos_from_arrow
from safelight.exchange.parquet.to_arrow import failures_to_arrow, photos_to_arrow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa

    from safelight.exchange.parquet.locations import Place
    from safelight.library.rows import FailureRow, PhotoRow

#: Rows that are in memory at once while they are written, and that a reader can skip at once.
GROUP = 8192

#: Rows that are in memory at once while they are read, and go into the library at once.
BATCH = 2048

#: Rows of one file at most: of 512 numbers, some 150 MB.
FILE_ROWS = 65_536

#: Columns in which values come again. A dictionary of vectors or ids would be made in vain.
_REPEATED = (
    *("kind", "format", "namespace", "code", "reason", "metadata.key_value.key"),
    *(f"scores.list.element.{name}" for name in ("metric", "version", "status", "reason")),
    "labels.list.element.label_set",
    "labels.list.element.labels.list.element.label",
    "hashes.version",
    "files.list.element.namespace",
    "files.list.element.metadata.key_value.key",
    "files.list.element.metadata.key_value.value",
    *(f"provenance.{name}" for name in ("fingerprint", "model", "runtime", "safelight")),
)

#: The bytes of numbers one after the other: with zstd a sixth less than the numbers themselves.
_SPLIT = ("vector.list.element",)

#: Of more rows than these, one and two digits of the id make folders.
ONE_DIGIT, TWO_DIGITS = 20_000, 1_000_000


def digits_for(rows: int) -> int:
    """Return how many digits of the id make a folder where there are so many photos."""
    return 0 if rows <= ONE_DIGIT else 1 if rows <= TWO_DIGITS else 2


def write_photos(
    place: Place,
    rows: Iterable[PhotoRow],
    dimension: int,
    *,
    run: str,
    digits: int = 2,
    group: int = GROUP,
    file_rows: int = FILE_ROWS,
) -> Iterator[Part]:
    """Write photos; yield each file once it is there.

    Parameters
    ----------
    place : Place
    rows : iterable of PhotoRow
        Ordered by id, or at least by its first digits.
    dimension : int
    run : str
        Names the files, so that they are nobody else's.
    digits : int
        So many of the id's first digits make a folder.
    group : int
        Rows that are in memory at once.
    file_rows : int
        Rows of one file at most.
    """
    schema, number = photo_schema(dimension), 0

    def to_arrow(some: Sequence[PhotoRow]) -> pa.RecordBatch:
        return photos_to_arrow(some, dimension)

    for prefix, some in groupby(rows, key=lambda row: row.photo_id[:digits]):
        folder = f"{PHOTOS}/prefix={prefix}" if digits else PHOTOS
        remaining = iter(some)
        while batches := _first(
            remaining, lambda each: photos_to_arrow(each, dimension), group, file_rows
        ):
            yield write_part(place, f"{folder}/part-{run}-{number:04}.parquet", schema, batches)
            number += 1


def write_failures(place: Place, rows: Iterable[FailureRow], *, run: str) -> Iterator[Part]:
    """Write failures; yield each file once it is there."""
    schema, remaining, number = failure_schema(), iter(rows), 0
    while batches := _first(remaining, failures_to_arrow, GROUP, FILE_ROWS):
        yield write_part(place, f"{FAILURES}/part-{run}-{number:04}.parquet", schema, batches)
        number += 1


def _first(
    rows: Iterator[Any], to_arrow: Callable[[Sequence[Any]], pa.RecordBatch], group: int, most: int
) -> Iterator[pa.RecordBatch] | None:
    """Return the batches of the next file; None if there are no more rows."""
    first = list(islice(rows, min(group, most)))
    if not first:
        return None

    def batches() -> Iterator[pa.RecordBatch]:
        some, left = first, most
        while some:
            yield to_arrow(some)
            left -= len(some)
            some = list(islice(rows, min(group, left))) if left > 0 else []

    return batches()


def write_part(
    place: Place, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> Part:
    """Write one file, whole or not at all."""
    import pyarrow.parquet as pq

    count = 0

    def write(file: IO[bytes]) -> None:
        nonlocal count
        with pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            use_dictionary=list(_REPEATED),
            use_byte_stream_split=list(_SPLIT),
        ) as writer:
            for batch in batches:
                writer.write_batch(batch)
                count += batch.num_rows

    size = place.put(name, write)
    return Part(name, count, size)


def read_photos(
    place: Place, part: Part, columns: Sequence[str] | None = None
) -> Iterator[list[PhotoRow]]:
    """Yield the photos of one file, a row group at a time.

    Parameters
    ----------
    columns : sequence of str, optional
        Only these; the others are as those of nothing known.

    Raises
    ------
    SourceError
        The file is missing, broken, truncated, or of something else. What was yielded before is
        whole.
    """
    for batch in _batches(place, part, columns):
        with _named(place, part):
            rows = photos_from_arrow(batch)
        yield rows


def read_failures(place: Place, part: Part) -> Iterator[list[FailureRow]]:
    """Yield the failures of one file, a row group at a time.

    Raises
    ------
    SourceError
        As of :func:`read_photos`.
    """
    for batch in _batches(place, part, None):
        with _named(place, part):
            rows = failures_from_arrow(batch)
        yield rows


def _batches(place: Place, part: Part, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    with contextlib.ExitStack() as stack:
        with _named(place, part):
            opened = stack.enter_context(place.reading(part.name))
            if part.bytes is not None and opened.seek(0, os.SEEK_END) != part.bytes:
                raise SourceError(
                    f"it has {opened.tell():,} bytes, not {part.bytes:,}", code="data-set"
                )
            opened.seek(0)
            file = stack.enter_context(pq.ParquetFile(opened, pre_buffer=True))
            if part.rows is not None and file.metadata.num_rows != part.rows:
                raise SourceError(
                    f"it has {file.metadata.num_rows:,} rows, not {part.rows:,}", code="data-set"
                )
            batches = file.iter_batches(BATCH, columns=columns)
        while True:
            with _named(place, part):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch


@contextlib.contextmanager
def _named(place: Place, part: Part) -> Iterator[None]:
    """Name the faulty file, and what to do about it."""
    import pyarrow as pa

    try:
        yield
    except (SourceError, LibraryError) as exc:
        if exc.code == "place":
            raise
        if exc.code == "missing":
            raise broken(place, part, "it is not there") from exc
        raise broken(place, part, exc) from exc
    except (pa.ArrowException, OSError) as exc:
        raise broken(place, part, exc) from exc


def broken(place: Place, part: Part, why: str | Exception) -> SourceError:
    """Return the error of a file that cannot be used; the same if it is one already."""
    if isinstance(why, SourceError) and why.code in ("part", "place"):
        return why
    name = place.name_of(part.name)
    if isinstance(why, OSError) and why.strerror:
        why = why.strerror
    reason = " ".join(str(why).split()).rstrip(".")
    return SourceError(
        f"{name} cannot be used: {reason}. Copy or export it again; the other files do not need "
        "it.",
        code="part",
        part=name,
    )
