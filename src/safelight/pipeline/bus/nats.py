"""Bus between processes and machines: NATS JetStream.

Subjects, headers and streams are told in ``docs/pipeline.md``, for consumers in other languages;
``docs/decisions/0013-events.md`` says why they are as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from loguru import logger

from safelight.errors import SafelightError, UsageError
from safelight.pipeline.bus.dead_letters import as_letter, headers_of
from safelight.pipeline.bus.events import DeadLetter, Event, Policy, check_name, token
from safelight.pipeline.bus.nats_deliveries import (
    EVENT_SUBJECT,
    EVENTS,
    PAUSE,
    REQUEST,
    NatsDeliveries,
    plainly,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext
    from nats.js.api import RawStreamMsg

#: Half of what a server takes unless it is told otherwise, so that headers have room.
_LIMIT = 512 * 1024

_DEAD, _DEAD_SUBJECT = "SAFELIGHT_DEAD", "safelight.dead"

#: The error of a server that has a message under a subject that was to have none.
_WRONG_SEQUENCE = 10071

#: The errors of one that is to forget a message that it does not have.
_GONE = (10037, 10043)

_FIRST = {"Nats-Expected-Last-Subject-Sequence": "0"}

#: Seconds until a server must have answered at first, and for how long a request is tried again
#: while the connection is down.
_CONNECT, _PATIENCE = 3.0, 60.0

_DURABLE = re.compile(r"[A-Za-z0-9_-]{1,64}")

#: What a server answers with that is still starting.
_UNAVAILABLE = 503

_log = logger.bind(service="bus")

Result = TypeVar("Result")


class NatsBus:
    """Carries events by a NATS server with JetStream. Made by :meth:`connect`."""

    limit = _LIMIT

    def __init__(self, client: Client, shown: str) -> None:
        self._client = client
        self._js: JetStreamContext = client.jetstream(timeout=REQUEST)
        self._shown = shown

    @classmethod
    async def connect(cls, url: str, *, patience: float = _CONNECT) -> NatsBus:
        """Connect to ``nats://HOST:PORT``, and make the streams if they are not there.

        Parameters
        ----------
        url : str
                ``nats://`` or ``tls://``; with ``USER:PASSWORD@`` or ``TOKEN@`` if the server wants
            them; several servers of one cluster are separated by commas.
        patience : float
            Seconds to wait for an answer.

        Raises
        ------
        UsageError
            The extra is not installed, or this is no such address.
        SafelightError
            The server does not answer, lets nobody in, or has no JetStream.
        """
        try:
            from nats.aio.client import Client
        except ImportError as exc:
            raise UsageError(
                "A bus between processes needs pip install 'safelight[nats]'.", code="missing-extra"
            ) from exc
        servers = [each.strip() for each in url.split(",")]
        shown = ", ".join(map(_without_secrets, servers))
        client = Client()
        problems: list[Exception] = []

        async def complained(error: Exception) -> None:
            problems.append(error)
            _log.debug("{}: {}", shown, error)

        async def lost() -> None:
            if not client.is_closed:
                _log.warning("Lost the connection to {}; trying again", shown)

        async def found_again() -> None:
            _log.info("Connected to {} again", shown)

        try:
            async with asyncio.timeout(patience):
                await client.connect(
                    servers,
                    name="safelight",
                    error_cb=complained,
                    disconnected_cb=lost,
                    reconnected_cb=found_again,
                    reconnect_time_wait=1,
                    max_reconnect_attempts=-1,
                    connect_timeout=2,
                    ping_interval=20,
                )
        except Exception as exc:
            with contextlib.suppress(Exception):  # it may not even have begun
                await client.close()
            why = _told(problems) or exc
            raise SafelightError(
                f"{shown} cannot be used as a bus: {plainly(why)}. "
                "Start a server with: nats-server --jetstream",
                code="bus",
            ) from exc
        bus = cls(client, shown)
        try:
            await bus._make_streams()
        except BaseException:
            await bus.close()
            raise
        return bus

    async def publish(self, event: Event) -> bool:
        """See :class:`safelight.pipeline.bus.events.EventBus`."""
        check_name(event.name)
        data = event.encode()
        if len(data) > self.limit:
            raise UsageError(f"An event of {len(data):,} bytes is too large.", code="too-large")
        return await self._put(f"{EVENT_SUBJECT}.{event.name}.{token(event.batch_id)}", data, {})

    async def published(self, name: str, batch_id: str) -> bool:
        subject = f"{EVENT_SUBJECT}.{name}.{token(batch_id)}"

        async def ask() -> bool:
            info = await self._js.stream_info(EVENTS, subjects_filter=subject)
            return bool(info.state.subjects)

        return await self._insist(ask)

    async def subscribe(
        self, name: str, durable: str, policy: Policy | None = None
    ) -> NatsDeliveries:
        check_name(name)
        if not _DURABLE.fullmatch(durable):
            raise UsageError(f"{durable!r} is not a durable name: letters, digits, - and _ are.")
        found = NatsDeliveries(
            self._js, name, durable, policy or Policy(), settle=self.settle, bury=self.bury
        )
        await self._insist(found.bind)
        return found

    async def dead(self) -> list[DeadLetter]:
        async def ask() -> list[RawStreamMsg]:
            info = await self._js.stream_info(_DEAD, subjects_filter=f"{_DEAD_SUBJECT}.>")
            return [
                found
                for subject in info.state.subjects or ()
                if (found := await self._last(subject)) is not None
            ]

        messages = await self._insist(ask)
        return [as_letter(each) for each in sorted(messages, key=lambda each: each.seq or 0)]

    async def retry(self, letter: DeadLetter) -> None:
        if letter.batch_id is None:
            raise UsageError(
                f"Dead letter {letter.key} is not an event ({letter.reason}). Drop it.",
                code="no-letter",
            )
        # Others that consume the event have had it: this one is for one durable name only.
        stem = f"{EVENT_SUBJECT}.{letter.name}.{token(letter.batch_id)}"
        await self._put(f"{stem}.again.{letter.durable}.{letter.key}", letter.payload, {})
        await self.drop(letter)

    async def drop(self, letter: DeadLetter) -> None:
        from nats.js.errors import APIError

        async def remove() -> None:
            try:
                await self._js.delete_msg(_DEAD, int(letter.key))
            except APIError as exc:
                if exc.err_code not in _GONE:
                    raise

        await self._insist(remove)

    async def close(self) -> None:
        await self._client.close()

    async def bury(self, message: Msg, durable: str, name: str, reason: str) -> None:
        """Put a message with the dead letters, once however often this is tried."""
        sequence = message.metadata.sequence.stream
        await self._put(
            f"{_DEAD_SUBJECT}.{durable}.{sequence}",
            message.data,
            headers_of(message, durable, name, reason),
        )
        await self.settle(message.term)

    async def settle(self, say: Callable[[], Awaitable[Any]]) -> None:
        """Tell the server something of a delivery; if it does not hear, it delivers again."""
        from nats.errors import Error

        try:
            await say()
        except (Error, TimeoutError, OSError) as exc:
            _log.warning("{} did not hear of a delivery: {}", self._shown, plainly(exc))

    async def _put(self, subject: str, data: bytes, headers: Mapping[str, str]) -> bool:
        """Publish under a subject that has no message yet; return False if it has one."""
        from nats.js.errors import APIError

        # Own to this call: so a try whose answer was lost is told from another's publishing.
        identity = {"Nats-Msg-Id": secrets.token_hex(16)}

        async def put() -> bool:
            try:
                await self._js.publish(
                    subject, data, headers={**headers, **_FIRST, **identity}, timeout=REQUEST
                )
            except APIError as exc:
                if exc.err_code == _WRONG_SEQUENCE:
                    return False
                raise
            return True

        return await self._insist(put)

    async def _insist(self, ask: Callable[[], Awaitable[Result]]) -> Result:
        """Ask until the server answers: while the connection is down, for a minute."""
        from nats.errors import Error, NoRespondersError
        from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

        end = asyncio.get_running_loop().time() + _PATIENCE
        while True:
            try:
                return await ask()
            except NotFoundError as exc:
                problem: Exception = exc
                await self._try_to_make_streams()  # a server that lost its store
            except (TimeoutError, NoRespondersError, NoStreamResponseError) as exc:
                problem = exc
            except APIError as exc:
                problem = exc
                if exc.code != _UNAVAILABLE:
                    end = 0.0
            except (Error, OSError) as exc:
                problem, end = exc, 0.0
            if asyncio.get_running_loop().time() >= end:
                raise SafelightError(
                    f"{self._shown} failed: {plainly(problem)}.", code="bus"
                ) from problem
            await asyncio.sleep(PAUSE)

    async def _try_to_make_streams(self) -> None:
        with contextlib.suppress(SafelightError):
            await self._make_streams()

    async def _make_streams(self) -> None:
        from nats.errors import Error
        from nats.js.api import StorageType, StreamConfig
        from nats.js.errors import NotFoundError

        try:
            for name, subject in ((EVENTS, EVENT_SUBJECT), (_DEAD, _DEAD_SUBJECT)):
                try:
                    await self._js.stream_info(name)  # as somebody may have set it up
                except NotFoundError:
                    config = StreamConfig(
                        name=name, subjects=[f"{subject}.>"], storage=StorageType.FILE
                    )
                    await self._js.add_stream(config)
        except (Error, TimeoutError) as exc:
            raise SafelightError(
                f"{self._shown} has no JetStream to keep events in: {plainly(exc)}. "
                "Start it with: nats-server --jetstream",
                code="bus",
            ) from exc

    async def _last(self, subject: str) -> RawStreamMsg | None:
        from nats.js.errors import NotFoundError

        try:
            return await self._js.get_last_msg(_DEAD, subject)
        except NotFoundError:
            return None


def _without_secrets(url: str) -> str:
    """Return a server's address without what opens it."""
    parts = urlsplit(url if "://" in url else f"nats://{url}")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _told(problems: list[Exception]) -> Exception | None:
    """Return the complaint that says most: a server that refuses somebody hangs up right after."""
    from nats.errors import Error

    said = [each for each in problems if isinstance(each, Error)]
    return next(iter(said or problems[-1:]), None)
