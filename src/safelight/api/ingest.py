"""Ingest: bring a library up to date with folders, lists and texts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.api.progress import Reporting, Step, as_progress, reporting
from safelight.arguments import as_list, as_name
from safelight.errors import SourceError, UsageError
from safelight.ingest import Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from safelight.api.opened import Opened
    from safelight.ingest.sources import Source

    SourceName = str | os.PathLike[str] | Source
    from safelight.labels import Classifier
    from safelight.model_choice import Choice

__all__ = [
    "IngestOptions",
    "Summary",
    "advice",
    "ingest",
    "ingest_each",
    "ingest_folder",
    "update",
]

_AWAY = (
    "Its photos keep all their data. If it was moved: safelight sources move OLD NEW; if you "
    "deleted it: safelight forget SOURCE."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """Options of an ingest besides its sources.

    Attributes
    ----------
    namespace : str or None
        That of the settings if None; without sources, all.
    recursive : bool
        Go into folders in folders.
    exclude : sequence of str
        Patterns of names to pass over, besides those of the settings.
    text_column : str or None
        The column of a ``text:`` source that holds the text.
    model : str or None
        The model to embed with; if None, it is chosen: the library's own, the setting, CLIP if it
        is available, else the starter model.
    score, label : bool
        Measure the quality of photos, label them, as well.
    retry_failed : bool
        Try unchanged files that failed once more.
    accept_missing : bool
        Call files missing even if that is most of a source.
    dry_run : bool
        Only tell what would be done.
    """

    namespace: str | None = None
    recursive: bool = True
    exclude: Sequence[str] = ()
    text_column: str | None = None
    model: str | None = None
    score: bool = False
    label: bool = False
    retry_failed: bool = False
    accept_missing: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        if self.namespace is not None:
            as_name(self.namespace, "namespace")
        object.__setattr__(self, "exclude", tuple(as_list(self.exclude, "exclude", str)))


def ingest(
    library: Opened,
    sources: SourceName | Iterable[SourceName],
    *,
    progress: Reporting | None = None,
    **options: Any,
) -> Summary:
    """Bring a library up to date with sources; see :class:`IngestOptions` for `options`.

    Raises
    ------
    SourceError
        A source is not there.
    ModelError
        The model cannot be loaded.
    """
    from safelight.ingest.sources import Source

    named = as_list(sources, "sources", str, os.PathLike, Source)
    if not named:
        raise UsageError("sources is empty. Name a folder, e.g. '~/Pictures'.", argument="sources")
    return _ingest(library, named, IngestOptions(**options), progress)[0]


def update(library: Opened, *, progress: Reporting | None = None, **options: Any) -> list[Summary]:
    """Bring a library up to date with all that was ingested before; a summary a namespace.

    Raises
    ------
    UsageError
        Nothing was ingested before.
    """
    return _ingest(library, (), IngestOptions(**options), progress)


def _ingest(
    library: Opened,
    sources: SourceName | Sequence[SourceName],
    options: IngestOptions,
    progress: Reporting | None,
) -> list[Summary]:
    was_new = not library.has_space
    summaries = list(ingest_each(library, sources, options, progress=progress))
    if not options.dry_run and not any(each.interrupted for each in summaries):
        from safelight.api.sync import feed

        feed(library, progress=progress)
        for note in advice(library, summaries, options, was_new=was_new):
            library.tell(note)
    return summaries


def ingest_each(
    library: Opened,
    sources: SourceName | Sequence[SourceName],
    options: IngestOptions,
    *,
    progress: Reporting | None = None,
) -> Iterator[Summary]:
    """Ingest namespace by namespace, and yield the summary of each as it is done.

    Parameters
    ----------
    sources : sequence of path-like
        All go into one namespace; all sources that were ingested before if empty.

    Raises
    ------
    SourceError
        A source is not there.
    UsageError
        There are no sources, or the options do not go with them.
    """
    from safelight.ingest.sources import Source

    sources = as_list(sources, "sources", str, os.PathLike, Source)
    from safelight.labels import read_label_set

    work = _sources(library, sources, options)
    settings = library.settings
    if options.dry_run:
        yield from _previews(library, work, options)
        return
    label_set = read_label_set(settings.labels, settings.templates) if options.label else None
    choice = library.choose_for_ingest(options.model)
    _tell_of_device(library, choice)
    classifier = None
    if label_set is not None:
        from safelight.api.label import open_classifier

        classifier = open_classifier(label_set, choice.embedder, tell=library.tell)
    for name, group in work.items():
        summary = _run(library, choice, group, name, options, classifier, progress)
        yield summary
        if summary.interrupted:
            return


def ingest_folder(
    library: Opened,
    folder: str | os.PathLike[str],
    *,
    model: str | None = None,
    progress: Reporting | None = None,
) -> Summary:
    """Bring a library up to date with one folder, without advice."""
    from safelight.ingest.sources import parse_source

    choice = library.choose_for_ingest(model)
    source = parse_source(f"images:{os.fspath(folder)}", usual=library.settings.exclude)
    namespace = library.settings.namespace
    return _run(library, choice, [source], namespace, IngestOptions(), None, progress)


def advice(
    library: Opened, summaries: Sequence[Summary], options: IngestOptions, *, was_new: bool
) -> list[str]:
    """Return notes after an ingest: a better model, or searches in another space.

    Parameters
    ----------
    was_new : bool
        Nothing had been embedded before.
    """
    summaries = as_list(summaries, "summaries", Summary)
    from safelight.library.spaces import default_space
    from safelight.model_choice import better_model

    notes = []
    is_named = (options.model or library.model) is not None
    if not is_named and not was_new and (note := better_model(library.database, library.settings)):
        notes.append(note)
    space = default_space(library.database)
    if summaries and space is not None and space.fingerprint != summaries[-1].space:
        notes.append(
            f"Searches still use {space.name}. To search with the new model: "
            f"safelight library use {summaries[-1].model}"
        )
    return notes


def _previews(
    library: Opened, work: dict[str, list[Source]], options: IngestOptions
) -> Iterator[Summary]:
    from safelight.ingest import preview
    from safelight.model_choice import choose_for_preview

    fingerprint, model = choose_for_preview(
        library.database, library.settings, options.model or library.model
    )
    for name, group in work.items():
        yield preview(
            library.database,
            group,
            fingerprint=fingerprint,
            name=model,
            namespace=name,
            retry_failed=options.retry_failed,
        )


def _tell_of_device(library: Opened, choice: Choice) -> None:
    from safelight.embedding.devices import why_not_faster

    if why := why_not_faster(choice.embedder.where):
        library.tell(f"{choice.embedder.name} runs on {choice.embedder.where}. {why}")


def _run(
    library: Opened,
    choice: Choice,
    sources: Sequence[Source],
    namespace: str,
    options: IngestOptions,
    classifier: Classifier | None,
    progress: Reporting | None,
) -> Summary:
    from safelight.duplicates.plans.recovery import recover
    from safelight.ingest import ingest as bring_up_to_date
    from safelight.ingest.score import usual_scoring

    settings = library.settings
    recover(library.path)  # what a plan that was killed has set aside is a photo
    scoring = usual_scoring(choice.embedder, settings.score_weights) if options.score else None
    with reporting(_chosen(library, progress)) as step:
        return bring_up_to_date(
            library.database,
            sources,
            choice.embedder,
            model=choice.model,
            namespace=namespace,
            batch_size=settings.batch_size,
            threads=settings.threads,
            pixel_limit=settings.pixel_limit,
            retry_failed=options.retry_failed,
            accept_missing=options.accept_missing,
            scoring=scoring,
            classifier=classifier,
            clusters_from=settings.clusters_from,
            progress=lambda now: step(Step("Embedding", now.done, now.total, now.failed)),
        )


def _chosen(library: Opened, progress: Reporting | None) -> Reporting:
    return library.progress if progress is None else as_progress(progress)


def _sources(
    library: Opened, specs: Sequence[SourceName], options: IngestOptions
) -> dict[str, list[Source]]:
    """Return the sources by namespace: those named, or all that were ingested before."""
    if not specs:
        return _remembered(library, options)
    from safelight.ingest.sources import parse_source
    from safelight.ingest.sources.folder import FolderSource

    named: list[Source] = []
    for spec in specs:
        if not isinstance(spec, str | os.PathLike):
            named.append(spec)
            continue
        try:
            source = parse_source(
                spec,
                recursive=options.recursive,
                exclude=options.exclude,
                usual=library.settings.exclude,
                text_column=options.text_column,
            )
        except SourceError as exc:
            if not _is_remembered(library, os.fspath(spec)):
                raise
            raise SourceError(f"{spec} is not there. {_AWAY}", source=os.fspath(spec)) from exc
        named.append(source)
    if options.exclude and not any(isinstance(source, FolderSource) for source in named):
        raise UsageError(
            "exclude is for folders, and none of the sources is one.", argument="exclude"
        )
    return {options.namespace or library.settings.namespace: named}


def _remembered(library: Opened, options: IngestOptions) -> dict[str, list[Source]]:
    from safelight.ingest.sources import remembered_source
    from safelight.library.ingested_sources import remembered

    if options.exclude:
        raise UsageError("exclude is for folders that you name.", argument="exclude")
    known: dict[str, list[Source]] = {}
    skipped = 0
    for name, spec, own in remembered(library.database, options.namespace):
        try:
            source = remembered_source(spec, own, library.settings.exclude)
        except SourceError as exc:  # an unplugged disk must not keep the others from their turn
            skipped += 1
            library.warn(f"{exc} Skipped. {_AWAY}")
        else:
            known.setdefault(name, []).append(source)
    if skipped and not known:
        raise SourceError("None of the sources exists now; `safelight sources` lists them.")
    if not known:
        raise UsageError("Nothing was ingested before. Name a folder.", code="no-sources")
    return known


def _is_remembered(library: Opened, spec: str) -> bool:
    """Tell whether a source that is not there was ingested before."""
    from safelight.files.names import expanded
    from safelight.library.sources import place_of, read_sources

    kind, place = place_of(spec)
    if not place or os.path.lexists(expanded(place)):
        return False
    where = os.path.abspath(expanded(place))
    known = {place_of(each.spec) for each in read_sources(library.database)}
    return (kind or "images", where) in known or (kind, where) in known
