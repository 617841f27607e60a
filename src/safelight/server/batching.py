"""Micro-batching: queries of many clients share one call of the model and one scan.

No query waits to be joined by others: while one batch is worked on, the next one gathers.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.errors import DecodeError, ModelInvalid, ModelUnavailable, SafelightError
from safelight.server.errors import busy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from safelight.embedding.base import Embedder
    from safelight.library.vector_index.base import Neighbours
    from safelight.library.vector_index.flat import Rows
    from safelight.library.vector_index.open import LocalIndex
    from safelight.search import Encode

#: Queries in one batch. More would make the first of them wait for the last.
AT_ONCE = 32


@dataclass(slots=True, eq=False)
class _Waiting:
    work: Any
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    since: float


class Batches:
    """A thread that works on all that waits at once.

    Parameters
    ----------
    what : str
        For messages: what there are too many of.
    work : callable
        Given a list of what was asked; returns as many answers, an exception where one failed.
    waiting : int
        How many may wait.
    tell : callable
        Given the size of each batch and the seconds that it took.
    """

    def __init__(
        self,
        what: str,
        work: Callable[[list[Any]], Sequence[Any]],
        *,
        waiting: int,
        tell: Callable[[int, float], None] = lambda _, __: None,
    ) -> None:
        self._what = what
        self._work = work
        self._limit = waiting
        self._tell = tell
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"safelight-{what}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Number of waiting requests."""
        return len(self._queue)

    async def ask(self, work: Any) -> Any:
        """Return the answer.

        Raises
        ------
        Problem
            With 429, if too many wait.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(work, loop, loop.create_future(), time.perf_counter())
        with self._changed:
            if self._closed or len(self._queue) >= self._limit:
                raise busy(self._what)
            self._queue.append(waiting)
            self._changed.notify()
        return await waiting.future

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closed:
                    self._changed.wait()
                if self._closed:
                    left = list(self._queue)
                    self._queue.clear()
                    break
                batch = [self._queue.popleft() for _ in range(min(AT_ONCE, len(self._queue)))]
            # Nobody is there any more for those that were given up.
            batch = [each for each in batch if not each.future.cancelled()]
            if not batch:
                continue
            started = time.perf_counter()
            try:
                answers = self._work([each.work for each in batch])
            except BaseException as error:  # noqa: BLE001 - given to those who asked
                answers = [error] * len(batch)
            _deliver(batch, answers)
            self._tell(len(batch), time.perf_counter() - started)
        _deliver(left, [busy(self._what)] * len(left))

    def close(self) -> None:
        """Refuse what waits, and wait for what is being worked on."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()


def _deliver(batch: Sequence[_Waiting], answers: Sequence[Any]) -> None:
    def deliver() -> None:
        for each, answer in zip(batch, answers, strict=True):
            if each.future.done():
                continue
            if isinstance(answer, BaseException):
                each.future.set_exception(answer)
            else:
                each.future.set_result(answer)

    if batch:
        # All are of one loop: the server's.
        batch[0].loop.call_soon_threadsafe(deliver)


def embed(embedder: Embedder, steps: Sequence[Encode]) -> list[npt.NDArray[np.float32] | Exception]:
    """Return the vectors of each step's texts, then of its images as ``prepare`` made them.

    Or why there are none.
    """
    try:
        return [*_embed(embedder, steps)]
    except SafelightError as error:
        # The fault of one picture, perhaps: its neighbours are answered.
        if len(steps) == 1:
            is_refused = steps[0].images and not isinstance(error, ModelInvalid | ModelUnavailable)
            text = f"The model cannot embed this picture: {error}"
            return [DecodeError(text, code="model") if is_refused else error]
        return [answer for each in steps for answer in embed(embedder, [each])]


def _embed(embedder: Embedder, steps: Sequence[Encode]) -> list[npt.NDArray[np.float32]]:
    texts = list(dict.fromkeys(text for each in steps for text in each.texts))
    images = [image for each in steps for image in each.images]
    of_text = dict(zip(texts, embedder.encode_texts(texts), strict=True)) if texts else {}
    of_images = iter(embedder.encode_prepared(images) if images else ())
    none = np.empty((0, embedder.dimension), np.float32)
    found = []
    for each in steps:
        rows = [of_text[text] for text in each.texts] + [next(of_images) for _ in each.images]
        found.append(np.stack(rows) if rows else none)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A vector to be looked for among all, or among some rows, of an index."""

    index: LocalIndex
    vector: npt.NDArray[np.float32]
    top: int
    rows: Rows | None = None


def scan(batch: Sequence[Scan]) -> list[Neighbours]:
    """Return the neighbours of each; those of one index are found in one pass."""
    answers: dict[int, Neighbours] = {}
    by_index: dict[int, list[int]] = {}
    for number, each in enumerate(batch):
        by_index.setdefault(id(each.index), []).append(number)
    for numbers in by_index.values():
        found = batch[numbers[0]].index.search_many(
            np.stack([batch[number].vector for number in numbers]),
            [batch[number].top for number in numbers],
            [batch[number].rows for number in numbers],
        )
        answers |= dict(zip(numbers, found, strict=True))
    return [answers[number] for number in range(len(batch))]
