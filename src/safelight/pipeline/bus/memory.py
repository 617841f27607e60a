"""In-process bus: for a whole run, and for trying services out."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field

from safelight.errors import UsageError
from safelight.pipeline.bus.events import DeadLetter, Event, Policy, now

#: As large as what the other bus carries: what works here works there.
_LIMIT = 512 * 1024


@dataclass(eq=False, slots=True)
class _Entry:
    """An event on its way to one durable name."""

    event: Event
    attempts: int = 0
    ready_at: float = 0.0  # when it may be delivered
    deadline: float | None = None  # by when its consumer must have said something


@dataclass(eq=False, slots=True)
class _Queue:
    """Events that one durable name has not acknowledged yet."""

    name: str
    durable: str
    entries: list[_Entry] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wake(self) -> None:
        async with self.changed:
            self.changed.notify_all()


class MemoryBus:
    """Carries events within a process; with it they are gone.

    Examples
    --------
    >>> import asyncio
    >>> from safelight.pipeline.bus.events import new_event
    >>> async def main():
    ...     bus = MemoryBus()
    ...     await bus.publish(new_event("ingest.completed", {"batch_id": "b1"}))
    ...     again = await bus.publish(new_event("ingest.completed", {"batch_id": "b1"}))
    ...     delivery = await (await bus.subscribe("ingest.completed", "me")).next(timeout=1)
    ...     return again, delivery.event.batch_id
    >>> asyncio.run(main())
    (False, 'b1')
    """

    limit = _LIMIT

    def __init__(self) -> None:
        self._events: dict[tuple[str, str], Event] = {}
        self._queues: dict[tuple[str, str], _Queue] = {}
        self._dead: list[DeadLetter] = []
        self._keys = itertools.count(1)

    async def publish(self, event: Event) -> bool:
        """See :class:`safelight.pipeline.bus.events.EventBus`."""
        size = len(event.encode())
        if size > self.limit:
            raise UsageError(f"An event of {size:,} bytes is too large.", code="too-large")
        key = (event.name, event.batch_id)
        if key in self._events:
            return False
        self._events[key] = event
        for queue in self._queues.values():
            if queue.name == event.name:
                queue.entries.append(_Entry(event))
                await queue.wake()
        return True

    async def published(self, name: str, batch_id: str) -> bool:
        return (name, batch_id) in self._events

    async def subscribe(self, name: str, durable: str, policy: Policy | None = None) -> _Deliveries:
        key = (name, durable)
        if key not in self._queues:
            known = [_Entry(event) for event in self._events.values() if event.name == name]
            self._queues[key] = _Queue(name, durable, known)
        return _Deliveries(self, self._queues[key], policy or Policy())

    async def dead(self) -> list[DeadLetter]:
        return list(self._dead)

    async def retry(self, letter: DeadLetter) -> None:
        event = self._events.get((letter.name, letter.batch_id or ""))
        if letter not in self._dead or event is None:
            raise UsageError(f"There is no dead letter {letter.key}.", code="no-letter")
        queue = self._queues[letter.name, letter.durable]
        queue.entries.append(_Entry(event))
        self._dead.remove(letter)
        await queue.wake()

    async def drop(self, letter: DeadLetter) -> None:
        if letter in self._dead:
            self._dead.remove(letter)

    async def close(self) -> None:
        pass

    def bury(self, queue: _Queue, entry: _Entry, reason: str) -> None:
        """Put an entry with the dead letters."""
        if entry in queue.entries:
            queue.entries.remove(entry)
            self._dead.append(
                DeadLetter(
                    key=str(next(self._keys)),
                    durable=queue.durable,
                    name=queue.name,
                    batch_id=entry.event.batch_id,
                    reason=reason,
                    attempts=entry.attempts,
                    died_at=now(),
                    payload=entry.event.encode(),
                )
            )


class _Deliveries:
    """The subscription of one consumer."""

    def __init__(self, bus: MemoryBus, queue: _Queue, policy: Policy) -> None:
        self._bus = bus
        self._queue = queue
        self._policy = policy

    async def next(self, timeout: float) -> _Delivery | None:
        clock = asyncio.get_running_loop().time
        end = clock() + timeout
        async with self._queue.changed:
            while True:
                moment = clock()
                entry, wake_at = self._due(moment)
                if entry is not None:
                    entry.attempts += 1
                    entry.deadline = moment + self._policy.ack_wait
                    return _Delivery(self._bus, self._queue, self._policy, entry)
                if moment >= end:
                    return None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(min(end, wake_at)):
                        await self._queue.changed.wait()

    def _due(self, moment: float) -> tuple[_Entry | None, float]:
        """Return the entry that is due and the moment, or None and the time of the next."""
        wake_at = float("inf")
        for entry in list(self._queue.entries):
            when = entry.ready_at if entry.deadline is None else entry.deadline
            if when > moment:
                wake_at = min(wake_at, when)
            elif entry.attempts >= self._policy.max_deliver:
                self._bus.bury(self._queue, entry, _silent(entry.attempts))
            else:
                return entry, moment
        return None, wake_at


def _silent(attempts: int) -> str:
    return f"delivered {attempts} times, and whoever took it never said what became of it"


class _Delivery:
    """One delivery. What is said about it after another was made of the same event counts not."""

    def __init__(self, bus: MemoryBus, queue: _Queue, policy: Policy, entry: _Entry) -> None:
        self._bus = bus
        self._queue = queue
        self._policy = policy
        self._entry = entry
        self.event = entry.event
        self.attempt = entry.attempts

    @property
    def _is_current(self) -> bool:
        return self._entry in self._queue.entries and self._entry.attempts == self.attempt

    async def ack(self) -> None:
        if self._entry in self._queue.entries:
            self._queue.entries.remove(self._entry)

    async def in_progress(self) -> None:
        if self._is_current:
            self._entry.deadline = asyncio.get_running_loop().time() + self._policy.ack_wait

    async def give_back(self) -> None:
        await self._again(0.0)

    async def fail(self, reason: str) -> None:
        if self.attempt >= self._policy.max_deliver:
            await self.bury(reason)
        else:
            await self._again(self._policy.pause(self.attempt))

    async def bury(self, reason: str) -> None:
        if self._is_current:
            self._bus.bury(self._queue, self._entry, reason)

    async def _again(self, pause: float) -> None:
        if self._is_current:
            self._entry.deadline = None
            self._entry.ready_at = asyncio.get_running_loop().time() + pause
            await self._queue.wake()
