"""Ingests that the server does: of sources it is named, and of photos that are uploaded."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from safelight.duplicates.recovery import recover
from safelight.ingest import ingest
from safelight.ingest.plan import make_plan
from safelight.ingest.scoring import usual_scoring
from safelight.labels import CacheFiles, Classifier, read_label_set
from safelight.library.derived import thumbnails_folder
from safelight.library.spaces import default_space
from safelight.server.uploads import (
    namespace_folder,
    sweep,
    uploaded_namespaces,
    uploads_folder,
)
from safelight.sources import parse_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.embedding.protocol import Embedder
    from safelight.ingest import Progress, Summary
    from safelight.server.service import Service
    from safelight.settings import Settings
    from safelight.sources import Source


def ingest_source(
    served: Service,
    source: Source,
    namespace: str,
    progress: Callable[[Progress], None] = lambda _: None,
    *,
    score: bool = False,
    label: bool = False,
    retry_failed: bool = False,
    accept_missing: bool = False,
) -> Summary:
    """Bring the library up to date with a source; on a worker's thread."""
    choice = served.choice()
    settings = served.settings
    recover(served.library.path)  # what a plan that was killed has set aside is a photo
    return ingest(
        served.library,
        [source],
        choice.embedder,
        model=choice.model,
        namespace=namespace,
        batch_size=settings.batch_size,
        # One core is left for those who search meanwhile.
        threads=settings.threads or max(1, (os.cpu_count() or 1) - 1),
        pixel_limit=settings.pixel_limit,
        retry_failed=retry_failed,
        accept_missing=accept_missing,
        scoring=usual_scoring(choice.embedder, settings.score_weights) if score else None,
        classifier=_classifier(settings, choice.embedder) if label else None,
        progress=progress,
    )


def _classifier(settings: Settings, embedder: Embedder) -> Classifier:
    label_set = read_label_set(settings.labels, settings.templates)
    return Classifier.open(label_set, embedder, cache=CacheFiles.of_user(label_set, embedder))


def finish_uploads(served: Service) -> None:
    """Ingest what was uploaded to a process that was killed before it was done."""
    library = served.library
    for folder in (uploads_folder(library), thumbnails_folder(library)):
        sweep(folder)
    space = default_space(library)
    for namespace in uploaded_namespaces(library):
        source = parse_source(f"images:{namespace_folder(library, namespace)}")
        plan = make_plan(
            library,
            source,
            namespace=namespace,
            fingerprint="" if space is None else space.fingerprint,
        )
        if plan.work:
            work = partial(ingest_source, served, source, namespace)
            served.jobs.add("upload", namespace, {"source": source.spec}, work)
