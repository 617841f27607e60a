"""Commands on a bus between processes: work, publish, watch, manage dead letters."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from loguru import logger

from safelight.errors import SafelightError, UsageError
from safelight.pipeline.bus.events import REQUESTED, Policy, new_event
from safelight.pipeline.bus.nats import NatsBus
from safelight.pipeline.files import parse_object, to_json
from safelight.pipeline.messages.batches import pack, unpack
from safelight.pipeline.worker import Abandoned, Stop, Worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from pathlib import Path

    from safelight.pipeline.bus.events import DeadLetter, EventBus
    from safelight.pipeline.paths import PipelinePaths
    from safelight.pipeline.services.base import Service

Result = TypeVar("Result")

#: Seconds that a worker has for its batch after it was told to stop. Docker kills after ten.
GRACE = 8.0

_LOOK = 1.0

_log = logger.bind(service="worker")


def work(
    service: Service,
    takes: str,
    url: str,
    places: PipelinePaths,
    *,
    policy: Policy | None = None,
    grace: float = GRACE,
) -> int:
    """Have a service work until SIGTERM or SIGINT; return how many results were published.

    The batch of the moment is finished first, or given back after `grace` seconds, or at the
    second signal; the process then ends within this call, for the batch's threads go on.

    Raises
    ------
    SafelightError
        The bus cannot be used.
    """

    async def main(bus: EventBus) -> int:
        stop = Stop()
        _stop_on_signals(stop, grace)
        worker = Worker(service, takes, bus, places, policy=policy)
        _log.info("{} waits for {}", service.name, takes)
        try:
            return await worker.work(stop)
        except Abandoned:
            _log.warning("Stopped; the batch was given back")
            await bus.close()
            sys.stderr.flush()
            os._exit(0)

    return _on(url, main)


def publish(
    batches: Iterable[Mapping[str, Any]], url: str, places: PipelinePaths, name: str | None
) -> list[tuple[str, bool]]:
    """Publish an event about each batch.

    Parameters
    ----------
    name : str, optional
        Of the event; what fits the batch if not given.

    Returns
    -------
    list of (str, bool)
        Each batch's id, and whether there was no such event about it before.
    """

    async def main(bus: EventBus) -> list[tuple[str, bool]]:
        done = []
        for batch in batches:
            event = new_event(name or fitting_event(batch), batch)
            first = not await bus.published(event.name, event.batch_id)
            if first:
                first = await bus.publish(pack(event, places, bus.limit))
            done.append((event.batch_id, first))
        return done

    return _on(url, main)


def fitting_event(batch: Mapping[str, Any]) -> str:
    """Return the event that a batch looks like.

    Raises
    ------
    UsageError
        It looks like none.

    Examples
    --------
    >>> fitting_event({"batch_id": "b", "artifacts": [{"photo_id": "a", "std_uri": "a.jpg"}]})
    'preprocess.completed'
    """
    artifacts = batch.get("artifacts")
    if isinstance(artifacts, list):
        done = artifacts and all(isinstance(a, dict) and "features" in a for a in artifacts)
        return "features.completed" if done else "preprocess.completed"
    for key, name in (("photo_index", "ingest.completed"), ("photos", REQUESTED)):
        if isinstance(batch.get(key), list):
            return name
    raise UsageError(
        "The batch has neither photos nor photo_index nor artifacts; say which event it is.",
        code="bad-batch",
        hint="event",
    )


def watch(
    name: str,
    url: str,
    places: PipelinePaths,
    *,
    durable: str = "watch",
    output: Path | None = None,
    count: int | None = None,
    idle: float | None = None,
) -> int:
    """Write the batch of each event as a line of JSON; return how many were written.

    To a file, each batch is written once, whatever happens to this process: what the file holds
    is passed over, and half a line at its end is taken off. To standard output, the last batch
    before a crash may come again.

    Parameters
    ----------
    durable : str
        Under which name it is remembered what was written.
    output : Path, optional
        Standard output if not given.
    count : int, optional
        Stop after so many.
    idle : float, optional
        Stop after so many seconds without any.
    """

    async def main(bus: EventBus) -> int:
        stop = Stop()
        _stop_on_signals(stop, 0.0)
        subscription = await bus.subscribe(name, durable)
        written, waited = 0, 0.0
        known = _repaired(output) if output is not None else set()
        with open(output, "ab") if output else contextlib.nullcontext(sys.stdout.buffer) as file:
            while not stop.soon.is_set() and (count is None or written < count):
                delivery = await subscription.next(min(_LOOK, idle or _LOOK))
                if delivery is None:
                    waited += min(_LOOK, idle or _LOOK)
                    if idle is not None and waited >= idle:
                        break
                    continue
                waited = 0.0
                batch_id = delivery.event.batch_id
                if batch_id not in known:
                    try:
                        batch = unpack(delivery.event, places)
                    except (UsageError, OSError) as exc:
                        _log.error("{}", exc)
                        await delivery.fail(str(exc))
                        continue
                    file.write(to_json(batch) + b"\n")
                    file.flush()
                    if output is not None:
                        os.fsync(file.fileno())
                        known.add(batch_id)
                    written += 1
                await delivery.ack()
        return written

    return _on(url, main)


def dead_letters(url: str) -> list[DeadLetter]:
    """Return the dead letters of a bus, oldest first."""
    return _on(url, lambda bus: bus.dead())


def settle_letters(
    url: str, keys: Iterable[str], *, retry: bool
) -> list[tuple[DeadLetter, str | None]]:
    """Retry dead letters, or forget them.

    Parameters
    ----------
    keys : iterable of str
        Which ones; all if there are none.
    retry : bool
        Deliver them again; otherwise drop them.

    Returns
    -------
    list of (DeadLetter, str or None)
        Each, and why it could not be done.

    Raises
    ------
    UsageError
        One of the keys is none.
    """
    wanted = set(keys)

    async def main(bus: EventBus) -> list[tuple[DeadLetter, str | None]]:
        letters = await bus.dead()
        unknown = wanted - {letter.key for letter in letters}
        if unknown:
            raise UsageError(f"There is no dead letter {', '.join(sorted(unknown))}.")
        done: list[tuple[DeadLetter, str | None]] = []
        for letter in letters:
            if wanted and letter.key not in wanted:
                continue
            try:
                await (bus.retry(letter) if retry else bus.drop(letter))
            except UsageError as exc:
                done.append((letter, str(exc)))
            else:
                done.append((letter, None))
        return done

    return _on(url, main)


def _on(url: str, main: Callable[[EventBus], Awaitable[Result]]) -> Result:
    """Run `main` with a connection to a bus."""

    async def connected() -> Result:
        bus = await NatsBus.connect(url)
        try:
            return await main(bus)
        finally:
            await bus.close()

    return asyncio.run(connected())


def _stop_on_signals(stop: Stop, grace: float) -> None:
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if stop.soon.is_set():
            stop.now.set()
            return
        stop.soon.set()
        loop.call_later(grace, stop.now.set)

    for each in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(each, asked)
        except NotImplementedError:  # Windows
            signal.signal(each, lambda *_: loop.call_soon_threadsafe(asked))


def _repaired(path: Path) -> set[str]:
    """Take half a line off the end of a file of batches; return the ids of those it holds.

    Raises
    ------
    SafelightError
        It cannot be read, or holds something else.
    """
    known: set[str] = set()
    try:
        with open(path, "r+b") as file:
            whole = 0
            for line in file:
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                known.add(str(parse_object(line, f"A line of {path}").get("batch_id")))
            file.truncate(whole)
    except FileNotFoundError:
        return set()
    except OSError as exc:
        raise SafelightError(f"{path} cannot be used: {exc.strerror}.", code="output") from exc
    return known
