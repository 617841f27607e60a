"""Contract of every bus: one set of tests, run over both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from safelight.errors import UsageError
from safelight.pipeline.bus.events import Event, Policy, decode, new_event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from safelight.pipeline.bus.events import EventBus, Subscription

    OpenBus = Callable[[], AbstractAsyncContextManager[EventBus]]

NAME = "preprocess.completed"
QUICK = Policy(ack_wait=0.8, max_deliver=3, backoff=(0.1,))
PATIENT = Policy(ack_wait=60, max_deliver=3, backoff=(0.5,))
SOON = 30  # seconds, on the busiest machine


def _event(number: object = 1, **more: Any) -> Event:
    return new_event(NAME, {"batch_id": f"b{number}", "artifacts": [], **more})


def _with(open_bus: OpenBus, test: Callable[[EventBus], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(120), open_bus() as bus:
            await test(bus)

    asyncio.run(run())


async def _nothing(subscription: Subscription, seconds: float = 0.15) -> None:
    assert await subscription.next(seconds) is None


def test_an_event_arrives_as_it_was(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        event = _event(extra={"ü": [1.5, None, "\n"]})
        assert await bus.publish(event)
        delivery = await (await bus.subscribe(NAME, "me", PATIENT)).next(SOON)
        assert delivery is not None
        assert delivery.event == event
        assert delivery.attempt == 1
        await delivery.ack()
        await _nothing(await bus.subscribe(NAME, "me", PATIENT))

    _with(open_bus, test)


def test_a_batch_is_published_once(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        assert not await bus.published(NAME, "b1")
        assert await bus.publish(_event(1, by="first"))
        assert await bus.published(NAME, "b1")
        assert not await bus.publish(_event(1, by="second"))
        assert await bus.publish(new_event("features.completed", {"batch_id": "b1"}))
        assert await bus.publish(_event(2))
        assert not await bus.published(NAME, "b3")
        subscription = await bus.subscribe(NAME, "me", PATIENT)
        got = []
        for _ in range(2):
            delivery = await subscription.next(SOON)
            assert delivery is not None
            assert delivery.event.batch is not None
            got.append((delivery.event.batch_id, delivery.event.batch.get("by")))
            await delivery.ack()
        assert got == [("b1", "first"), ("b2", None)]
        await _nothing(subscription)

    _with(open_bus, test)


def test_an_acknowledged_batch_stays_published(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        await bus.publish(_event())
        delivery = await (await bus.subscribe(NAME, "me", PATIENT)).next(SOON)
        assert delivery is not None
        await delivery.ack()
        assert await bus.published(NAME, "b1")
        assert not await bus.publish(_event())

    _with(open_bus, test)


@pytest.mark.parametrize("batch_id", ["my batch / 1", "a.b.*.>", "ü" * 300, "x" * 128, "\udc80"])
def test_a_batch_id_may_be_any_text(open_bus: OpenBus, batch_id: str) -> None:
    async def test(bus: EventBus) -> None:
        event = new_event(NAME, {"batch_id": batch_id})
        assert await bus.publish(event)
        assert not await bus.publish(event)
        assert await bus.published(NAME, batch_id)
        assert not await bus.published(NAME, batch_id + "x")
        delivery = await (await bus.subscribe(NAME, "me", PATIENT)).next(SOON)
        assert delivery is not None
        assert delivery.event.batch_id == batch_id

    _with(open_bus, test)


def test_each_durable_name_gets_all_and_those_who_share_one_share(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        early = await bus.subscribe(NAME, "shared", PATIENT)
        for number in range(10):
            await bus.publish(_event(number))
        late = await bus.subscribe(NAME, "shared", PATIENT)
        other = await bus.subscribe(NAME, "other", PATIENT)
        got: dict[str, list[str]] = {"early": [], "late": [], "other": []}
        for _ in range(5):
            for who, subscription in (("early", early), ("late", late)):
                delivery = await subscription.next(SOON)
                assert delivery is not None
                got[who].append(delivery.event.batch_id)
                await delivery.ack()
        for _ in range(10):
            delivery = await other.next(SOON)
            assert delivery is not None
            got["other"].append(delivery.event.batch_id)
            await delivery.ack()
        everything = [f"b{number}" for number in range(10)]
        assert sorted(got["early"] + got["late"]) == everything
        assert got["other"] == everything
        await _nothing(early)
        await _nothing(late)

    _with(open_bus, test)


def test_silence_means_that_it_is_delivered_again(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        await bus.publish(_event())
        subscription = await bus.subscribe(NAME, "me", QUICK)
        first = await subscription.next(SOON)
        assert first is not None
        await _nothing(subscription, 0.3)
        second = await subscription.next(SOON)
        assert second is not None
        assert (second.event, second.attempt) == (first.event, 2)
        await second.ack()
        await _nothing(subscription, 1.1)

    _with(open_bus, test)


def test_who_says_that_it_is_at_it_has_time(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        await bus.publish(_event())
        subscription = await bus.subscribe(NAME, "me", QUICK)
        delivery = await subscription.next(SOON)
        assert delivery is not None
        for _ in range(5):  # twice what it would have in silence
            await _nothing(subscription, 0.35)
            await delivery.in_progress()
        await delivery.ack()
        await _nothing(subscription, 1.1)

    _with(open_bus, test)


def test_what_is_given_back_comes_at_once(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        await bus.publish(_event())
        subscription = await bus.subscribe(NAME, "me", PATIENT)
        first = await subscription.next(SOON)
        assert first is not None
        await first.give_back()
        second = await subscription.next(SOON)
        assert second is not None
        assert second.attempt == 2

    _with(open_bus, test)


def test_what_fails_is_tried_again_and_then_dead(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        event = _event(keep="this")
        await bus.publish(event)
        subscription = await bus.subscribe(NAME, "me", PATIENT)
        for attempt in (1, 2, 3):
            delivery = await subscription.next(SOON)
            assert delivery is not None
            assert delivery.attempt == attempt
            assert await bus.dead() == []
            await delivery.fail("the model:\n  cannot be löaded")
            if attempt < 3:
                await _nothing(subscription, 0.1)  # there is a pause
        await _nothing(subscription)
        (letter,) = await bus.dead()
        assert (letter.durable, letter.name, letter.batch_id) == ("me", NAME, "b1")
        assert letter.reason.startswith("the model:")
        assert letter.attempts == 3
        assert letter.died_at.endswith("Z")
        assert decode(letter.payload) == event
        # Another's deliveries have nothing to do with it.
        other = await (await bus.subscribe(NAME, "other", PATIENT)).next(SOON)
        assert other is not None
        assert other.event == event

    _with(open_bus, test)


def test_what_kills_its_consumers_is_dead_too(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        await bus.publish(_event("poison"))
        await bus.publish(_event("fine"))
        subscription = await bus.subscribe(NAME, "me", QUICK)
        seen = []
        while not await bus.dead():
            delivery = await subscription.next(0.3)
            if delivery is not None:
                seen.append((delivery.event.batch_id, delivery.attempt))
                if delivery.event.batch_id == "bfine":
                    await delivery.ack()
        assert sorted(seen) == [("bfine", 1), ("bpoison", 1), ("bpoison", 2), ("bpoison", 3)]
        (letter,) = await bus.dead()
        assert letter.batch_id == "bpoison"
        assert "3 times" in letter.reason

    _with(open_bus, test)


def test_what_can_never_be_done_is_dead_at_once(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        await bus.publish(_event())
        subscription = await bus.subscribe(NAME, "me", PATIENT)
        delivery = await subscription.next(SOON)
        assert delivery is not None
        await delivery.bury("it is not a batch")
        await delivery.bury("it is not a batch")  # as a worker would that was killed in between
        await _nothing(subscription)
        (letter,) = await bus.dead()
        assert (letter.reason, letter.attempts) == ("it is not a batch", 1)

    _with(open_bus, test)


def test_a_dead_letter_can_be_retried(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        event = _event()
        await bus.publish(event)
        other = await bus.subscribe(NAME, "other", PATIENT)
        subscription = await bus.subscribe(NAME, "me", PATIENT)
        for _ in range(2):
            delivery = await subscription.next(SOON)
            assert delivery is not None
            await delivery.bury("no")
            (letter,) = await bus.dead()
            await bus.retry(letter)
            assert await bus.dead() == []
        again = await subscription.next(SOON)
        assert again is not None
        assert (again.event, again.attempt) == (event, 1)
        await again.ack()
        await _nothing(subscription)
        # Who had it is not told again.
        delivery = await other.next(SOON)
        assert delivery is not None
        await delivery.ack()
        await _nothing(other)

    _with(open_bus, test)


def test_a_dead_letter_can_be_dropped(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        for number in range(3):
            await bus.publish(_event(number))
        subscription = await bus.subscribe(NAME, "me", PATIENT)
        for _ in range(3):
            delivery = await subscription.next(SOON)
            assert delivery is not None
            await delivery.bury("no")
        letters = await bus.dead()
        assert [each.batch_id for each in letters] == ["b0", "b1", "b2"]
        await bus.drop(letters[1])
        await bus.drop(letters[1])
        assert [each.batch_id for each in await bus.dead()] == ["b0", "b2"]
        await _nothing(subscription)

    _with(open_bus, test)


def test_a_late_ack_still_counts(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        await bus.publish(_event())
        subscription = await bus.subscribe(NAME, "me", QUICK)
        slow = await subscription.next(SOON)
        assert slow is not None
        quick = await subscription.next(SOON)
        assert quick is not None
        assert quick.attempt == 2
        await quick.ack()
        await slow.ack()
        await _nothing(subscription, 1.1)

    _with(open_bus, test)


def test_a_consumer_that_waits_is_woken(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        subscription = await bus.subscribe(NAME, "me", PATIENT)
        waiting = asyncio.create_task(subscription.next(100))
        await asyncio.sleep(0.2)
        started = asyncio.get_running_loop().time()
        await bus.publish(_event())
        delivery = await waiting
        assert delivery is not None
        assert asyncio.get_running_loop().time() - started < SOON

    _with(open_bus, test)


def test_an_event_that_is_too_large_is_refused(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        with pytest.raises(UsageError, match="too large"):
            await bus.publish(_event(pad="x" * bus.limit))
        most = bus.limit - len(_event(pad="").encode())
        assert await bus.publish(_event(pad="x" * most))
        delivery = await (await bus.subscribe(NAME, "me", PATIENT)).next(SOON)
        assert delivery is not None

    _with(open_bus, test)


def test_many_events_through_many_consumers(open_bus: OpenBus) -> None:
    async def test(bus: EventBus) -> None:
        seen: list[str] = []

        async def consume() -> None:
            subscription = await bus.subscribe(NAME, "me", PATIENT)
            while (delivery := await subscription.next(0.5)) is not None or len(seen) < 150:
                if delivery is not None:
                    seen.append(delivery.event.batch_id)
                    await delivery.ack()

        async def produce(start: int) -> None:
            for number in range(start, start + 100):
                await bus.publish(_event(number))

        await asyncio.gather(produce(0), produce(50), *(consume() for _ in range(4)))
        assert sorted(seen) == sorted(f"b{number}" for number in range(150))

    _with(open_bus, test)
