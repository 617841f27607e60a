"""Data sets in Parquet: photos with their vectors and all facts about them."""

from __future__ import annotations

from safelight.exchange.parquet.export import Exported, export_library
from safelight.exchange.parquet.fill_store import import_into_store
from safelight.exchange.parquet.load import Imported, import_data_set
from safelight.exchange.parquet.read_store import export_store

__all__ = [
    "Exported",
    "Imported",
    "export_library",
    "export_store",
    "import_data_set",
    "import_into_store",
]
