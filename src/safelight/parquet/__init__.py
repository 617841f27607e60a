"""Data sets: photos with their vectors, and all that is known of them, as Parquet."""

from __future__ import annotations

from safelight.parquet.exporting import Exported, export_library
from safelight.parquet.from_store import export_store
from safelight.parquet.importing import Imported, import_data_set
from safelight.parquet.into_store import import_into_store

__all__ = [
    "Exported",
    "Imported",
    "export_library",
    "export_store",
    "import_data_set",
    "import_into_store",
]
