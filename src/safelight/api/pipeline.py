"""Pipeline of services over batches: in this process, on one batch, or over a bus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from safelight.arguments import as_list
from safelight.files.names import expanded
from safelight.ingest import Progress
from safelight.pipeline import PipelinePaths
from safelight.pipeline.bus.events import DeadLetter, Policy
from safelight.pipeline.logs import log_to_stderr
from safelight.pipeline.services.registry import TAKES, FeatureOptions, make_service

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterable

    from safelight.pipeline.runner import RunSummary as RunSummary
    from safelight.settings import Settings

__all__ = [
    "DeadLetter",
    "FeatureOptions",
    "Policy",
    "Progress",
    "dead_letters",
    "log_to_stderr",
    "pipeline_paths",
    "process_batch",
    "publish_batches",
    "run_pipeline",
    "run_worker",
    "settle_letters",
    "watch_batches",
]


def pipeline_paths(data: str | os.PathLike[str]) -> PipelinePaths:
    """Return the folders below a data folder."""
    return PipelinePaths(Path(expanded(data)).absolute())


def run_pipeline(
    settings: Settings,
    folder: str | None,
    paths: PipelinePaths,
    *,
    batch_size: int,
    options: FeatureOptions | None = None,
    fresh: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> RunSummary:
    """Process the photos of a folder with all services, in this process.

    Parameters
    ----------
    settings : Settings
        Of these count device, threads, pixel limit and exclusions.
    folder : str or None
        ``data/input`` if None.
    paths : PipelinePaths
    batch_size : int
        Maximum number of photos in a batch.
    options : FeatureOptions, optional
    fresh : bool
        Forget about a run that was not finished.
    progress : callable
        Given the state after each batch.

    Raises
    ------
    SafelightError
        See :func:`safelight.pipeline.runner.run`.
    """
    from safelight.pipeline.batch_plan import require_folder
    from safelight.pipeline.runner import run

    photos = folder or paths.input
    require_folder(photos)  # a model is looked for only when there is work for it
    chosen = options or FeatureOptions()
    services = [make_service(name, paths, settings, chosen) for name in TAKES]
    return run(
        photos,
        services,
        paths,
        batch_size=batch_size,
        exclude=settings.exclude,
        options=chosen.to_dict(),
        fresh=fresh,
        progress=progress,
    )


def process_batch(
    settings: Settings,
    service: str,
    batch: str,
    output: str | None,
    paths: PipelinePaths,
    options: FeatureOptions | None = None,
) -> None:
    """Process one batch with one service; see :func:`safelight.pipeline.single_step.process`."""
    from safelight.pipeline.single_step import process

    process(
        lambda: make_service(service, paths, settings, options),
        service,
        batch,
        output,
        paths,
        settings.exclude,
    )


def run_worker(
    settings: Settings,
    service: str,
    url: str,
    paths: PipelinePaths,
    *,
    policy: Policy,
    grace: float,
    options: FeatureOptions | None = None,
) -> int:
    """Run one service on a bus; see :func:`safelight.pipeline.remote.work`."""
    from safelight.pipeline.remote import work

    made = make_service(service, paths, settings, options)
    return work(made, TAKES[service], url, paths, policy=policy, grace=grace)


def publish_batches(
    settings: Settings,
    sources: str | Iterable[str],
    url: str,
    paths: PipelinePaths,
    *,
    event: str | None = None,
    batch_size: int,
) -> list[tuple[str, bool]]:
    """Publish the batches of files, and those of the photos of folders.

    Returns
    -------
    list of (str, bool)
        Id of each batch, and whether it was published now for the first time.
    """
    from safelight.pipeline.remote import publish
    from safelight.pipeline.single_step import read_batches

    batches = read_batches(as_list(sources, "sources", str), paths, batch_size, settings.exclude)
    return publish(batches, url, paths, event)


def watch_batches(
    event: str,
    url: str,
    paths: PipelinePaths,
    *,
    durable: str,
    output: str | None = None,
    count: int | None = None,
    idle: float | None = None,
) -> int:
    """Write completed batches as lines of JSON; see :func:`safelight.pipeline.remote.watch`."""
    from safelight.imaging.targets import check_replaceable
    from safelight.pipeline.remote import watch

    target = None if output is None else Path(output)
    if target is not None:
        check_replaceable(target, "a list of batches")
    return watch(event, url, paths, durable=durable, output=target, count=count, idle=idle)


def dead_letters(url: str, keys: str | Collection[str] = ()) -> list[DeadLetter]:
    """Return the batches that no worker could process: those of `keys`, or all, oldest first."""
    from safelight.pipeline import remote

    keys = as_list(keys, "keys", str)
    return [each for each in remote.dead_letters(url) if not keys or each.key in keys]


def settle_letters(
    url: str, keys: str | Collection[str], *, retry: bool
) -> list[tuple[DeadLetter, str | None]]:
    """Retry dead letters or drop them: see :func:`safelight.pipeline.remote.settle_letters`."""
    from safelight.pipeline import remote

    return remote.settle_letters(url, as_list(keys, "keys", str), retry=retry)
