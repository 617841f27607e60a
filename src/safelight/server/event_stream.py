"""Server-sent events of something that goes on until it has ended.

Each event holds the whole state, so a client that was cut off needs none of those that it missed.
``id`` is the state's: a client that comes back with it (``Last-Event-ID``) is told what is new, and
one that knows the end is answered 204, at which a browser's ``EventSource`` stops to ask.
See https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Response
from fastapi.responses import StreamingResponse

from safelight.server.errors import busy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from fastapi import Request

    from safelight.server.auth import Access
    from safelight.server.state import ServerState

#: Milliseconds after which a browser comes back to a stream that broke.
RETRY = 2000

SECONDS_BETWEEN_LOOKS = 0.25
SECONDS_OF_SILENCE = 15.0

TYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class Event:
    """A state of what is followed.

    Attributes
    ----------
    id : str
        Another for each state; without line breaks.
    name : str
    data : str
        One line.
    is_last : bool
        Whether nothing will change any more.
    """

    id: str
    name: str
    data: str
    is_last: bool = False

    def text(self) -> str:
        """Return it as it is sent."""
        return f"id: {self.id}\nevent: {self.name}\ndata: {self.data}\n\n"


async def event_stream(
    request: Request, served: ServerState, access: Access, look: Callable[[], Awaitable[Event]]
) -> Response:
    """Return the answer that tells each state that `look` sees, until the last.

    Raises
    ------
    Problem
        With 429: too many clients listen.
    """
    first = await look()
    known = request.headers.get("last-event-id")
    if first.is_last and first.id == known:
        return Response(status_code=204)
    return open_stream(request, served, _told(request, served, access, look, first, known))


def open_stream(request: Request, served: ServerState, told: AsyncGenerator[str]) -> Response:
    """Return the answer that sends events as they are told; only its head, if that is asked for.

    Raises
    ------
    Problem
        With 429: too many clients listen.
    """
    if request.scope.get("is_head"):
        return Response(media_type=TYPE, headers=HEADERS)
    if served.streams >= served.limits.streams:
        raise busy("listeners")
    return StreamingResponse(_counted(served, told), media_type=TYPE, headers=HEADERS)


async def _counted(served: ServerState, told: AsyncGenerator[str]) -> AsyncIterator[str]:
    served.streams += 1
    try:
        yield f"retry: {RETRY}\n\n"
        async with contextlib.aclosing(told):
            async for text in told:
                yield text
    finally:
        served.streams -= 1


async def _told(
    request: Request,
    served: ServerState,
    access: Access,
    look: Callable[[], Awaitable[Event]],
    event: Event,
    known: str | None,
) -> AsyncGenerator[str]:
    spoken = time.monotonic()
    while True:
        if event.id != known:
            known, spoken = event.id, time.monotonic()
            yield event.text()
        elif time.monotonic() - spoken > SECONDS_OF_SILENCE:
            spoken = time.monotonic()
            yield ": still here\n\n"
        if event.is_last or served.stopping.is_set() or await request.is_disconnected():
            return
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        if not await served.is_valid(access.token):  # revoked meanwhile
            return
        event = await look()
