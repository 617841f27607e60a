"""safelight: one index over your photos.

>>> from safelight import Library, load_embedder
>>> from safelight.ingest import ingest
>>> from safelight.search import search
>>> with Library("photos.db") as library:                       # doctest: +SKIP
...     model = load_embedder("starter")
...     ingest(library, "~/Pictures", model)
...     for hit in search(library, "a dog in the snow", model):
...         print(f"{hit.score:.3f} — {hit.path}")

Names are imported when they are first used, so that ``import safelight`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safelight.duplicates.deduplicator import Deduplicator
    from safelight.embedding.base import Embedder
    from safelight.embedding.clip import CLIPEmbedder, CLIPModel
    from safelight.embedding.load import load_embedder
    from safelight.errors import SafelightError
    from safelight.imaging import decode
    from safelight.ingest.sources import parse_source
    from safelight.library.database import Database
    from safelight.library.database import Database as Library
    from safelight.pipeline.services.features import FeaturesService
    from safelight.retrieval import index_local_images, retrieve_local
    from safelight.search.query import parse_query
    from safelight.settings import Settings
    from safelight.types import Frame, Hit

__version__ = "0.1.0"

_HOMES = {
    "CLIPEmbedder": "embedding.clip",
    "CLIPModel": "embedding.clip",
    "Database": "library.database",
    "Deduplicator": "duplicates.deduplicator",
    "Embedder": "embedding.base",
    "FeaturesService": "pipeline.services.features",
    "Frame": "types",
    "Hit": "types",
    "Library": "library.database",
    "SafelightError": "errors",
    "Settings": "settings",
    "decode": "imaging",
    "index_local_images": "retrieval",
    "load_embedder": "embedding.load",
    "parse_query": "search.query",
    "parse_source": "ingest.sources",
    "retrieve_local": "retrieval",
}

__all__ = [
    "CLIPEmbedder",
    "CLIPModel",
    "Database",
    "Deduplicator",
    "Embedder",
    "FeaturesService",
    "Frame",
    "Hit",
    "Library",
    "SafelightError",
    "Settings",
    "decode",
    "index_local_images",
    "load_embedder",
    "parse_query",
    "parse_source",
    "retrieve_local",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'safelight' has no attribute {name!r}")
    kind = "Database" if name == "Library" else name
    return getattr(import_module(f"safelight.{home}"), kind)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
