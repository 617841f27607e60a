"""Batch size of a model; smaller when the memory does not suffice."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import warnings
from typing import TYPE_CHECKING, Any

from safelight.errors import ModelError
from safelight.files import SMALL_FILE, read_text
from safelight.files.atomic import write_safely

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Call = Callable[[int, int], Any]
    Each = Callable[[Callable[[tuple[int, int]], Any], list[tuple[int, int]]], Iterable[Any]]

OUT_OF_MEMORY = "out-of-memory"

# How the runtimes say it; they have no error class in common, and ONNX Runtime none for this.
_SIGNS = (
    "out of memory",
    "failed to allocate memory",
    "can't allocate memory",
    "not enough memory",
    "bad_alloc",
    "bad allocation",
)


class Batches:
    """The size of the batches of one side of a model, and the loop over them.

    Safe to call from several threads.

    Parameters
    ----------
    what : str
        ``images`` or ``texts``, for messages.
    size : int
        To begin with.
    key : str or None
        Names model and device. A size that turned out to be too large for them is then not tried
        again by the next process either.
    """

    def __init__(self, what: str, size: int, key: str | None = None) -> None:
        self._what = what
        self._lock = threading.Lock()
        self._kept: Path | None = None
        if key is not None:
            self._kept = _folder() / hashlib.sha256(f"{key}\0{what}".encode()).hexdigest()
        self.size = min(size, _read(self._kept) or size)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def run(self, count: int, call: Call, each: Each = map) -> list[Any]:
        """Return what `call` returns for each batch of `count` inputs, in order.

        When memory runs out, the batch is halved, with a warning, and the work goes on.

        Parameters
        ----------
        count : int
        call : callable
            Given begin and end of a batch.
        each : callable
            ``map``, or the like of a pool of threads.

        Raises
        ------
        ModelError
            `call` did; with code ``out-of-memory`` if not even one input fits.
        """

        def attempt(part: tuple[int, int]) -> Any:
            try:
                return call(*part)
            except ModelError as error:
                if error.code != OUT_OF_MEMORY or part[1] - part[0] == 1:
                    raise
                return error

        done: dict[int, Any] = {}
        todo = [(0, count)]
        while todo:
            size = self.size
            parts = [
                (start, min(start + size, end))
                for begin, end in todo
                for start in range(begin, end, size)
            ]
            todo = []
            for part, outcome in zip(parts, each(attempt, parts), strict=True):
                if isinstance(outcome, ModelError):
                    todo.append(part)
                    self._halve(part[1] - part[0])
                else:
                    done[part[0]] = outcome
        return [done[start] for start in sorted(done)]

    def _halve(self, failed: int) -> None:
        with self._lock:
            if self.size < failed:
                return  # another thread found out before
            self.size = failed // 2
            _write(self._kept, self.size)
        warnings.warn(
            f"Memory did not suffice for {failed} {self._what} at once; going on with {self.size}.",
            stacklevel=4,
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether a runtime failed for want of memory."""
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in _SIGNS)


def out_of_memory(name: str, error: BaseException) -> ModelError:
    """Return the error for a model that ran out of memory."""
    return ModelError(
        f"{name} ran out of memory: {error}. Close other programs, use the device cpu, or choose a "
        "smaller model.",
        code=OUT_OF_MEMORY,
        model=name,
    )


def _folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("safelight", appauthor=False) / "batches"


def _read(path: Path | None) -> int | None:
    if path is not None:
        with contextlib.suppress(OSError, ValueError):
            return max(1, int(read_text(path, limit=SMALL_FILE)))
    return None


def _write(path: Path | None, size: int) -> None:
    if path is None:
        return
    # A cache that cannot be written costs time, and nothing else.
    with contextlib.suppress(OSError):
        write_safely(path, str(size).encode(), durable=False)
