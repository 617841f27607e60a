"""Run all services in this process: photos of a folder to data/output."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safelight.errors import UsageError
from safelight.files.atomic import sweep
from safelight.files.locks import try_lock
from safelight.ingest import Progress
from safelight.pipeline.batch_plan import (
    BATCH_SIZE,
    BatchPlan,
    list_folder,
    make_batches,
    plan_path,
    read_plan,
    write_plan,
)
from safelight.pipeline.bus.events import REQUESTED, Event, new_event, now
from safelight.pipeline.bus.memory import MemoryBus
from safelight.pipeline.files import read_json, write_json
from safelight.pipeline.messages.batches import batch_path, output_path, unpack
from safelight.pipeline.messages.uris import to_uri
from safelight.pipeline.services.feature_json import is_failed
from safelight.pipeline.services.preprocess import FAILED
from safelight.pipeline.worker import Stop, Worker, completed

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from safelight.pipeline.bus.events import EventBus
    from safelight.pipeline.paths import PipelinePaths
    from safelight.pipeline.services.base import Service

#: Batches on their way at a time: enough that no service waits, and few enough that what one
#: reads the next finds in the memory of the system.
_AHEAD = 3

_COLLECTOR = "output"


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Summary of a run.

    Attributes
    ----------
    outputs : list of Path
        One a batch, also those of a run that this one went on with.
    photos : int
        In these.
    failures : list of (str, str)
        URI and reason, of each photo that a service failed at.
    resumed : int
        Batches that an earlier run had begun or finished.
    seconds : float
    """

    outputs: list[Path] = field(default_factory=list, hash=False)
    photos: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list, hash=False)
    resumed: int = 0
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {
            "outputs": [str(path) for path in self.outputs],
            "photos": self.photos,
            "failed": len(self.failures),
            "failures": [{"uri": uri, "reason": reason} for uri, reason in self.failures],
            "resumed": self.resumed,
            "seconds": round(self.seconds, 3),
        }


def run(
    folder: str | os.PathLike[str],
    services: Sequence[Service],
    places: PipelinePaths,
    *,
    batch_size: int = BATCH_SIZE,
    exclude: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    fresh: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> RunSummary:
    """Take all photos of a folder through the services.

    The batches are written to ``data/batches`` first, and what each service made, too: a run
    that was killed goes on there, with the same batch ids. Each batch is put out once.

    Parameters
    ----------
    folder : path-like
    services : sequence of Service
        In their order; the first takes ``photos``, as ingest does.
    places : PipelinePaths
    batch_size : int
        Photos in a batch, at most.
    exclude : sequence of str
        Shell patterns of names to pass over.
    options : mapping, optional
        What the services were made with. A run is only gone on with if these are the same.
    fresh : bool
        Forget about a run that was not finished.
    progress : callable
        Given the state after each batch.

    Raises
    ------
    SourceError
        There is no such folder.
    UsageError
        Another run is at work, or an unfinished one was asked for something else.
    SafelightError
        A service cannot work. The next run goes on from there.
    """
    started = time.monotonic()
    wanted = dict(options or {})
    path = plan_path(places, folder)
    entries = list_folder(folder, exclude)
    with _alone(places):
        sweep(places.output)
        plan = None if fresh else read_plan(path)
        resumed = plan is not None
        if plan is not None and dict(plan.options) != wanted:
            raise UsageError(
                f"A run over {folder} was not finished, and it was asked for other things "
                f"({_as_text(plan.options)}). Ask for the same to finish it, or start over.",
                code="other-options",
                hint="fresh",
            )
        if fresh:
            _forget(path, places, services)
        known = plan.uris if plan else set()
        new = [entry for entry in entries if to_uri(entry.path, places.root) not in known]
        batches = list(plan.batches) if plan else []
        batches += make_batches(new, places, batch_size)
        if not batches:
            return RunSummary(seconds=time.monotonic() - started)
        write_plan(path, BatchPlan(batches, wanted))
        begun = sum(_is_begun(batch["batch_id"], services, places) for batch in batches)
        _finish(batches, services, places, progress)
        summary = _summary(batches, places, begun if resumed else 0, started)
        path.unlink(missing_ok=True)
    return summary


def _finish(
    batches: Sequence[Mapping[str, Any]],
    services: Sequence[Service],
    places: PipelinePaths,
    progress: Callable[[Progress], None],
) -> None:
    """Have every batch put out that is not yet."""
    left = [batch for batch in batches if not output_path(places, batch["batch_id"]).exists()]
    total = sum(len(batch["photos"]) for batch in batches)
    counted = Progress(total - sum(len(batch["photos"]) for batch in left), total, 0)
    for batch in batches:
        _clear(batch["batch_id"], services, places, but=left)
    if not left:
        return
    try:
        asyncio.run(_Flow(left, services, places, counted, progress).run())
    except ExceptionGroup as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None


class _Flow:
    """Batches on their way over a bus."""

    def __init__(
        self,
        batches: Sequence[Mapping[str, Any]],
        services: Sequence[Service],
        places: PipelinePaths,
        counted: Progress,
        progress: Callable[[Progress], None],
    ) -> None:
        self._batches = batches
        self._services = services
        self._places = places
        self._counted = counted
        self._progress = progress
        self._room = asyncio.Semaphore(_AHEAD)

    async def run(self) -> None:
        bus = MemoryBus()
        takes = REQUESTED
        async with asyncio.TaskGroup() as tasks:
            working = []
            for service in self._services:
                worker = Worker(service, takes, bus, self._places, limit=0, strict=True)
                working.append(tasks.create_task(worker.work(Stop())))
                takes = completed(service)
            tasks.create_task(self._feed(bus))
            await self._collect(bus, takes)
            for task in working:
                task.cancel()

    async def _feed(self, bus: EventBus) -> None:
        for batch in self._batches:
            await self._room.acquire()
            await bus.publish(_furthest(batch, self._services, self._places))

    async def _collect(self, bus: EventBus, name: str) -> None:
        subscription = await bus.subscribe(name, _COLLECTOR)
        left = len(self._batches)
        while left:
            delivery = await subscription.next(60.0)
            if delivery is None:
                continue
            batch = await asyncio.to_thread(self._put_out, delivery.event)
            await delivery.ack()
            self._room.release()
            left -= 1
            self._counted = Progress(
                self._counted.done + len(_photos(batch)) + len(_listed_failures(batch)),
                self._counted.total,
                self._counted.failed + len(_failures(batch)),
            )
            self._progress(self._counted)

    def _put_out(self, event: Event) -> dict[str, Any]:
        batch = unpack(event, self._places)
        write_json(output_path(self._places, event.batch_id), batch)
        _clear(event.batch_id, self._services, self._places)
        return batch


def _furthest(
    batch: Mapping[str, Any], services: Sequence[Service], places: PipelinePaths
) -> Event:
    """Return the event of the last service that an earlier run had done with this batch."""
    batch_id = batch["batch_id"]
    for service in reversed(services):
        path = batch_path(places, completed(service), batch_id)
        if path.exists():
            uri = to_uri(path, places.root)
            return Event(completed(service), batch_id, now(), batch_uri=uri)
    return new_event(REQUESTED, batch)


def _is_begun(batch_id: str, services: Sequence[Service], places: PipelinePaths) -> bool:
    stages = (batch_path(places, completed(service), batch_id) for service in services)
    return any(path.exists() for path in (output_path(places, batch_id), *stages))


def _clear(
    batch_id: str,
    services: Sequence[Service],
    places: PipelinePaths,
    *,
    but: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Remove what services left of a batch, unless it is among those that still need it."""
    if any(batch["batch_id"] == batch_id for batch in but):
        return
    for service in services:
        batch_path(places, completed(service), batch_id).unlink(missing_ok=True)


def _forget(path: Path, places: PipelinePaths, services: Sequence[Service]) -> None:
    with contextlib.suppress(UsageError):
        plan = read_plan(path)
        for batch in plan.batches if plan else ():
            _clear(batch["batch_id"], services, places)
    path.unlink(missing_ok=True)


def _summary(
    batches: Sequence[Mapping[str, Any]], places: PipelinePaths, resumed: int, started: float
) -> RunSummary:
    outputs = [output_path(places, batch["batch_id"]) for batch in batches]
    photos, failures = 0, []
    for path in outputs:
        batch = read_json(path)
        photos += len(_photos(batch))
        failures += _failures(batch)
    return RunSummary(outputs, photos, failures, resumed, time.monotonic() - started)


def _photos(batch: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = batch.get("artifacts", batch.get("photo_index"))
    return found if isinstance(found, list) else []


def _listed_failures(batch: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = batch.get("failures")
    return found if isinstance(found, list) else []


def _failures(batch: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return URI and reason of what failed, at whichever service."""
    failed = [(str(each["original_uri"]), str(each["reason"])) for each in _listed_failures(batch)]
    for artifact in _photos(batch):
        uri = str(artifact.get("original_uri"))
        metadata, features = artifact.get("processing_metadata"), artifact.get("features")
        if isinstance(metadata, dict) and metadata.get("processing_method") == FAILED:
            failed.append((uri, str(metadata.get("reason"))))
        elif isinstance(features, dict) and is_failed(features):
            reasons = (each.get("reason") for each in features["status"].values())
            failed.append((uri, next((str(reason) for reason in reasons if reason), "failed")))
    return failed


def _as_text(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in options.items()) or "nothing special"


@contextlib.contextmanager
def _alone(places: PipelinePaths) -> Iterator[None]:
    """Keep other runs over the same data folder out, as long as this one lasts."""
    places.batches.mkdir(parents=True, exist_ok=True)
    with open(places.batches / ".lock", "ab") as file:
        if not try_lock(file):
            raise UsageError(
                f"Another run is at work in {places.data}; wait for it, or give this one a data "
                "folder of its own.",
                code="busy",
                hint="data",
            )
        yield
