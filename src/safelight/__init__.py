"""safelight: one index over your photos.

>>> import safelight
>>> with safelight.open("photos.db") as library:                 # doctest: +SKIP
...     library.ingest("~/Pictures")
...     for hit in library.search("a dog in the snow", top=20):
...         print(f"{hit.score:.3f} — {hit.path}")

Names are imported when they are first used, so that ``import safelight`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safelight.api.asynchronous import AsyncLibrary
    from safelight.api.library import Library, open_library
    from safelight.duplicates.deduplicator import Deduplicator
    from safelight.embedding.base import Embedder
    from safelight.embedding.clip import CLIPEmbedder, CLIPModel
    from safelight.embedding.load import load_embedder
    from safelight.errors import SafelightError
    from safelight.imaging import decode
    from safelight.ingest.sources import parse_source
    from safelight.library.browse import Filter
    from safelight.library.database import Database
    from safelight.pipeline import FeaturesService
    from safelight.retrieval import index_local_images, retrieve_local
    from safelight.search.query import parse_query
    from safelight.settings import Settings
    from safelight.types import Frame, Hit

    open = open_library

__version__ = "0.1.0"

_HOMES = {
    "AsyncLibrary": "api.asynchronous",
    "CLIPEmbedder": "embedding.clip",
    "CLIPModel": "embedding.clip",
    "Database": "library.database",
    "Deduplicator": "duplicates.deduplicator",
    "Embedder": "embedding.base",
    "FeaturesService": "pipeline.services.features",
    "Filter": "library.browse",
    "Frame": "types",
    "Hit": "types",
    "Library": "api.library",
    "SafelightError": "errors",
    "Settings": "settings",
    "decode": "imaging",
    "index_local_images": "retrieval",
    "load_embedder": "embedding.load",
    "parse_query": "search.query",
    "parse_source": "ingest.sources",
    "retrieve_local": "retrieval",
}

#: Not in ``__all__``: a star import must not hide Python's own.
_OPEN = "open"

__all__ = [
    "AsyncLibrary",
    "CLIPEmbedder",
    "CLIPModel",
    "Database",
    "Deduplicator",
    "Embedder",
    "FeaturesService",
    "Filter",
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
    if name == _OPEN:
        from safelight.api.library import open_library

        return open_library
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'safelight' has no attribute {name!r}")
    return getattr(import_module(f"safelight.{home}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, _OPEN])
