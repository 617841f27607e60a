"""Names of :mod:`safelight.library.rows` and of the modules here, where they were at first."""

from __future__ import annotations

from safelight.library.rows import FailureRow, FileRow, PhotoRow, Provenance
from safelight.parquet.columns import SCHEMA_VERSION, failure_schema, need_pyarrow, photo_schema
from safelight.parquet.from_arrow import failures_from_arrow, photos_from_arrow
from safelight.parquet.to_arrow import failures_to_arrow, photos_to_arrow

__all__ = [
    "SCHEMA_VERSION",
    "FailureRow",
    "FileRow",
    "PhotoRow",
    "Provenance",
    "failure_schema",
    "failures_from_arrow",
    "failures_to_arrow",
    "need_pyarrow",
    "photo_schema",
    "photos_from_arrow",
    "photos_to_arrow",
]
