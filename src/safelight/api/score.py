"""Quality: measure files of any kind, and what a library lacks."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safelight.api.progress import Reporting, Step, as_progress, reporting
from safelight.arguments import as_list
from safelight.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from safelight.api.opened import Opened
    from safelight.quality import Report as Report
    from safelight.settings import Settings

__all__ = ["FileScores", "Scored", "explained", "ranked", "score_files", "score_library"]


@dataclass(frozen=True, slots=True)
class Scored:
    """Outcome of measuring the photos of a library.

    Attributes
    ----------
    scored : int
        Photos measured now; the others were measured before, or cannot be read.
    interrupted : bool
        Stopped before its end.
    """

    scored: int
    interrupted: bool


def score_library(
    library: Opened, *, namespace: str | None = None, progress: Reporting | None = None
) -> Scored:
    """Measure the quality of the photos of a library that lack a score, and keep it.

    Parameters
    ----------
    namespace : str, optional
        Only photos with a file in it.

    Raises
    ------
    LibraryError
        Nothing was ingested yet, or there is no such namespace.
    """
    from safelight.ingest.score import score_lacking, usual_scoring
    from safelight.library.files import namespaces, require_namespace

    database, settings = library.database, library.settings
    shown = library.progress if progress is None else as_progress(progress)
    require_namespace(database, namespace)
    embedder = library.embedder()
    scoring = usual_scoring(embedder, settings.score_weights)
    scored, interrupted = 0, False
    with reporting(shown) as step:
        for name in namespaces(database) if namespace is None else [namespace]:
            count, interrupted = score_lacking(
                database,
                scoring,
                fingerprint=embedder.fingerprint,
                namespace=name,
                threads=settings.threads or os.cpu_count() or 1,
                pixel_limit=settings.pixel_limit,
                progress=lambda now: step(Step("Measuring", now.done, now.total, now.failed)),
            )
            scored += count
            if interrupted:
                break
    return Scored(scored, interrupted)


@dataclass(frozen=True, slots=True)
class FileScores:
    """Reports of files, computed as they are iterated.

    Attributes
    ----------
    metrics : tuple of str
        Names of what is measured, in order.
    paths : tuple of str
        Files that are opened.
    failures : list of (str, str)
        Path, and path with reason, of what could not be read; complete after the iteration.
    """

    metrics: tuple[str, ...]
    paths: tuple[str, ...]
    failures: list[tuple[str, str]] = field(hash=False)
    _results: Callable[[], Iterator[Report]]

    def __iter__(self) -> Iterator[Report]:
        return self._results()


def score_files(
    settings: Settings,
    photos: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    metrics: str | Sequence[str] = (),
    weights: str = "",
    full_size: bool = False,
    model: str | None = None,
    pairs: str | Sequence[str] = (),
    head: str | None = None,
    progress: Reporting = True,
) -> FileScores:
    """Measure files and folders of photos; no library is needed or changed.

    Parameters
    ----------
    photos : sequence of path-like
    metrics : sequence of str
        Names of metrics; all if empty.
    weights : str
        Of the combined score where they differ, as in ``focus=2,noise=0``.
    full_size : bool
        Measure at the photo's own size, as published values are, not at 1,024 pixels.
    model : str, optional
        A CLIP model, for ``clip_iqa``.
    pairs, head
        With `model`: prompt pairs to add to the details, and the file of a head on its vectors.

    Raises
    ------
    UsageError
        There is no such metric, or `pairs` or `head` come without a model.
    """
    from safelight.files.names import expanded
    from safelight.ingest.sources.listing import list_photos
    from safelight.quality import Head, Weights, choose
    from safelight.quality import score_files as measure

    if model is None and (pairs or head):
        raise UsageError("pairs and head need the vectors of a model.", argument="model")
    weighted = Weights.parse(weights)
    embedder = None
    if model is not None:
        from safelight.model_choice import choose_for_scoring

        embedder = choose_for_scoring(
            model, settings, full_size=full_size, progress=progress is not False
        )
    chosen = choose(
        as_list(metrics, "metrics", str) or None,
        model=embedder,
        head=Head.load(expanded(head)) if head else None,
        pairs=as_list(pairs, "pairs", str),
    )
    given: list[Any] = as_list(photos, "photos", str, os.PathLike)
    entries = list(list_photos(given, settings.exclude))
    failures = [(entry.path, f"{entry.path} {entry.reason}") for entry in entries if entry.code]
    paths = tuple(entry.path for entry in entries if not entry.code)

    def results() -> Iterator[Report]:
        reports = measure(
            paths,
            chosen,
            full_size,
            weights=weighted,
            model=embedder,
            max_pixels=settings.pixel_limit,
            threads=settings.threads,
        )
        with reporting(progress) as step:
            for done, (path, report) in enumerate(zip(paths, reports, strict=True), start=1):
                if isinstance(report, Exception):
                    failures.append((path, explained(path, report)))
                else:
                    yield report
                step(Step("Measuring", done, len(paths), len(failures)))

    return FileScores(tuple(metric.name for metric in chosen), paths, failures, results)


def ranked(reports: Sequence[Report], name: str, worst: int | None = None) -> list[Report]:
    """Return the best first, or only the worst, worst first; those without a score come last."""
    from safelight.quality import Report

    reports = as_list(reports, "reports", Report)
    direction = -1 if worst is None else 1

    def key(report: Report) -> tuple[bool, float]:
        score = report.score(name)
        return score is None, direction * (score or 0.0)

    return sorted(reports, key=key)[:worst]


def explained(path: str, error: Exception) -> str:
    """Return the path of a file with the reason why it could not be used."""
    from safelight.ingest.sources.entry import explain

    return f"{path} {explain(error)[1]}" if isinstance(error, OSError) else str(error)
