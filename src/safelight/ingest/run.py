"""One ingest, from sources to a summary."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from safelight.arguments import as_count, as_name, as_new_name, refused
from safelight.duplicates.plans.recovery import recover
from safelight.embedding.base import require_embedder
from safelight.embedding.names import name_to_reload
from safelight.errors import SourceError, SpaceError
from safelight.ingest.label import label_lacking
from safelight.ingest.pipeline import Pipeline
from safelight.ingest.score import score_lacking
from safelight.ingest.settle import Settled, settle
from safelight.ingest.sources import parse_source, remembered_source
from safelight.ingest.sources.folder import FolderSource
from safelight.ingest.sources.spelling import known_spelling
from safelight.ingest.summary import Progress, Summary
from safelight.ingest.worklist import make_worklist
from safelight.library.database import as_database
from safelight.library.files import namespaces
from safelight.library.ingested_sources import remember, remember_unread, remembered
from safelight.library.spaces import add_space, find_space
from safelight.library.vector_index.open import open_fastest
from safelight.settings import CLUSTERS_FROM
from safelight.types import DEFAULT_MAX_PIXELS, Space

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from safelight.embedding.base import Embedder
    from safelight.ingest.load import KeepFrame
    from safelight.ingest.score import Scoring
    from safelight.ingest.sources import Source
    from safelight.ingest.sources.entry import Entry
    from safelight.ingest.worklist import Worklist
    from safelight.labels import Classifier
    from safelight.library.database import AnyLibrary, Database

BATCH_SIZE = 16


def ingest(
    library: AnyLibrary,
    sources: Source | str | Iterable[Source | str],
    embedder: Embedder,
    *,
    model: str | None = None,
    namespace: str = "default",
    batch_size: int | None = None,
    threads: int | None = None,
    pixel_limit: int = DEFAULT_MAX_PIXELS,
    retry_failed: bool = False,
    afresh: bool = False,
    only: Container[str] | None = None,
    scoring: Scoring | None = None,
    classifier: Classifier | None = None,
    clusters_from: int = CLUSTERS_FROM,
    keep_frame: KeepFrame | None = None,
    accept_missing: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Summary:
    """Bring the library up to date with `sources`.

    A file that was moved is followed to its new path. If most of a source is missing, as where its
    disk is not plugged in, its files are kept, and the summary says so.

    Ctrl-C (:class:`KeyboardInterrupt`) stops it cleanly: what is embedded is written, and the
    summary says ``interrupted``.

    Parameters
    ----------
    library : Library or Database
    sources : Source or str, or iterable of them
        What :func:`safelight.ingest.sources.parse_source` returns, or takes.
    embedder : Embedder
        Its weights are loaded only if there is something to embed.
    model : str, optional
        What ``--model`` takes to load `embedder` again; kept with the space. Only for embedders of
        your own: one that :func:`safelight.load_embedder` returned knows it itself.
    namespace : str
    batch_size : int, optional
        Photos given to the model at once; what suits it, and at least 16, if not given.
    threads : int, optional
        Threads that read and decode, one a core if not given.
    pixel_limit : int
        A photo with more pixels fails with ``too-large``.
    retry_failed : bool
        Also try files again that failed before and have not changed.
    afresh : bool
        Work on content as if it were new, whichever namespace has it: nobody can tell from the
        time it takes, or from the summary, whether one does.
    only : container of str, optional
        Ids of the photos that lack scores or labels and are given them; all of the namespace if
        None.
    scoring : Scoring, optional
        Keep these scores as well: of new photos from the decode that is there, then of all photos
        of the namespace that lack one in its present version.
    classifier : Classifier, optional
        Keep the labels that it gives as well: of new photos with their vectors, then of all
        photos of the namespace that its label set has not labelled. Of `embedder`'s space.
    clusters_from : int
        Vectors from which another process is started, at the end, to sort them into clusters.
    keep_frame : callable, optional
        Called with the id and the frame of each photo that is decoded, on the thread that did it.
    accept_missing : bool
        Call files missing even if that is most of a source.
    progress : callable
        Called from this thread after each entry.

    Raises
    ------
    SourceError
        A source cannot be listed at all.
    ModelError
        The model cannot be loaded, or fails on everything it is given.
    SpaceError
        `classifier` is for the vectors of another model.
    """
    started = time.perf_counter()
    library = as_database(library)
    require_embedder(embedder)
    if as_name(namespace, "namespace") not in namespaces(library):
        as_new_name(namespace, "namespace")
    batch_size = None if batch_size is None else as_count(batch_size, "batch_size")
    threads = None if threads is None else as_count(threads, "threads")
    if classifier is not None and classifier.fingerprint != embedder.fingerprint:
        raise SpaceError(f"The labels are for another model than {embedder.name}.")
    sources, notes = _known_names(library, namespace, sources)
    recover(library.path)  # what a killed plan has set aside is a photo
    plans, work, planned = _plan(
        library, sources, namespace, embedder.fingerprint, embedder.name, retry_failed
    )
    if batch_size is None and work:
        batch_size = max(BATCH_SIZE, embedder.batch_size * embedder.workers)
    pipeline = Pipeline(
        library,
        embedder,
        namespace,
        batch_size or BATCH_SIZE,
        progress,
        scoring,
        classifier,
        afresh=afresh,
        keep_frame=keep_frame,
    )
    remember(library, namespace, ((source.spec, source.options) for source in sources))
    remember_unread(library, namespace, {each.spec: _unread(each) for each in sources})
    pipeline.write_plans(plans)
    if work or find_space(library, embedder.fingerprint) is not None:
        add_space(
            library,
            Space(
                embedder.fingerprint,
                embedder.name,
                embedder.dimension,
                name_to_reload(embedder, model),
            ),
        )
    threads = threads or os.cpu_count() or 1
    interrupted = pipeline.work(work, threads, pixel_limit)
    told: list[str] = []
    again = list({entry.path: entry for plan in plans for entry in plan.refresh}.values())
    if again and not interrupted:
        with pipeline.stage("facts"):
            changed = pipeline.refresh(again, threads, pixel_limit)
        if changed:
            told.append(f"Facts of {changed:,} known photos were read again.")
    settled = Settled()
    if not interrupted:
        with pipeline.stage("write"):
            settled = settle(
                library, namespace, plans, pipeline.known_at, accept_missing=accept_missing
            )
    if scoring is not None and not interrupted:
        with pipeline.stage("score"):
            scored, interrupted = score_lacking(
                library,
                scoring,
                fingerprint=embedder.fingerprint,
                namespace=namespace,
                threads=threads,
                pixel_limit=pixel_limit,
                progress=progress,
                only=only,
            )
        pipeline.tally["scored"] += scored
    has_space = find_space(library, embedder.fingerprint) is not None
    if classifier is not None and has_space and not interrupted:
        with pipeline.stage("label"):
            labelled, interrupted = label_lacking(
                library, classifier, namespace, progress, only=only
            )
        pipeline.tally["labelled"] += labelled
    if has_space:
        with pipeline.stage("index"):
            open_fastest(library, embedder.fingerprint, clusters_from=clusters_from)
    return replace(
        planned,
        new=pipeline.tally["new"],
        known=planned.known + pipeline.tally["known"],
        failed=len(pipeline.failures),
        gone=settled.missing,
        moved=settled.moved,
        excluded=settled.excluded,
        kept=settled.kept,
        scored=pipeline.tally["scored"],
        labelled=pipeline.tally["labelled"],
        device=str(embedder.where) if work else None,
        interrupted=interrupted,
        seconds=time.perf_counter() - started,
        stages={**planned.stages, **pipeline.seconds},
        failures=pipeline.failures,
        notes=[*notes, *planned.notes, *told, *settled.notes],
    )


def preview(
    library: AnyLibrary,
    sources: Source | str | Iterable[Source | str],
    *,
    fingerprint: str,
    name: str,
    namespace: str = "default",
    retry_failed: bool = False,
) -> Summary:
    """Preview an ingest: open no photo, write nothing, need no model.

    Parameters
    ----------
    fingerprint, name : str
        Of the model that the ingest would use.

    Raises
    ------
    SourceError
        A source cannot be listed at all.
    """
    library = as_database(library)
    sources, notes = _known_names(library, namespace, sources)
    _, _, planned = _plan(library, sources, namespace, fingerprint, name, retry_failed)
    planned = replace(planned, notes=[*notes, *planned.notes])
    return replace(planned, dry_run=True, seconds=planned.stages["list"])


def _plan(
    library: Database,
    sources: Sequence[Source],
    namespace: str,
    fingerprint: str,
    name: str,
    retry_failed: bool,
) -> tuple[list[Worklist], list[Entry], Summary]:
    """Return the plan of each source, the entries to be opened, and what that amounts to."""
    started = time.perf_counter()
    usual = next((each.usual for each in sources if isinstance(each, FolderSource)), ())
    known = _remembered(library, namespace, usual)
    others = {source.spec: source for source in (*known, *sources)}
    plans = [
        make_worklist(
            library,
            source,
            namespace=namespace,
            fingerprint=fingerprint,
            retry_failed=retry_failed,
            others=[other for spec, other in others.items() if spec != source.spec],
        )
        for source in sources
    ]
    unmatched = _unmatched(sources)
    # Two sources may name the same file.
    work = list({entry.path: entry for plan in plans for entry in plan.work}.values())
    planned = Summary(
        namespace=namespace,
        space=fingerprint,
        model=name,
        new=len(work),
        known=sum(plan.linked for plan in plans),
        unchanged=sum(plan.unchanged for plan in plans),
        failed=sum(plan.refused for plan in plans),
        failing=sum(plan.failing for plan in plans),
        gone=sum(len(plan.missing) for plan in plans),
        excluded=sum(len(plan.excluded) for plan in plans),
        stages={"list": time.perf_counter() - started},
        unmatched=list(unmatched),
        notes=[
            *_passed_over(sources),
            *_stale(plans),
            *map(_unmatched_text, unmatched, unmatched.values()),
        ],
        unread=dict(sum((_unread(source) for source in sources), Counter()).most_common()),
    )
    return plans, work, planned


def _stale(plans: Sequence[Worklist]) -> list[str]:
    count = sum(plan.stale for plan in plans)
    files = f"{count:,} files that may be transparent are"
    if count == 1:
        files = "1 file that may be transparent is"
    return [f"{files} read again: what is pale was not seen before."] if count else []


def _unmatched(sources: Iterable[Source]) -> dict[str, str | None]:
    """Return patterns that matched nothing in any of the folders that have them."""
    folders = [source for source in sources if isinstance(source, FolderSource)]
    found: dict[str, str | None] = {}
    for source in folders:
        for pattern, almost in source.unmatched.items():
            having = [each for each in folders if pattern in map(str.strip, each.exclude)]
            if all(pattern in each.unmatched for each in having):
                found[pattern] = found.get(pattern) or almost
    return found


def _unmatched_text(pattern: str, almost: str | None) -> str:
    case = f" There is {almost!r}, and case counts." if almost else ""
    return f"The exclusion {pattern!r} matched nothing.{case}"


def _unread(source: Source) -> Counter[str]:
    return source.unread if isinstance(source, FolderSource) else Counter()


def _known_names(
    library: Database, namespace: str, sources: Source | str | Iterable[Source | str]
) -> tuple[list[Source], list[str]]:
    """Return sources with their folders as the library knows them already, and what to say."""
    folders = [
        spec.removeprefix("images:")
        for _, spec, _ in remembered(library, namespace)
        if spec.startswith("images:")
    ]
    found: list[Source] = []
    notes = []
    given: Any = sources
    if isinstance(sources, str | bytes | os.PathLike) or hasattr(sources, "entries"):
        given = [sources]
    if not isinstance(given, Iterable):
        raise refused("sources", "a source, or several", sources)
    for each in given:
        source: Source = each if hasattr(each, "entries") else parse_source(each)
        if not isinstance(source, FolderSource):
            found.append(source)
            continue
        known = known_spelling(source, folders)
        found.append(known)
        folders.append(known.folder)
        if known.folder != source.folder:
            notes.append(f"{source.folder} is {known.folder}, which the library knows already.")
    return found, notes


def _remembered(library: Database, namespace: str, usual: Sequence[str]) -> list[Source]:
    found = []
    for _, spec, options in remembered(library, namespace):
        with contextlib.suppress(SourceError):  # not there now
            found.append(remembered_source(spec, options, usual))
    return found


def _passed_over(sources: Iterable[Source]) -> list[str]:
    """Say which packages of other programs were passed over."""
    return [
        f"{path} belongs to another program and was passed over. To ingest it all the same, name "
        "the folder of its photos as a source."
        for source in sources
        if isinstance(source, FolderSource)
        for path in source.packages
    ]
