"""Convert Arrow columns to rows, in batches, also those that other programs wrote.

One value at a time would take ten times as long.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.errors import SourceError
from safelight.exchange.parquet.columns import failure_schema, photo_schema
from safelight.library.attributes.hashes import HashRecord
from safelight.library.attributes.labels import LabelledPhoto, LabelRecord
from safelight.library.attributes.scores import ScoreRecord
from safelight.library.rows import FailureRow, FileRow, PhotoRow, Provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt
    import pyarrow as pa


def photos_from_arrow(batch: pa.RecordBatch) -> list[PhotoRow]:
    """Return the rows of a batch; columns that it has not are as those of nothing known.

    Raises
    ------
    SourceError
        It has no photo ids, a column of another type, or a value that cannot be.
    """
    import pyarrow as pa

    vectors = batch.schema.get_field_index("vector")
    kind: Any = batch.schema.types[vectors] if vectors >= 0 else None
    batch = _conform(batch, photo_schema(kind.list_size if _is_fixed(kind) else 1), ("photo_id",))
    try:
        values = {
            name: _values(batch.column(name))
            for name in (
                "photo_id", "kind", "size", "format", "width", "height", "taken_at", "exif",
                "text", "added_at",
            )
        }  # fmt: skip
        rows = zip(
            values["photo_id"],
            (each or "photo" for each in values["kind"]),
            (each or 0 for each in values["size"]),
            _read_vectors(batch.column("vector")),
            values["format"],
            values["width"],
            values["height"],
            values["taken_at"],
            (each or "{}" for each in values["exif"]),
            values["text"],
            values["added_at"],
            _read_lists(batch.column("scores"), _read_scores),
            map(dict, _read_lists(batch.column("labels"), _read_labels)),
            _read_structs(batch.column("hashes"), _read_hashes),
            _read_lists(batch.column("files"), _read_files),
            _read_structs(batch.column("provenance"), _read_provenance),
            strict=True,
        )
        found = [PhotoRow(*row) for row in rows]
    except (ValueError, TypeError, pa.ArrowException) as exc:
        raise SourceError(f"it has values that cannot be: {exc}", code="data-set") from exc
    if not all(values["photo_id"]):
        raise SourceError("it has rows without a photo_id", code="data-set")
    return found


def failures_from_arrow(batch: pa.RecordBatch) -> list[FailureRow]:
    """Return the rows of a batch; columns that it has not are as those of nothing known.

    Raises
    ------
    SourceError
        It has no paths, or a column of another type.
    """
    import pyarrow as pa

    batch = _conform(batch, failure_schema(), ("path",))
    struct = pa.StructArray.from_arrays(batch.columns[:9], fields=list(batch.schema)[:9])
    try:
        more = [_values(batch.column(name)) for name in ("photo_id", "code", "reason", "failed_at")]
        return [FailureRow(*row) for row in zip(_read_files(struct), *more, strict=True)]
    except (ValueError, TypeError, pa.ArrowException) as exc:
        raise SourceError(f"it has values that cannot be: {exc}", code="data-set") from exc


def _is_fixed(kind: Any) -> bool:
    import pyarrow as pa

    return kind is not None and pa.types.is_fixed_size_list(kind)


def _conform(batch: pa.RecordBatch, schema: pa.Schema, needed: Iterable[str]) -> pa.RecordBatch:
    """Return a batch with exactly the columns of `schema`: others left out, missing ones null."""
    import pyarrow as pa

    if lacking := [name for name in needed if name not in batch.schema.names]:
        raise SourceError(f"it has no column {' or '.join(lacking)}", code="data-set")
    columns, fields = [], []
    for wanted in schema:
        kind, column = wanted.type, None
        if wanted.name in batch.schema.names:
            column = batch.column(wanted.name)
            if wanted.name == "vector" and not _is_fixed(column.type):
                column = _fixed(column)
                kind = column.type
            try:
                column = column if column.type.equals(kind) else column.cast(kind)
            except pa.ArrowException as exc:
                raise SourceError(
                    f"its column {wanted.name} is {column.type}, not {kind}", code="data-set"
                ) from exc
        columns.append(pa.nulls(batch.num_rows, kind) if column is None else column)
        fields.append(pa.field(wanted.name, kind))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _fixed(column: pa.Array) -> pa.Array:
    """Return lists of numbers, as other programs write vectors, with their length in the type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        raise SourceError(f"its column vector is {kind}, not a list of numbers", code="data-set")
    lengths = pc.unique(pc.drop_null(pc.list_value_length(column))).to_pylist()
    if len(lengths) > 1:
        raise SourceError(f"its vectors are of several lengths: {lengths[:3]}", code="data-set")
    dimension = lengths[0] if lengths else 1
    try:
        return column.cast(pa.list_(pa.float32(), dimension))
    except pa.ArrowException as exc:
        raise SourceError(f"its column vector is {kind}, not of numbers", code="data-set") from exc


def _values(array: pa.Array) -> list[Any]:
    """Return an array's values; by way of numpy where that can be, which is ten times as fast."""
    import pyarrow as pa

    kind = array.type
    if array.null_count or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        found: list[Any] = array.to_pylist()
    else:
        found = array.to_numpy().tolist()
    return found


def _read_vectors(column: pa.Array) -> list[npt.NDArray[np.float32] | None]:
    # flatten() heeds a slice, and leaves out what lies under nulls.
    numbers = column.flatten()
    if numbers.null_count:
        raise SourceError("it has vectors with missing numbers", code="data-set")
    vectors = numbers.to_numpy().reshape(-1, column.type.list_size)
    if not column.null_count:
        return list(vectors)
    found = iter(vectors)
    there = column.is_valid().to_numpy(zero_copy_only=False)
    return [next(found) if known else None for known in there]


def _read_lists(column: pa.Array, read: Callable[[Any], list[Any]]) -> list[tuple[Any, ...]]:
    # flatten() leaves out what lies under nulls, which then count as empty.
    values = read(column.flatten())
    lengths = column.value_lengths().fill_null(0).to_numpy()
    ends = np.concatenate([[0], np.cumsum(lengths)]).tolist()
    return [tuple(values[first:last]) for first, last in pairwise(ends)]


def _read_structs(column: pa.Array, read: Callable[[Any], list[Any]]) -> list[Any]:
    if not column.null_count:
        return read(column)
    values = iter(read(column.drop_null()))
    there = column.is_valid().to_numpy(zero_copy_only=False)
    return [next(values) if known else None for known in there]


def _fields(struct: pa.StructArray, names: Sequence[str]) -> list[list[Any]]:
    # flatten(), unlike field(), heeds the slice.
    columns = dict(zip((each.name for each in struct.type), struct.flatten(), strict=True))
    return [_values(columns[name]) for name in names]


def _read_scores(struct: pa.StructArray) -> list[ScoreRecord]:
    names = ("metric", "version", "value", "score", "status", "reason", "details")
    return [
        ScoreRecord(metric, version, value, score, status, reason, _read_json(details))
        for metric, version, value, score, status, reason, details in zip(
            *_fields(struct, names), strict=True
        )
    ]


def _read_json(text: str | None) -> dict[str, Any]:
    if text is None or text == "{}":
        return {}
    found = _JSON.decode(text)
    if not isinstance(found, dict):
        raise ValueError("details that are not a JSON object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} among details")
    return number


#: Without NaN and infinity, which Python reads although JSON has no such numbers.
_JSON = json.JSONDecoder(parse_constant=_finite, parse_float=_finite)


def _read_labels(struct: pa.StructArray) -> list[tuple[str, LabelledPhoto]]:
    versions, abstained, column = struct.flatten()
    labels = _read_lists(column, _read_label_records)
    return [
        (version, LabelledPhoto(some, bool(none)))
        for version, none, some in zip(_values(versions), _values(abstained), labels, strict=True)
    ]


def _read_label_records(struct: pa.StructArray) -> list[LabelRecord]:
    names = ("label", "confidence", "cosine", "calibrated", "applies")
    return [LabelRecord(*row) for row in zip(*_fields(struct, names), strict=True)]


def _read_hashes(struct: pa.StructArray) -> list[HashRecord]:
    return [
        HashRecord(
            version,
            np.frombuffer(whole, "<u8"),
            np.frombuffer(words, "<u4"),
            np.frombuffer(places, "<u4"),
        )
        for version, whole, words, places in zip(
            *_fields(struct, ("version", "dct256", "words", "places")), strict=True
        )
    ]


def _read_files(struct: pa.StructArray) -> list[FileRow]:
    names = ("namespace", "path", "source_path", "size", "mtime_ns", "ctime_ns", "inode", "gone")
    columns = _fields(struct, names)
    metadata = struct.flatten()[8]
    if len(metadata.items):
        said = [dict(each or ()) for each in metadata.to_pylist()]
    else:
        said = [{}] * len(struct)  # as of most files; nobody changes it
    return [
        FileRow(
            space or "default", path, source or path, size, mtime, ctime, inode, bool(gone), more
        )
        for space, path, source, size, mtime, ctime, inode, gone, more in zip(
            *columns, said, strict=True
        )
    ]


def _read_provenance(struct: pa.StructArray) -> list[Provenance]:
    names = ("fingerprint", "model", "runtime", "safelight", "embedded_at")
    return [Provenance(*row) for row in zip(*_fields(struct, names), strict=True)]
