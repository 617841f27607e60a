"""Pipeline: services that process batches of photos (ingest, preprocess, features).

>>> from safelight.pipeline import FeaturesService
>>> service = FeaturesService()                                  # doctest: +SKIP
>>> service.process({"batch_id": "b1", "artifacts": [...]})      # doctest: +SKIP

Names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safelight.pipeline.messages.schemas import read_schema
    from safelight.pipeline.paths import PipelinePaths
    from safelight.pipeline.services.features import FeaturesService

_HOMES = {
    "FeaturesService": "services.features",
    "PipelinePaths": "paths",
    "read_schema": "messages.schemas",
}

__all__ = ["FeaturesService", "PipelinePaths", "read_schema"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'safelight.pipeline' has no attribute {name!r}")
    return getattr(import_module(f"safelight.pipeline.{home}"), name)
