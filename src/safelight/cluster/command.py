"""From a command's options to a run: the model, the listings, the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.cluster.engine import cluster
from safelight.cluster.listing import parse_listing
from safelight.cluster.run import Run, Summary
from safelight.cluster.workers import Work
from safelight.embedding.devices import parse_device
from safelight.embedding.load import default_model, load_embedder
from safelight.embedding.names import lasting_name
from safelight.exchange.parquet.description import find_description
from safelight.exchange.parquet.locations import open_place
from safelight.ingest.score import usual_scoring
from safelight.model_choice import CLIP, clip_model
from safelight.types import Space

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.cluster.options import ClusterOptions
    from safelight.embedding.base import Embedder
    from safelight.ingest import Progress
    from safelight.labels import Classifier
    from safelight.settings import Settings


def ingest(
    settings: Settings,
    specs: Sequence[str],
    options: ClusterOptions,
    *,
    classify: Callable[[Embedder], Classifier] | None = None,
    tell: Callable[[str], None] = lambda _: None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Summary:
    """Bring a data set up to date with what `specs` name.

    Parameters
    ----------
    settings : Settings
        Of these count namespace, model, device, batch size, threads (the processors that each
        worker has, one if not set), pixel limit, names to exclude and weights of scores.
    specs : sequence of str
        See :func:`safelight.cluster.listing.parse_listing`.
    options : ClusterOptions
    classify : callable, optional
        Returns the classifier for the model, if labels are wanted.
    tell : callable
        Given sentences for the user.
    progress : callable
        Called as chunks are done.

    Raises
    ------
    UsageError, SourceError, ClusterError, ModelError
        See :meth:`safelight.cluster.run.Run.bring_up_to_date`.
    """
    listings = [
        parse_listing(
            spec,
            recursive=options.recursive,
            exclude=(*settings.exclude, *options.exclude),
            url_column=options.url_column,
            bytes_column=options.bytes_column,
        )
        for spec in specs
    ]
    place = open_place(options.output)
    there = find_description(place)
    model = options.model
    if model == CLIP:
        model = clip_model(there.space if there is not None else None, settings)
    if model is None and there is not None:
        model = there.space.model
    if model is None:
        default = default_model(settings.model, timeout=settings.hub_timeout)
        if default.note:
            tell(default.note)
        model = default.model
    kind, _ = parse_device(settings.device)
    # This machine need not have the GPUs that others of the cluster have.
    device = settings.device if kind == "auto" else "cpu"
    embedder = load_embedder(model, device=device, tell=tell)
    gpu = kind == "cuda" or (kind == "auto" and embedder.where.kind == "cuda")
    scoring = usual_scoring(embedder, settings.score_weights) if options.score else None
    named = lasting_name(model, embedder)
    work = Work(
        output=place.shown if place.is_local else options.output,
        model=named,
        fingerprint=embedder.fingerprint,
        dimension=embedder.dimension,
        device="cuda" if gpu else "cpu" if kind in ("auto", "cuda") else settings.device,
        batch_size=settings.batch_size,
        pixel_limit=settings.pixel_limit,
        cores=settings.threads or 1,
        score_weights=settings.score_weights if options.score else None,
        classifier=classify(embedder) if classify else None,
    )
    run = Run(
        work,
        embedder,
        Space(embedder.fingerprint, embedder.name, embedder.dimension, named),
        scoring,
        lambda: cluster(options.address),
        workers=options.workers,
        gpu=gpu,
        apart=options.apart,
        progress=progress,
    )
    return run.bring_up_to_date(listings, settings.namespace, retry_failed=options.retry_failed)
