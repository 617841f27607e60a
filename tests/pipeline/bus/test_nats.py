"""NATS alone: the server goes away, comes back, refuses, and gets nonsense from others."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import nats
import pytest
from nats.js.api import ConsumerConfig, StreamConfig

from safelight.errors import SafelightError, UsageError
from safelight.pipeline.bus.events import Policy, new_event
from safelight.pipeline.bus.nats import NatsBus
from tests.pipeline.nats_server import needs_nats, serving
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from tests.pipeline.nats_server import Server

pytestmark = needs_nats

NAME = "preprocess.completed"
PATIENT = Policy(ack_wait=60, max_deliver=3, backoff=(0.1,))


def _run(main: Awaitable[Any]) -> Any:
    async def limited() -> Any:
        async with asyncio.timeout(120):
            return await main

    return asyncio.run(limited())


def test_what_others_publish_is_an_event_or_a_dead_letter(server: Server) -> None:
    good = {"event": NAME, "batch_id": "good", "batch": {"artifacts": []}}
    messages = [
        b"not json",
        b"[1, 2]",
        b"\xff\xfe",
        json.dumps({**good, "batch_id": None}).encode(),
        json.dumps({"event": NAME, "batch": {"batch_id": "inside"}}).encode(),
        json.dumps({"batch_id": "a", "batch": {}}).encode(),
        json.dumps({**good, "event": "features.completed"}).encode(),
        json.dumps({"event": NAME, "batch_id": "empty"}).encode(),
        json.dumps({**good, "batch": {"batch_id": "another"}}).encode(),
        b"[" * 100_000,
    ]

    async def main() -> None:
        bus = await NatsBus.connect(server.url)
        client = await nats.connect(server.url)
        for number, message in enumerate(messages):
            await client.jetstream().publish(f"safelight.event.{NAME}.bad{number}", message)
        await client.jetstream().publish(f"safelight.event.{NAME}.good", json.dumps(good).encode())
        delivery = await (await bus.subscribe(NAME, "me", PATIENT)).next(30)
        assert delivery is not None
        assert delivery.event.batch_id == "good"
        assert delivery.event.batch == {"artifacts": [], "batch_id": "good"}
        letters = await bus.dead()
        assert [each.payload for each in letters] == messages
        assert all(each.reason and each.durable == "me" for each in letters)
        assert letters[0].batch_id is None
        with pytest.raises(UsageError, match="is not an event"):
            await bus.retry(letters[0])
        await bus.drop(letters[0])
        assert len(await bus.dead()) == len(messages) - 1
        await client.close()
        await bus.close()

    _run(main())


def test_a_consumer_of_another_kind_sees_each_batch_once(server: Server) -> None:
    """As docs/pipeline.md tells it: one token behind the event's name, and no more."""

    async def main() -> None:
        bus = await NatsBus.connect(server.url)
        for number in range(3):
            await bus.publish(new_event(NAME, {"batch_id": f"b{number}"}))
        ours = await bus.subscribe(NAME, "me", PATIENT)
        for _ in range(3):
            delivery = await ours.next(30)
            assert delivery is not None
            await delivery.bury("no")
        for letter in await bus.dead():
            await bus.retry(letter)
        client = await nats.connect(server.url)
        theirs = await client.jetstream().pull_subscribe(
            f"safelight.event.{NAME}.*", "theirs", stream="SAFELIGHT_EVENTS"
        )
        got = [(await theirs.fetch(1, timeout=30))[0].subject for _ in range(3)]
        assert got == [f"safelight.event.{NAME}.b{number}" for number in range(3)]
        with pytest.raises(nats.errors.TimeoutError):
            await theirs.fetch(1, timeout=0.3)
        await client.close()
        await bus.close()

    _run(main())


def test_a_second_publishing_is_refused_however_late(server: Server) -> None:
    async def main() -> None:
        client = await nats.connect(server.url)
        # As somebody may have set it up who has it remember ids for a moment only.
        await client.jetstream().add_stream(
            StreamConfig("SAFELIGHT_EVENTS", subjects=["safelight.event.>"], duplicate_window=0.1)
        )
        bus = await NatsBus.connect(server.url)
        assert await bus.publish(new_event(NAME, {"batch_id": "b"}))
        await asyncio.sleep(0.3)
        assert not await bus.publish(new_event(NAME, {"batch_id": "b"}))
        info = await client.jetstream().stream_info("SAFELIGHT_EVENTS")
        assert info.state.messages == 1
        assert info.config.duplicate_window == 0.1
        await client.close()
        await bus.close()

    _run(main())


def test_a_server_that_is_killed_and_comes_back_has_everything(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("nats", "nats_deliveries"):  # less patience, so that it is over sooner
        monkeypatch.setattr(f"safelight.pipeline.bus.{module}.REQUEST", 1.0)

    async def main() -> None:
        bus = await NatsBus.connect(server.url)
        subscription = await bus.subscribe(NAME, "me", PATIENT)
        await bus.publish(new_event(NAME, {"batch_id": "before"}))
        delivery = await subscription.next(30)
        assert delivery is not None
        server.stop(kill=True)
        publishing = asyncio.create_task(bus.publish(new_event(NAME, {"batch_id": "away"})))
        asking = asyncio.create_task(bus.published(NAME, "before"))
        assert await subscription.next(0.5) is None
        await asyncio.to_thread(server.start)
        assert await publishing
        assert await asking
        await delivery.ack()
        following = await subscription.next(60)
        assert following is not None
        assert following.event.batch_id == "away"
        await following.ack()
        assert await subscription.next(0.5) is None
        assert not await bus.publish(new_event(NAME, {"batch_id": "away"}))
        await bus.close()

    _run(main())


def test_a_consumer_that_was_deleted_is_made_again(server: Server) -> None:
    async def main() -> None:
        bus = await NatsBus.connect(server.url)
        subscription = await bus.subscribe(NAME, "me", PATIENT)
        assert await subscription.next(0.1) is None
        client = await nats.connect(server.url)
        await client.jetstream().delete_stream("SAFELIGHT_EVENTS")
        assert not await bus.published(NAME, "b")
        assert await bus.publish(new_event(NAME, {"batch_id": "b"}))
        delivery = None
        for _ in range(60):
            delivery = delivery or await subscription.next(1)
        assert delivery is not None
        await client.close()
        await bus.close()

    _run(main())


def test_the_policy_of_the_latest_counts(server: Server) -> None:
    async def main() -> None:
        bus = await NatsBus.connect(server.url)
        await bus.subscribe(NAME, "me", Policy(ack_wait=7))
        await bus.subscribe(NAME, "me", Policy(ack_wait=9))
        client = await nats.connect(server.url)
        info = await client.jetstream().consumer_info("SAFELIGHT_EVENTS", "me-preprocess-completed")
        assert isinstance(info.config, ConsumerConfig)
        assert info.config.ack_wait == 9
        await client.close()
        await bus.close()

    _run(main())


def test_a_server_that_is_away_is_an_error_that_says_so() -> None:
    url = f"nats://me:secret@127.0.0.1:{free_port()}"
    with pytest.raises(SafelightError, match="cannot be used as a bus") as caught:
        _run(NatsBus.connect(url, patience=0.6))
    assert caught.value.code == "bus"
    assert "refused" in str(caught.value).lower() or "Connect call failed" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_server_without_jetstream_is_an_error_that_says_so(tmp_path: Path) -> None:
    with (
        serving(tmp_path, "--name", "plain") as server,
        pytest.raises(SafelightError, match="no JetStream"),
    ):
        _run(NatsBus.connect(server.url))


def test_a_server_that_wants_a_password(tmp_path: Path) -> None:
    options = ("-js", "-sd", str(tmp_path / "store"), "--user", "me", "--pass", "secret")
    with serving(tmp_path, *options) as server:
        with pytest.raises(SafelightError, match="Authorization") as caught:
            _run(NatsBus.connect(server.url.replace("//", "//me:wrong@"), patience=0.7))
        assert "wrong" not in str(caught.value)

        async def main() -> bool:
            bus = await NatsBus.connect(server.url.replace("//", "//me:secret@"))
            done = await bus.publish(new_event(NAME, {"batch_id": "b"}))
            await bus.close()
            return done

        assert _run(main())


def test_a_durable_name_must_be_one(server: Server) -> None:
    async def main() -> None:
        bus = await NatsBus.connect(server.url)
        try:
            with pytest.raises(UsageError):
                await bus.subscribe(NAME, "not.one", PATIENT)
            with pytest.raises(UsageError):
                await bus.subscribe("not an event", "me", PATIENT)
        finally:
            await bus.close()

    _run(main())


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nats.aio.client", None)
    with pytest.raises(UsageError, match=r"safelight\[nats\]"):
        _run(NatsBus.connect("nats://127.0.0.1:1"))
