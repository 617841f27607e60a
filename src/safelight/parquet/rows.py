"""A photo, and a failure, as a row of Parquet: the columns, and the way there and back.

Rows go in batches, column by column: one value at a time takes ten times as long.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.errors import SourceError, UsageError
from safelight.library.hashes import HashRecord
from safelight.library.labels import LabelledPhoto, LabelRecord
from safelight.library.scores import ScoreRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy.typing as npt
    import pyarrow as pa

#: Of the columns; a data set of a greater one is refused.
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class FileRow:
    """A path at which a photo was seen.

    Attributes
    ----------
    namespace, path, source_path : str
        The path absolute, or a URL; and as its source named it.
    size, mtime_ns, ctime_ns, inode : int or None
        As the file system, or the object store, had them.
    gone : bool
        Whether it was seen to be there no longer.
    metadata : mapping
        What its source said of it.
    """

    namespace: str
    path: str
    source_path: str
    size: int | None = None
    mtime_ns: int | None = None
    ctime_ns: int | None = None
    inode: int | None = None
    gone: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A file that could not be read, decoded or embedded.

    Attributes
    ----------
    file : FileRow
    photo_id : str or None
        Where the content is known, and it is the model that could not take it.
    code, reason : str or None
        See :data:`safelight.model.FAILURE_CODES`. None of a file that was never opened.
    failed_at : str or None
        UTC, ISO 8601.
    """

    file: FileRow
    photo_id: str | None
    code: str | None
    reason: str | None
    failed_at: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a vector was computed with.

    Attributes
    ----------
    fingerprint : str
        Of the space.
    model : str
    runtime : str or None
        As in ``onnx:cpu``.
    safelight : str or None
        The version.
    embedded_at : str or None
        UTC, ISO 8601.
    """

    fingerprint: str
    model: str
    runtime: str | None = None
    safelight: str | None = None
    embedded_at: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PhotoRow:
    """All that is known of one photo or text.

    Attributes
    ----------
    photo_id : str
        sha256 of the bytes, hex.
    kind : str
        ``photo`` or ``text``.
    size : int
        Bytes.
    vector : (dimension,) float32 or None
        Of unit length.
    format, width, height, taken_at : optional
        As in :class:`safelight.model.Frame` and :class:`safelight.model.Exif`.
    exif : str
        JSON object of the fields that are set.
    text : str or None
        Of a text.
    added_at : str or None
        UTC, ISO 8601.
    scores : tuple of ScoreRecord
    labels : mapping
        By version of the label set.
    hashes : HashRecord or None
    files : tuple of FileRow
    provenance : Provenance or None
    """

    photo_id: str
    kind: str
    size: int
    vector: npt.NDArray[np.float32] | None
    format: str | None = None
    width: int | None = None
    height: int | None = None
    taken_at: str | None = None
    exif: str = "{}"
    text: str | None = None
    added_at: str | None = None
    scores: tuple[ScoreRecord, ...] = ()
    labels: Mapping[str, LabelledPhoto] = field(default_factory=dict)
    hashes: HashRecord | None = None
    files: tuple[FileRow, ...] = ()
    provenance: Provenance | None = None


def need_pyarrow() -> None:
    """Raise what to install if pyarrow is not.

    Raises
    ------
    UsageError
        The extra is not installed.
    """
    try:
        import fsspec  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as exc:
        raise UsageError(
            "Parquet needs pip install 'safelight[parquet]'.", code="missing-extra"
        ) from exc


def photo_schema(dimension: int) -> pa.Schema:
    """Return the columns of photos with vectors of `dimension` numbers."""
    need_pyarrow()
    import pyarrow as pa

    text = pa.string()
    score = pa.struct(
        [
            pa.field("metric", text, nullable=False),
            pa.field("version", text, nullable=False),
            ("value", pa.float64()),
            ("score", pa.float64()),
            pa.field("status", text, nullable=False),
            ("reason", text),
            ("details", text),
        ]
    )
    label = pa.struct(
        [
            pa.field("label", text, nullable=False),
            pa.field("confidence", pa.float64(), nullable=False),
            pa.field("cosine", pa.float64(), nullable=False),
            pa.field("calibrated", pa.float64(), nullable=False),
            pa.field("applies", pa.bool_(), nullable=False),
        ]
    )
    labelled = pa.struct(
        [
            pa.field("label_set", text, nullable=False),
            pa.field("abstained", pa.bool_(), nullable=False),
            pa.field("labels", pa.list_(label), nullable=False),
        ]
    )
    # Fields of a struct that may be null are written as null with it.
    hashes = pa.struct(
        [
            ("version", text),
            ("dct256", pa.binary()),
            ("words", pa.binary()),
            ("places", pa.binary()),
        ]
    )
    provenance = pa.struct(
        [
            ("fingerprint", text),
            ("model", text),
            ("runtime", text),
            ("safelight", text),
            ("embedded_at", text),
        ]
    )
    return pa.schema(
        [
            pa.field("photo_id", text, nullable=False),
            pa.field("kind", text, nullable=False),
            pa.field("size", pa.int64(), nullable=False),
            ("format", text),
            ("width", pa.int64()),
            ("height", pa.int64()),
            ("taken_at", text),
            pa.field("exif", text, nullable=False),
            ("text", text),
            ("added_at", text),
            ("vector", pa.list_(pa.float32(), dimension)),
            pa.field("scores", pa.list_(score), nullable=False),
            pa.field("labels", pa.list_(labelled), nullable=False),
            ("hashes", hashes),
            pa.field("files", pa.list_(pa.struct(_file_fields())), nullable=False),
            ("provenance", provenance),
        ]
    )


def failure_schema() -> pa.Schema:
    """Return the columns of failures."""
    need_pyarrow()
    import pyarrow as pa

    return pa.schema(
        [
            *_file_fields(),
            ("photo_id", pa.string()),
            ("code", pa.string()),
            ("reason", pa.string()),
            ("failed_at", pa.string()),
        ]
    )


def _file_fields() -> list[Any]:
    import pyarrow as pa

    return [
        pa.field("namespace", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("source_path", pa.string(), nullable=False),
        pa.field("size", pa.int64()),
        pa.field("mtime_ns", pa.int64()),
        pa.field("ctime_ns", pa.int64()),
        pa.field("inode", pa.int64()),
        pa.field("gone", pa.bool_(), nullable=False),
        pa.field("metadata", pa.map_(pa.string(), pa.string()), nullable=False),
    ]


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
    return json.loads(text) if text is not None and text != "{}" else {}


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
