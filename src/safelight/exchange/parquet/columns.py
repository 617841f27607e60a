"""Columns of photos, and of failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safelight.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

#: Of the columns; a data set of a greater one is refused.
SCHEMA_VERSION = 1


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
