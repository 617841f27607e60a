"""Deliveries of a NATS server, and their acknowledgements."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from loguru import logger

from safelight.errors import UsageError
from safelight.pipeline.bus.events import Event, Policy, decode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

    #: Tells the server something of a delivery.
    Settle = Callable[[Callable[[], Awaitable[Any]]], Awaitable[None]]

    #: Puts a message with the dead letters: message, durable name, event, reason.
    Bury = Callable[[Msg, str, str, str], Awaitable[None]]

EVENTS, EVENT_SUBJECT = "SAFELIGHT_EVENTS", "safelight.event"

#: Seconds that a request may take, and between two tries.
REQUEST, PAUSE = 5.0, 0.5

_log = logger.bind(service="bus")


class NatsDeliveries:
    """The subscription of one consumer. It asks for one event at a time: others get the rest."""

    def __init__(
        self,
        js: JetStreamContext,
        name: str,
        durable: str,
        policy: Policy,
        *,
        settle: Settle,
        bury: Bury,
    ) -> None:
        self._settle = settle
        self._bury = bury
        self._js = js
        self._name = name
        self._durable = durable
        self._policy = policy
        self._consumer = f"{durable}-{name.replace('.', '-')}"
        self._pull: JetStreamContext.PullSubscription | None = None

    async def bind(self) -> None:
        """Make the consumer, or set it to today's policy, and subscribe to it."""
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        await self._js.add_consumer(
            EVENTS,
            ConsumerConfig(
                durable_name=self._consumer,
                filter_subject=f"{EVENT_SUBJECT}.{self._name}.>",
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=self._policy.ack_wait,
                # The server would drop silently what was delivered often enough, also what kills
                # its workers; so it is counted here.
                max_deliver=-1,
            ),
        )
        self._pull = await self._js.pull_subscribe_bind(durable=self._consumer, stream=EVENTS)

    async def next(self, timeout: float) -> NatsDelivery | None:
        from nats.errors import Error
        from nats.errors import TimeoutError as NothingYet

        clock = asyncio.get_running_loop().time
        end = clock() + timeout
        while (left := end - clock()) > 0:
            try:
                if self._pull is None:
                    await self.bind()
                    continue
                (message,) = await self._pull.fetch(1, timeout=left)
            except NothingYet:
                await self._look_for_consumer()
                return None
            except (Error, TimeoutError) as exc:
                _log.debug("Nothing of {} now: {}", self._name, plainly(exc))
                self._pull = None  # the server may have forgotten the consumer
                await asyncio.sleep(min(PAUSE, max(end - clock(), 0.0)))
                continue
            delivery = await self._accept(message)
            if delivery is not None:
                return delivery
        return None

    async def _look_for_consumer(self) -> None:
        """Have the consumer made again if it is gone; the server does not say so by itself."""
        from nats.errors import Error
        from nats.js.errors import NotFoundError

        try:
            await self._js.consumer_info(EVENTS, self._consumer)
        except NotFoundError:
            _log.warning("The server has forgotten who consumes {}", self._name)
            self._pull = None
        except (Error, TimeoutError) as exc:
            _log.debug("No word about {}: {}", self._name, plainly(exc))

    async def _accept(self, message: Msg) -> NatsDelivery | None:
        """Return the delivery of a message; None if it is not for us, or nothing to deliver."""
        own = message.subject.removeprefix(f"{EVENT_SUBJECT}.{self._name}.").split(".")
        if own[1:2] == ["again"] and own[2:3] != [self._durable]:
            await self._settle(message.ack)
            return None
        attempt = message.metadata.num_delivered
        try:
            event = decode(message.data)
            if event.name != self._name:
                raise UsageError(f"The message is of {event.name}, but came as {self._name}.")
        except UsageError as exc:
            await self._bury(message, self._durable, self._name, str(exc))
            return None
        if attempt > self._policy.max_deliver:
            reason = (
                f"delivered {attempt - 1} times, and whoever took it never said what became of it"
            )
            await self._bury(message, self._durable, self._name, reason)
            return None
        return NatsDelivery(
            message,
            event,
            attempt,
            self._durable,
            self._policy,
            settle=self._settle,
            bury=self._bury,
        )


class NatsDelivery:
    """One message of the server."""

    def __init__(
        self,
        message: Msg,
        event: Event,
        attempt: int,
        durable: str,
        policy: Policy,
        *,
        settle: Settle,
        bury: Bury,
    ) -> None:
        self._settle = settle
        self._bury = bury
        self._message = message
        self._durable = durable
        self._policy = policy
        self.event = event
        self.attempt = attempt

    async def ack(self) -> None:
        # Waits for the server's word: what it did not hear it would deliver again.
        await self._settle(lambda: self._message.ack_sync(timeout=REQUEST))

    async def in_progress(self) -> None:
        await self._settle(self._message.in_progress)

    async def give_back(self) -> None:
        await self._settle(self._message.nak)

    async def fail(self, reason: str) -> None:
        if self.attempt >= self._policy.max_deliver:
            await self.bury(reason)
        else:
            pause = self._policy.pause(self.attempt)
            await self._settle(lambda: self._message.nak(delay=pause))

    async def bury(self, reason: str) -> None:
        await self._bury(self._message, self._durable, self.event.name, reason)


def plainly(error: Exception) -> str:
    """Return the text of an error, without the client's name before it."""
    text = str(error).removeprefix("nats: ").rstrip(".")
    return text or {"TimeoutError": "it does not answer"}.get(
        type(error).__name__, type(error).__name__
    )
