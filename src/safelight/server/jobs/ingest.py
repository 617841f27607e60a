"""Ingest jobs of the server: named sources and uploaded photos."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from loguru import logger

from safelight.errors import SafelightError
from safelight.files.atomic import sweep
from safelight.ingest import ingest
from safelight.ingest.score import usual_scoring
from safelight.ingest.sources import parse_source
from safelight.ingest.worklist import make_worklist
from safelight.labels import CacheFiles, Classifier, LabelSet, read_label_set
from safelight.library.attributes.label_sets import last_label_set
from safelight.library.attributes.scores import measured_metrics
from safelight.library.derived import thumbnails_folder
from safelight.library.spaces import default_space
from safelight.library.state.jobs import interrupted_jobs, write_job
from safelight.server.errors import Problem
from safelight.server.jobs.allowed_sources import allowed_source, guarded
from safelight.server.jobs.uploads import (
    namespace_folder,
    uploaded_namespaces,
    uploads_folder,
)
from safelight.server.media.thumbnails import keep_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from safelight.embedding.base import Embedder
    from safelight.ingest import Progress, Summary
    from safelight.ingest.sources import Source
    from safelight.library.state.jobs import Job
    from safelight.server.state import ServerState


#: What was interrupted longer ago is not gone on with unasked.
_RESUMED_WITHIN = timedelta(days=7)


def ingest_source(
    served: ServerState,
    source: Source,
    namespace: str,
    progress: Callable[[Progress], None] = lambda _: None,
    *,
    score: bool | None = False,
    label: bool | None = False,
    retry_failed: bool = False,
    afresh: bool = False,
    only: Container[str] | None = None,
    accept_missing: bool = False,
) -> Summary:
    """Bring the library up to date with a source; on a worker's thread.

    Parameters
    ----------
    score, label : bool or None
        None: as the photos of the library are, with its scores and its last label set.
    retry_failed, afresh, only, accept_missing
        See :func:`safelight.ingest.ingest`.
    """
    choice = served.choice()
    if score is None:
        score = bool(measured_metrics(served.library))
    settings = served.settings
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
        afresh=afresh,
        only=only,
        accept_missing=accept_missing,
        scoring=usual_scoring(choice.embedder, settings.score_weights) if score else None,
        classifier=_classifier(served, choice.embedder, label),
        keep_frame=partial(keep_frame, served.library),
        progress=progress,
    )


def _classifier(served: ServerState, embedder: Embedder, label: bool | None) -> Classifier | None:
    if label:
        settings = served.settings
        label_set = read_label_set(settings.labels, settings.templates)
    elif label is None and (last := last_label_set(served.library)) is not None:
        label_set = LabelSet(last.labels, last.templates)
    else:
        return None
    return Classifier.open(label_set, embedder, cache=CacheFiles.of_user(label_set, embedder))


def finish_uploads(served: ServerState) -> None:
    """Ingest what was uploaded to a process that was killed before it was done."""
    library = served.library
    for swept in (uploads_folder(library), thumbnails_folder(library)):
        for folder in swept.glob("*/"):
            sweep(folder)
    space = default_space(library)
    for namespace in uploaded_namespaces(library):
        place = str(namespace_folder(library, namespace))
        source = guarded(parse_source(f"images:{place}"), (os.path.realpath(place),))
        plan = make_worklist(
            library,
            source,
            namespace=namespace,
            fingerprint="" if space is None else space.fingerprint,
        )
        if plan.work:
            work = partial(
                ingest_source, served, source, namespace, score=None, label=None, only=()
            )
            served.jobs.add("upload", namespace, {"source": source.spec}, work)


def resume_jobs(served: ServerState) -> None:
    """Go on with ingests that were asked for before the server was stopped."""
    resume(served, "ingest", lambda job, request: add_ingest(served, job.namespace, request))


def resume(
    served: ServerState, kind: str, add: Callable[[Job, Mapping[str, Any]], Job | None]
) -> None:
    """Go on with the jobs of a kind that were interrupted.

    One that a process died of twice is left alone: it may be the reason.

    Parameters
    ----------
    add : callable
        Given the job and what is asked for now, adds the one that goes on; None: none does.
    """
    lost = {job.id for job in served.jobs.lost}
    since = (datetime.now(UTC) - _RESUMED_WITHIN).isoformat(timespec="milliseconds")
    for job in interrupted_jobs(served.library, kind, since):
        if job.id in lost and "resumes" in job.request:
            continue
        try:
            resumed = add(job, {**job.request, "resumes": job.id})
        except (SafelightError, Problem) as error:
            logger.info("The job {} is not resumed: {}", job.id, error)
            continue
        if resumed is not None:
            summary = {**(job.summary or {}), "resumed_as": resumed.id}
            write_job(served.library, replace(job, summary=summary))


def add_ingest(
    served: ServerState,
    namespace: str,
    request: Mapping[str, Any],
    namespaces: tuple[str, ...] | None = None,
    job_id: str | None = None,
) -> Job:
    """Add the job of an ingest that a client asks for.

    Parameters
    ----------
    request : mapping
        The fields of :class:`safelight.server.schemas.photos.IngestRequest`.
    namespaces : tuple of str, optional
        Only sources of these.
    job_id : str, optional
        If there is a job of this id, it is returned, and nothing added.

    Raises
    ------
    Problem
        With 403: the source does not lie where it may. With 429: too many jobs wait.
    SourceError
        The source is not there.
    """
    source = allowed_source(
        served.library,
        request["source"],
        served.options.roots,
        recursive=request.get("recursive", True),
        exclude=tuple(request.get("exclude", ())),
        usual=tuple(served.settings.exclude),
        namespaces=namespaces,
    )
    work = partial(
        ingest_source,
        served,
        source,
        namespace,
        score=request.get("score", False),
        label=request.get("label", False),
        retry_failed=request.get("retry_failed", False),
        accept_missing=request.get("accept_missing", False),
    )
    return served.jobs.add("ingest", namespace, request, work, job_id)
