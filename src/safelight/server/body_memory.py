"""Memory for request bodies: a body is not read until there is room for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

from safelight.server.errors import busy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Room:
    """An amount of something that requests share, in the order in which they ask for it.

    Parameters
    ----------
    what : str
        For messages: what there are too many of.
    amount : int
    seconds : float
        How long a request waits for its share before it is refused.
    """

    def __init__(self, what: str, amount: int, seconds: float) -> None:
        self._what = what
        self._amount = self._free = amount
        self._seconds = seconds
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def free(self) -> int:
        """Bytes that nobody holds."""
        return self._free

    @contextlib.asynccontextmanager
    async def share(self, wanted: int) -> AsyncIterator[None]:
        """Hold a share while the block lasts; of more than there is, all of it.

        Raises
        ------
        Problem
            With 429: there was no room in time.
        """
        wanted = min(wanted, self._amount)
        if self._waiting or wanted > self._free:
            await self._wait(wanted)
        else:
            self._free -= wanted
        try:
            yield
        finally:
            self._give_back(wanted)

    async def _wait(self, wanted: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = (wanted, turn)
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(self._seconds):
                await turn
        except BaseException as exc:
            if turn.done() and not turn.cancelled():
                self._give_back(wanted)
            elif waiter in self._waiting:
                self._waiting.remove(waiter)
                self._give_back(0)  # whoever stood behind it may fit
            if isinstance(exc, TimeoutError):
                raise busy(self._what) from None
            raise

    def _give_back(self, amount: int) -> None:
        self._free += amount
        while self._waiting and (self._waiting[0][0] <= self._free or self._waiting[0][1].done()):
            wanted, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= wanted
                turn.set_result(None)
