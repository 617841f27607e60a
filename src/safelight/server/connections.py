"""Time limits for connections: for request heads, answers and leftovers.

uvicorn ends a connection that rests between two requests. It waits without end for the rest of a
request's head, for a client that does not take its answer, and for a body that nobody reads.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from safelight.server.limits import Limits

#: Open files that a process needs besides its connections: the library, photos, the log.
_SPARE_FILES = 128


class Connection(H11Protocol):
    """uvicorn's connection with a deadline for each state in which it waits for the client.

    Parameters
    ----------
    limits : Limits
    most : int
        Connections that there may be at once.
    """

    def __init__(self, *given: Any, limits: Limits, most: int, **named: Any) -> None:
        super().__init__(*given, **named)
        self._limits = limits
        self._most = most
        self._head: asyncio.TimerHandle | None = None
        self._answer: asyncio.TimerHandle | None = None
        self._leftover: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """True while no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; among too many, the longest idle one ends."""
        super().connection_made(transport)
        self._head = self.loop.call_later(self._limits.head_seconds, self._end)
        if len(self.connections) > self._most:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget all deadlines."""
        for timer in (self._head, self._answer, self._leftover):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        """Take what comes; a head that has begun has a deadline until it is whole."""
        super().data_received(data)
        self._watch_head(has_begun=True)

    def on_response_complete(self) -> None:
        """Go on with the next request, or end once the answer was taken."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._watch_answer()
            return
        if self.conn.their_state is h11.SEND_BODY:
            # Nobody reads the rest of this body. Those who send it are given a while to notice.
            self._leftover = self._leftover or self.loop.call_later(
                self._limits.drain_seconds, self._end
            )
        self._watch_head(has_begun=bool(self.conn.trailing_data[0]))

    def pause_writing(self) -> None:
        """Wait for a client that takes its answer slowly, up to a deadline."""
        super().pause_writing()
        self._watch_answer()

    def resume_writing(self) -> None:
        """Go on writing."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._answer = _stopped(self._answer)

    def shutdown(self) -> None:
        """Close, at the latest when the last answer should have been taken."""
        super().shutdown()
        if self.transport.is_closing():
            self._watch_answer()

    def _watch_head(self, *, has_begun: bool) -> None:
        if self.conn.their_state is not h11.SEND_BODY:
            self._leftover = _stopped(self._leftover)
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._head = _stopped(self._head)
        elif has_begun and self._head is None:
            self._head = self.loop.call_later(self._limits.head_seconds, self._end)

    def _watch_answer(self) -> None:
        if self._answer is None:
            self._answer = self.loop.call_later(self._limits.send_seconds, self._end)

    def _make_room(self) -> None:
        idle = [each for each in self.connections if isinstance(each, Connection) and each.is_idle]
        min(idle, key=lambda each: each.idle_since, default=self)._end()

    @property
    def idle_since(self) -> float:
        """Start of this connection's wait for a request, in the event loop's time."""
        if self._head is not None:
            return self._head.when() - self._limits.head_seconds
        if self.timeout_keep_alive_task is not None:
            return self.timeout_keep_alive_task.when() - self.timeout_keep_alive
        return self.loop.time()

    def _end(self) -> None:
        # Not close(): that waits until what was written is taken.
        self.transport.abort()


def connection_class(limits: Limits) -> Any:
    """Return what makes a connection, as uvicorn's configuration takes it."""
    return partial(Connection, limits=limits, most=_most(limits.connections))


def _most(wanted: int) -> int:
    """Return how many connections the limit of open files allows."""
    if sys.platform == "win32":
        return wanted
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - _SPARE_FILES))


def _stopped(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Cancel a deadline, and return what is left of it: nothing."""
    if timer is not None:
        timer.cancel()
    return None
