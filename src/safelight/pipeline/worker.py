"""Worker of one service on a bus: take a batch, process it, publish the result."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from loguru import logger

from safelight.errors import SafelightError, UsageError
from safelight.files.atomic import sweep
from safelight.pipeline.bus.events import Policy, new_event
from safelight.pipeline.messages.batches import pack, unpack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from safelight.pipeline.bus.events import Delivery, Event, EventBus
    from safelight.pipeline.paths import PipelinePaths
    from safelight.pipeline.services.base import Service

Result = TypeVar("Result")

_LOOK = 1.0

_log = logger.bind(service="worker")


@dataclass(frozen=True, slots=True)
class Stop:
    """Signals that stop a worker.

    Attributes
    ----------
    soon : asyncio.Event
        Finish what is being done, and take no more.
    now : asyncio.Event
        Give back what is being done.
    """

    soon: asyncio.Event = field(default_factory=asyncio.Event)
    now: asyncio.Event = field(default_factory=asyncio.Event)


class Abandoned(Exception):
    """A batch was given back while it was still being processed, in a thread that goes on."""


def completed(service: Service) -> str:
    """Return the name of the event that a service publishes."""
    return f"{service.name}.completed"


class Worker:
    """Has one service process the batches of a bus, one at a time.

    A batch whose result is published already is not processed again: so whatever kills a worker,
    whenever, each result is published once.

    Parameters
    ----------
    service : Service
    takes : str
        The name of the event that brings it batches.
    bus : EventBus
    places : PipelinePaths
        Where batches are put that the bus cannot carry.
    policy : Policy
        How failures are dealt with.
    limit : int, optional
        Batches in larger events go through files; what the bus carries if not given.
    strict : bool
        A batch that cannot be processed ends the work with its error.
    look : float
        Seconds between two looks at whether to stop, where there is nothing to do.
    """

    def __init__(
        self,
        service: Service,
        takes: str,
        bus: EventBus,
        places: PipelinePaths,
        *,
        policy: Policy | None = None,
        limit: int | None = None,
        strict: bool = False,
        look: float = _LOOK,
    ) -> None:
        self._service = service
        self._takes = takes
        self._gives = completed(service)
        self._bus = bus
        self._places = places
        self._policy = policy or Policy()
        self._limit = bus.limit if limit is None else limit
        self._strict = strict
        self._look = look

    async def work(self, stop: Stop) -> int:
        """Process batches until told to stop; return how many results were published.

        Raises
        ------
        Abandoned
            Told to stop now, while a batch was being processed.
        SafelightError
            The bus cannot be used; if strict, also what is wrong with a batch.
        """
        for folder in (self._places.batches, self._places.ranking):
            await asyncio.to_thread(sweep, folder)
        subscription = await self._bus.subscribe(self._takes, self._service.name, self._policy)
        done = 0
        while not stop.soon.is_set():
            delivery = await subscription.next(self._look)
            if delivery is None:
                continue
            try:
                done += await self._handle(delivery, stop)
            except SafelightError as exc:
                if self._strict:
                    raise
                # Only the bus raises here. The batch comes back by itself.
                _log.bind(batch_id=delivery.event.batch_id).error("{}", exc)
        return done

    async def _handle(self, delivery: Delivery, stop: Stop) -> bool:
        event = delivery.event
        log = _log.bind(batch_id=event.batch_id, attempt=delivery.attempt)
        if await self._bus.published(self._gives, event.batch_id):
            log.info("Batch {} is done already", event.batch_id)
            await delivery.ack()
            return False
        started = time.perf_counter()
        async with _heartbeat(delivery, self._policy.ack_wait / 3):
            try:
                result = await self._process(event, delivery, stop)
            except Abandoned:
                raise
            except Exception as exc:
                if self._strict:
                    raise
                reason = str(exc) if isinstance(exc, SafelightError) else repr(exc)
                log.opt(exception=not isinstance(exc, SafelightError | OSError)).error(
                    "Batch {} failed: {}", event.batch_id, reason
                )
                if isinstance(exc, UsageError):  # and will be wrong another time
                    await delivery.bury(reason)
                else:
                    await delivery.fail(reason)
                return False
            first = await self._bus.publish(result)
        await delivery.ack()
        seconds = time.perf_counter() - started
        log.bind(seconds=round(seconds, 3)).info(
            "{} of batch {} after {:.2f} s{}",
            self._gives, event.batch_id, seconds, "" if first else ", as another did before",
        )  # fmt: skip
        return first

    async def _process(self, event: Event, delivery: Delivery, stop: Stop) -> Event:
        working = asyncio.ensure_future(_in_thread(lambda: self._result(event)))
        stopping = asyncio.ensure_future(stop.now.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                await delivery.give_back()
                raise Abandoned
            return working.result()
        finally:
            working.cancel()
            stopping.cancel()

    def _result(self, event: Event) -> Event:
        batch = unpack(event, self._places)
        result = {**self._service.process(batch), "batch_id": event.batch_id}
        return pack(new_event(self._gives, result), self._places, self._limit)


@contextlib.asynccontextmanager
async def _heartbeat(delivery: Delivery, seconds: float) -> AsyncIterator[None]:
    """Tell the bus every so often that the batch is still being worked on."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(seconds)
            await delivery.in_progress()

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating


async def _in_thread(work: Callable[[], Result]) -> Result:
    """Run `work` in a thread of its own, which nothing waits for at the end of the process."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(say: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            say(value)

    def run() -> None:
        try:
            outcome: tuple[Callable[[Any], None], Any] = (future.set_result, work())
        except BaseException as exc:  # noqa: BLE001 - it is raised where the future is awaited
            outcome = (future.set_exception, exc)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="safelight-service", daemon=True).start()
    return await future
