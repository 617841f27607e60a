"""Threads with a bounded queue: the event loop never waits for work, and work never piles up."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from safelight.server.errors import busy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

T = TypeVar("T")


class WorkerPool:
    """A few threads for one kind of work.

    Parameters
    ----------
    what : str
        For messages: what there are too many of.
    threads : int
    waiting : int
        How many may wait besides those that are being worked on.
    """

    def __init__(self, what: str, threads: int, waiting: int) -> None:
        self._what = what
        self._threads = threads
        self._limit = threads + waiting
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"safelight-{what}")
        self._lock = threading.Lock()
        self._taken = 0

    @property
    def taken(self) -> int:
        """Number of tasks that run or wait."""
        return self._taken

    async def run(self, work: Callable[..., T], *args: Any, **named: Any) -> T:
        """Return what `work` returns, called on a thread.

        Raises
        ------
        Problem
            With 429, if too many wait.
        """
        with self._lock:
            if self._taken >= self._limit:
                raise busy(self._what)
            self._taken += 1
        try:
            future = self._pool.submit(partial(work, *args, **named))
        except RuntimeError as exc:  # the server is stopping
            self._release(None)
            raise busy(self._what) from exc
        # Not when the client goes away: the thread is busy until the work is done.
        future.add_done_callback(self._release)
        return await asyncio.wrap_future(future)

    def _release(self, _: Future[Any] | None) -> None:
        with self._lock:
            self._taken -= 1

    def close(self) -> None:
        """Drop what waits, and wait for what is being worked on."""
        self._pool.shutdown(wait=True, cancel_futures=True)


async def close_all(closing: Iterable[Callable[[], None]], seconds: float) -> bool:
    """Call what closes something, each on a thread; return whether all returned in time.

    A read from a disk that is gone never ends, and nothing can end its thread.
    """
    # Daemons, so that the interpreter does not wait for them at its end.
    threads = [threading.Thread(target=each, daemon=True) for each in closing]
    for thread in threads:
        thread.start()
    until = asyncio.get_running_loop().time() + seconds
    while any(thread.is_alive() for thread in threads):
        if asyncio.get_running_loop().time() > until:
            return False
        await asyncio.sleep(0.02)
    return True


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it has ended; what it raises is dropped."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
