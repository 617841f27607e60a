"""Registry of services by name."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from safelight.errors import UsageError
from safelight.pipeline.bus.events import REQUESTED

if TYPE_CHECKING:
    from safelight.pipeline.paths import PipelinePaths
    from safelight.pipeline.services.base import Service
    from safelight.settings import Settings

#: Each service, in order, and the event that brings it batches.
TAKES = {
    "ingest": REQUESTED,
    "preprocess": "ingest.completed",
    "features": "preprocess.completed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureOptions:
    """Options of the features service.

    Attributes
    ----------
    model, labels, templates : str or None
        The model, and the files of labels and templates; what the service takes by itself if None.
    library : str or None
        The file of a library that keeps features as well.
    compat_fallbacks : bool
        Defaults where nothing could be measured.
    """

    model: str | None = None
    labels: str | None = None
    templates: str | None = None
    library: str | None = None
    compat_fallbacks: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return those that were given, JSON-ready."""
        return {name: value for name, value in asdict(self).items() if value}


def make_service(
    name: str, places: PipelinePaths, settings: Settings, options: FeatureOptions | None = None
) -> Service:
    """Return the service of a name.

    Raises
    ------
    UsageError
        There is none of this name.
    ModelError
        Its model cannot be loaded.
    """
    if name == "ingest":
        from safelight.pipeline.services.ingest import IngestService

        return IngestService(places, threads=settings.threads, pixel_limit=settings.pixel_limit)
    if name == "preprocess":
        from safelight.pipeline.services.preprocess import PreprocessService

        return PreprocessService(places, threads=settings.threads, pixel_limit=settings.pixel_limit)
    if name == "features":
        return _features(places, settings, options or FeatureOptions())
    raise UsageError(f"Unknown service {name!r}. Choose from: {', '.join(TAKES)}.")


def _features(places: PipelinePaths, settings: Settings, options: FeatureOptions) -> Service:
    from safelight.labels import read_label_set
    from safelight.library.database import Database
    from safelight.pipeline.services.features import FeaturesService

    label_set = None
    if options.labels or options.templates:
        label_set = read_label_set(
            options.labels or settings.labels, options.templates or settings.templates
        )
    return FeaturesService(
        model=options.model,
        label_set=label_set,
        root=places.root,
        places=places,
        library=Database(options.library) if options.library else None,
        compat_fallbacks=options.compat_fallbacks,
        settings=settings,
    )
