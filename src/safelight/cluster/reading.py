"""Read listed bytes: from the file system, an object store, or Parquet."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from safelight.cluster.listing import file_system, is_url, opened_at, said_by
from safelight.errors import DecodeError, FileError
from safelight.files import PHOTO_FILE
from safelight.imaging import read_photo
from safelight.ingest.load import Loaded, read_entry
from safelight.ingest.sources.entry import explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from safelight.cluster.listing import Cell, Listed
    from safelight.ingest.sources.entry import Entry

#: A store that has a bad moment is asked again so many times, after so many seconds and twice that.
_TRIES, _PAUSE = 3, 0.5

#: Rows of a column of photos that are in memory at once.
_ROWS = 16


def read(listed: Listed, cell: bytes | None) -> tuple[bytes, str, Entry] | Loaded:
    """Return the bytes, their sha256 and the entry; or, as an ingest tells it, why not.

    Parameters
    ----------
    cell : bytes or None
        What :func:`with_cells` has read for it.
    """
    entry = listed.entry
    if entry.code is not None:
        return Loaded(entry, code=entry.code, reason=entry.reason)
    try:
        if listed.cell is not None:
            data = cell or b""
        elif is_url(entry.path):
            if entry.stat is not None and entry.stat.size > PHOTO_FILE:
                raise DecodeError(
                    f"is larger than {PHOTO_FILE // 1024**3} GiB, too large for a photo",
                    code="too-large",
                )
            data = _fetch(entry.path)
        else:
            data, entry = read_entry(entry)
    except DecodeError as exc:
        return Loaded(entry, code=exc.code, reason=str(exc))
    except OSError as exc:
        code, reason = explain(exc)
        return Loaded(entry, code=code, reason=reason)
    return data, hashlib.sha256(data).hexdigest(), entry


def with_cells(items: Iterable[Listed]) -> Iterator[tuple[Listed, bytes | None]]:
    """Yield each entry with its bytes, if they lie in Parquet, reading forwards only."""
    column: Iterator[bytes | None] = iter(())
    at: tuple[str, str, int] | None = None
    next_row = 0
    for each in items:
        cell = each.cell
        if cell is None:
            yield each, None
            continue
        place = (cell.file, cell.column, cell.group)
        if place != at or cell.row < next_row:
            column, at, next_row = _column(cell), place, 0
        data: bytes | None = None
        while next_row <= cell.row:
            data, next_row = next(column, None), next_row + 1
        yield each, data


def _column(cell: Cell) -> Iterator[bytes | None]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    files, name = file_system(cell.file)
    with opened_at(files, name) as opened:
        for batch in pq.ParquetFile(opened).iter_batches(
            _ROWS, row_groups=[cell.group], columns=[cell.column]
        ):
            values = batch.column(0)
            if pa.types.is_struct(values.type):  # as data sets of pictures have it: bytes, path
                values = values.field("bytes")
            yield from values.to_pylist()


def _fetch(url: str) -> bytes:
    for attempt in range(1, _TRIES + 1):
        try:
            files, name = file_system(url)
            if "file" in files.protocol:
                return read_photo(name)
            # s3fs would ask for the size first, to fetch large files in pieces: twice the requests.
            more = {"max_concurrency": 1} if "s3" in files.protocol else {}
            data: bytes = files.cat_file(name, **more)
        except (DecodeError, FileError, FileNotFoundError, PermissionError):
            raise
        # Each kind of storage has errors of its own, and few of them are OSErrors.
        except Exception as exc:
            if attempt == _TRIES:
                raise DecodeError(f"cannot be read: {said_by(exc)}", code="io") from exc
            time.sleep(_PAUSE * attempt)
        else:
            return data
    raise AssertionError("unreachable")
