"""Convert rows to Arrow columns in batches; one value at a time takes ten times as long."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.exchange.parquet.columns import failure_schema, photo_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from safelight.library.attributes.hashes import HashRecord
    from safelight.library.attributes.labels import LabelledPhoto
    from safelight.library.attributes.scores import ScoreRecord
    from safelight.library.rows import FailureRow, FileRow, PhotoRow


def photos_to_arrow(rows: Sequence[PhotoRow], dimension: int) -> pa.RecordBatch:
    """Return `rows` as a batch with the columns of :func:`photo_schema`."""
    schema = photo_schema(dimension)
    import pyarrow as pa

    plain = ("photo_id", "kind", "size", "format", "width", "height", "taken_at", "exif", "text")
    columns = [
        pa.array([getattr(row, name) for row in rows], schema.field(name).type)
        for name in (*plain, "added_at")
    ]
    types = [schema.field(name).type for name in ("scores", "labels", "hashes", "files")]
    columns += [
        _vectors([row.vector for row in rows], dimension),
        _lists([row.scores for row in rows], types[0].value_field, _scores),
        _lists([tuple(row.labels.items()) for row in rows], types[1].value_field, _labels),
        _structs([row.hashes for row in rows], types[2], _hashes),
        _lists([row.files for row in rows], types[3].value_field, _files),
        _structs([row.provenance for row in rows], schema.field("provenance").type, _provenance),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def failures_to_arrow(rows: Sequence[FailureRow]) -> pa.RecordBatch:
    """Return `rows` as a batch with the columns of :func:`failure_schema`."""
    schema = failure_schema()
    import pyarrow as pa

    columns = _files([row.file for row in rows], list(schema)[:9])
    columns += [
        pa.array([getattr(row, name) for row in rows], pa.string())
        for name in ("photo_id", "code", "reason", "failed_at")
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _vectors(vectors: Sequence[npt.NDArray[np.float32] | None], dimension: int) -> pa.Array:
    import pyarrow as pa

    numbers = np.zeros((len(vectors), dimension), np.float32)
    absent = np.zeros(len(vectors), np.bool_)
    for row, vector in enumerate(vectors):
        if vector is None:
            absent[row] = True
        else:
            numbers[row] = vector
    return pa.FixedSizeListArray.from_arrays(
        pa.array(numbers.reshape(-1)),
        type=pa.list_(pa.float32(), dimension),
        mask=pa.array(absent) if absent.any() else None,
    )


def _lists(
    lists: Sequence[Sequence[Any]], kind: pa.Field, columns: Callable[..., list[pa.Array]]
) -> pa.Array:
    """Return an array of lists of structs, none of them null."""
    import pyarrow as pa

    offsets = np.zeros(len(lists) + 1, np.int32)
    np.cumsum([len(each) for each in lists], out=offsets[1:])
    fields = list(kind.type)
    values = pa.StructArray.from_arrays(
        columns(list(chain.from_iterable(lists)), fields), fields=fields
    )
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=pa.list_(kind))


def _structs(
    values: Sequence[Any], kind: pa.StructType, columns: Callable[..., list[pa.Array]]
) -> pa.Array:
    """Return an array of structs, null where the value is None."""
    import pyarrow as pa

    fields = list(kind)
    there = columns([value for value in values if value is not None], fields)
    absent = np.array([value is None for value in values], np.bool_)
    if not absent.any():
        return pa.StructArray.from_arrays(there, fields=fields)
    # Each null takes the place of whatever comes first: it is never looked at.
    where = pa.array(np.maximum(np.cumsum(~absent) - 1, 0))
    if absent.all():
        return pa.nulls(len(values), kind)
    return pa.StructArray.from_arrays(
        [each.take(where) for each in there], fields=fields, mask=pa.array(absent)
    )


def _scores(scores: Sequence[ScoreRecord], fields: Sequence[pa.Field]) -> list[pa.Array]:
    import pyarrow as pa

    names = [each.name for each in fields[:-1]]
    return [
        *(
            pa.array([getattr(score, name) for score in scores], kind.type)
            for name, kind in zip(names, fields, strict=False)
        ),
        pa.array([_json(score.details) for score in scores], pa.string()),
    ]


def _json(details: Mapping[str, Any]) -> str:
    return json.dumps(dict(details), ensure_ascii=False, allow_nan=False) if details else "{}"


def _labels(
    labelled: Sequence[tuple[str, LabelledPhoto]], fields: Sequence[pa.Field]
) -> list[pa.Array]:
    import pyarrow as pa

    return [
        pa.array([version for version, _ in labelled], pa.string()),
        pa.array([photo.abstained for _, photo in labelled], pa.bool_()),
        _lists([photo.labels for _, photo in labelled], fields[2].type.value_field, _attributes),
    ]


def _attributes(values: Sequence[Any], fields: Sequence[pa.Field]) -> list[pa.Array]:
    import pyarrow as pa

    return [pa.array([getattr(each, kind.name) for each in values], kind.type) for kind in fields]


def _hashes(hashes: Sequence[HashRecord], fields: Sequence[pa.Field]) -> list[pa.Array]:
    import pyarrow as pa

    return [
        pa.array([each.version for each in hashes], fields[0].type),
        pa.array([each.dct256.astype("<u8").tobytes() for each in hashes], pa.binary()),
        pa.array([each.words.astype("<u4").tobytes() for each in hashes], pa.binary()),
        pa.array([each.places.astype("<u4").tobytes() for each in hashes], pa.binary()),
    ]


def _files(files: Sequence[FileRow], fields: Sequence[pa.Field]) -> list[pa.Array]:
    import pyarrow as pa

    said = [file.metadata for file in files]
    offsets = np.zeros(len(files) + 1, np.int32)
    np.cumsum([len(each) for each in said], out=offsets[1:])
    return [
        *_attributes(files, fields[:-1]),
        pa.MapArray.from_arrays(
            pa.array(offsets),
            pa.array([key for each in said for key in each], pa.string()),
            pa.array([value for each in said for value in each.values()], pa.string()),
        ),
    ]


_provenance = _attributes
