"""A worker on a bus: whatever goes wrong, each result is published once."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from safelight.errors import SafelightError, UsageError
from safelight.pipeline.bus.events import Event, Policy, new_event
from safelight.pipeline.bus.memory import MemoryBus
from safelight.pipeline.messages.batches import batch_path, pack, unpack
from safelight.pipeline.paths import PipelinePaths
from safelight.pipeline.worker import Abandoned, Stop, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TAKES, GIVES = "preprocess.completed", "count.completed"
QUICK = Policy(ack_wait=0.3, max_deliver=3, backoff=(0.05,))


class Counting:
    """Counts the artifacts of a batch, after doing what the test has it do."""

    name = "count"

    def __init__(self, first: Callable[[Mapping[str, Any]], None] = lambda _: None) -> None:
        self.processed: list[str] = []
        self._first = first
        self._lock = threading.Lock()

    def process(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            self.processed.append(batch["batch_id"])
        self._first(batch)
        return {**batch, "count": len(batch["artifacts"])}


@pytest.fixture
def places(tmp_path: Path) -> PipelinePaths:
    return PipelinePaths(tmp_path / "data")


def _batch(number: int, **more: Any) -> dict[str, Any]:
    return {"batch_id": f"b{number}", "artifacts": [{"photo_id": "a"}] * number, **more}


async def _results(bus: MemoryBus, count: int, name: str = GIVES) -> list[Event]:
    subscription = await bus.subscribe(name, "test", Policy(ack_wait=60))
    found = []
    for _ in range(count):
        delivery = await subscription.next(60)
        assert delivery is not None
        found.append(delivery.event)
        await delivery.ack()
    assert await subscription.next(0.05) is None
    return found


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


def _work(bus: MemoryBus, service: Any, places: PipelinePaths, **options: Any) -> tuple[Any, Stop]:
    stop = Stop()
    worker = Worker(service, TAKES, bus, places, **{"policy": QUICK, "look": 0.05, **options})
    return asyncio.create_task(worker.work(stop)), stop


def test_batches_become_results(places: PipelinePaths) -> None:
    async def main() -> None:
        bus, service = MemoryBus(), Counting()
        working, stop = _work(bus, service, places)
        for number in range(1, 6):
            await bus.publish(new_event(TAKES, _batch(number, note={"deep": [None]})))
        found = await _results(bus, 5)
        assert [(each.batch or {})["count"] for each in found] == [1, 2, 3, 4, 5]
        assert (found[0].batch or {})["note"] == {"deep": [None]}
        assert found[0].name == GIVES
        stop.soon.set()
        assert await working == 5
        assert await bus.dead() == []

    asyncio.run(main())


def test_a_batch_whose_result_is_there_is_not_processed_again(places: PipelinePaths) -> None:
    async def main() -> None:
        bus, service = MemoryBus(), Counting()
        # As if a worker was killed between publishing and acknowledging.
        await bus.publish(new_event(TAKES, _batch(1)))
        await bus.publish(new_event(GIVES, {**_batch(1), "count": 1}))
        await bus.publish(new_event(TAKES, _batch(2)))
        working, stop = _work(bus, service, places)
        await _until(lambda: service.processed == ["b2"])
        await _results(bus, 2)
        stop.soon.set()
        assert await working == 1

    asyncio.run(main())


def test_two_that_work_on_one_batch_publish_one_result(places: PipelinePaths) -> None:
    async def main() -> None:
        bus = MemoryBus()
        both = threading.Barrier(2, timeout=60)
        service = Counting(lambda _: both.wait() and None)
        await bus.publish(new_event(TAKES, _batch(1)))
        # The first took the batch and fell silent, as a process does that was put to sleep.
        asleep = await bus.subscribe(TAKES, service.name, QUICK)
        delivery = await asleep.next(60)
        assert delivery is not None
        waking = asyncio.create_task(asyncio.to_thread(service.process, delivery.event.batch or {}))
        working, stop = _work(bus, service, places)
        result = await waking
        await _results(bus, 1)
        assert not await bus.publish(new_event(GIVES, result))
        await delivery.ack()
        stop.soon.set()
        assert await working == 1
        assert service.processed == ["b1", "b1"]

    asyncio.run(main())


def test_workers_share_the_batches(places: PipelinePaths) -> None:
    async def main() -> None:
        bus = MemoryBus()
        all_at_work = threading.Barrier(3, timeout=60)

        def make() -> Counting:
            def begin(_: Mapping[str, Any]) -> None:
                if len(made.processed) == 1:
                    all_at_work.wait()

            made = Counting(begin)
            return made

        services = [make() for _ in range(3)]
        policy = Policy(ack_wait=60)
        workers = [_work(bus, service, places, policy=policy) for service in services]
        for number in range(30):
            await bus.publish(new_event(TAKES, _batch(number)))
        await _results(bus, 30)
        for _, stop in workers:
            stop.soon.set()
        assert sum([await working for working, _ in workers]) == 30
        everything = sorted(each for service in services for each in service.processed)
        assert everything == sorted(f"b{number}" for number in range(30))

    asyncio.run(main())


def test_who_works_for_long_keeps_the_batch(places: PipelinePaths) -> None:
    async def main() -> None:
        bus = MemoryBus()
        service = Counting(lambda _: time.sleep(2.5))  # more than twice the wait
        policy = Policy(ack_wait=1.0)
        workers = [_work(bus, service, places, policy=policy) for _ in range(2)]
        await bus.publish(new_event(TAKES, _batch(1)))
        await _results(bus, 1)
        for working, stop in workers:
            stop.soon.set()
            await working
        assert service.processed == ["b1"]

    asyncio.run(main())


def test_what_fails_is_tried_again(places: PipelinePaths) -> None:
    async def main() -> None:
        bus = MemoryBus()

        def fail_twice(_: Mapping[str, Any]) -> None:
            if len(service.processed) < 3:
                raise OSError("the disk is full")

        service = Counting(fail_twice)
        working, stop = _work(bus, service, places)
        await bus.publish(new_event(TAKES, _batch(1)))
        await _results(bus, 1)
        stop.soon.set()
        assert await working == 1
        assert service.processed == ["b1"] * 3
        assert await bus.dead() == []

    asyncio.run(main())


@pytest.mark.parametrize(
    ("error", "attempts", "reason"),
    [
        (UsageError("this is not a batch"), 1, "this is not a batch"),
        (SafelightError("the model is gone"), 3, "the model is gone"),
        (ZeroDivisionError("by zero"), 3, "ZeroDivisionError('by zero')"),
    ],
)
def test_what_cannot_be_done_is_dead_and_the_rest_goes_on(
    places: PipelinePaths, error: Exception, attempts: int, reason: str
) -> None:
    async def main() -> None:
        bus = MemoryBus()

        def refuse(batch: Mapping[str, Any]) -> None:
            if batch["batch_id"] == "b1":
                raise error

        service = Counting(refuse)
        working, stop = _work(bus, service, places)
        for number in (1, 2):
            await bus.publish(new_event(TAKES, _batch(number)))
        await _results(bus, 1)
        async with asyncio.timeout(60):
            while not (letters := await bus.dead()):
                await asyncio.sleep(0.01)
        (letter,) = letters
        assert service.processed.count("b1") == attempts
        assert (letter.batch_id, letter.attempts, letter.reason) == ("b1", attempts, reason)
        stop.soon.set()
        assert await working == 1

    asyncio.run(main())


def test_who_is_to_stop_finishes_first(places: PipelinePaths) -> None:
    async def main() -> None:
        bus = MemoryBus()
        service = Counting(lambda _: time.sleep(0.3))
        working, stop = _work(bus, service, places)
        for number in (1, 2):
            await bus.publish(new_event(TAKES, _batch(number)))
        await _until(lambda: bool(service.processed))
        stop.soon.set()
        assert await working == 1
        assert [each.batch_id for each in await _results(bus, 1)] == ["b1"]

    asyncio.run(main())


def test_who_is_to_stop_now_gives_it_back(places: PipelinePaths) -> None:
    async def main() -> None:
        bus = MemoryBus()
        release = threading.Event()
        service = Counting(lambda _: release.wait(60) and None)
        working, stop = _work(bus, service, places, policy=Policy(ack_wait=60))
        await bus.publish(new_event(TAKES, _batch(1)))
        await _until(lambda: bool(service.processed))
        stop.soon.set()
        stop.now.set()
        with pytest.raises(Abandoned):
            await working
        assert not await bus.published(GIVES, "b1")
        # Another has it at once, without waiting for a minute.
        other = Counting()
        working, stop = _work(bus, other, places, policy=Policy(ack_wait=60))
        await _results(bus, 1)
        stop.soon.set()
        await working
        release.set()
        assert other.processed == ["b1"]

    asyncio.run(main())


def test_a_large_batch_goes_through_a_file(places: PipelinePaths) -> None:
    async def main() -> None:
        bus, service = MemoryBus(), Counting()
        working, stop = _work(bus, service, places)
        large = _batch(1, pad="ü" * bus.limit)
        await bus.publish(pack(new_event(TAKES, large), places, bus.limit))
        (found,) = await _results(bus, 1)
        stop.soon.set()
        await working
        assert found.batch is None
        assert found.batch_uri == f"./data/batches/b1.{GIVES}.json"
        assert unpack(found, places) == {**large, "count": 1}
        assert json.loads(batch_path(places, TAKES, "b1").read_text("utf-8")) == large

    asyncio.run(main())


def test_a_file_that_is_not_among_the_batches_is_not_read(
    places: PipelinePaths, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"batch_id": "b1", "password": "x"}')
    link = places.batches / "link.json"
    link.parent.mkdir(parents=True)
    link.symlink_to(secret)
    for uri in (str(secret), "./data/batches/../../secret.json", "./data/batches/link.json"):
        with pytest.raises(UsageError, match="where batches are"):
            unpack(Event(TAKES, "b1", "now", batch_uri=uri), places)
    (places.batches / "mine.json").write_text('{"batch_id": "another"}')
    with pytest.raises(UsageError, match="does not hold batch b1"):
        unpack(Event(TAKES, "b1", "now", batch_uri="./data/batches/mine.json"), places)
    with pytest.raises(FileNotFoundError):
        unpack(Event(TAKES, "b1", "now", batch_uri="./data/batches/none.json"), places)


def test_a_strict_worker_raises(places: PipelinePaths) -> None:
    async def main() -> None:
        bus = MemoryBus()

        def refuse(_: Mapping[str, Any]) -> None:
            raise SafelightError("no")

        working, _ = _work(bus, Counting(refuse), places, strict=True)
        await bus.publish(new_event(TAKES, _batch(1)))
        with pytest.raises(SafelightError, match="no"):
            await working

    asyncio.run(main())
