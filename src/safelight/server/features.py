"""Features of pipeline batches, with the library's own model, in the allowed folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safelight.errors import UsageError
from safelight.ingest.sources.entry import is_inside
from safelight.labels import read_label_set
from safelight.pipeline import FeaturesService, PipelinePaths
from safelight.pipeline.messages.artifacts import artifacts_of
from safelight.pipeline.messages.uris import to_path
from safelight.server.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from safelight.server.state import ServerState

_URIS = ("std_uri", "ranking_uri", "original_uri")


def extract(served: ServerState, batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch with features; on a worker's thread.

    Raises
    ------
    Problem
        With 403: a URI leads out of the folders that the server may read.
    UsageError
        It is not a batch.
    """
    roots = served.options.roots
    if not roots:
        raise Problem(403, "The server may read no folder. Start it with --root FOLDER.", "outside")
    for number, artifact in enumerate(artifacts_of(batch)):
        for name in _URIS:
            uri = artifact.get(name)
            if isinstance(uri, str) and uri and not _is_allowed(uri, roots):
                raise Problem(
                    403,
                    f"The {name} of artifact {number} lies outside of the folders that the server "
                    "may read.",
                    "outside",
                )
    return _service(served).process(batch)


def _is_allowed(uri: str, roots: Sequence[str]) -> bool:
    try:
        path = to_path(uri, roots[0])
    except UsageError:
        return True  # it names no file; the service says so in its artifact
    return is_inside(str(path), roots)


def _service(served: ServerState) -> FeaturesService:
    choice = served.choice()
    settings = served.settings

    def make() -> FeaturesService:
        return FeaturesService(
            choice.embedder,
            label_set=read_label_set(settings.labels, settings.templates),
            root=served.options.roots[0],
            places=PipelinePaths(_cache_folder(served)),
            settings=settings,
        )

    found: FeaturesService = served.for_model("features", choice, make)
    return found


def _cache_folder(served: ServerState) -> Path:
    library = served.library.path
    return library.with_name(library.name + ".features")
