"""Score many photo files on threads, in order."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from safelight.errors import DecodeError
from safelight.imaging import DEFAULT_MAX_PIXELS
from safelight.quality.registry import chosen_metrics
from safelight.quality.scoring import score

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from concurrent.futures import Future

    from safelight.quality.combined import Weights
    from safelight.quality.metric import Metric
    from safelight.quality.report import Report
    from safelight.quality.scoring import ImageModel

Item = TypeVar("Item")
Result = TypeVar("Result")


def score_files(
    paths: Iterable[str | os.PathLike[str]],
    metrics: Sequence[Metric] | None = None,
    full_size: bool = False,
    *,
    weights: Weights | None = None,
    model: ImageModel | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
) -> Generator[Report | DecodeError | OSError]:
    """Yield a report, or the reason why there is none, for each file, in order.

    The parameters are those of :func:`safelight.quality.scoring.score`. However many files there
    are, only a few for each thread are held at a time.

    Parameters
    ----------
    threads : int, optional
        One a processor core if not given. Results do not depend on it.

    Yields
    ------
    Report, DecodeError or OSError
    """
    chosen = chosen_metrics(metrics)
    if isinstance(paths, str | os.PathLike):
        paths = [paths]

    def work(path: str | os.PathLike[str]) -> Report | DecodeError | OSError:
        try:
            return score(
                path, chosen, full_size, weights=weights, model=model, max_pixels=max_pixels
            )
        except (DecodeError, OSError) as error:
            return error

    return in_order(work, paths, threads)


def in_order(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    threads: int | None = None,
    ahead: int | None = None,
) -> Generator[Result]:
    """Yield ``work(item)`` of each item, in order, computed a little ahead on threads.

    Parameters
    ----------
    threads : int, optional
        One a processor core if not given.
    ahead : int, optional
        How many may be computed, or waiting to be taken, at a time; two a thread if not given.
    """
    count = threads or os.cpu_count() or 1
    source = iter(items)
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="safelight-score") as pool:

        def submit(wanted: int) -> None:
            pending.extend(pool.submit(work, item) for item in islice(source, wanted))

        try:
            submit(ahead or 2 * count)
            while pending:
                found = pending.popleft().result()
                submit(1)
                yield found
        finally:
            for future in pending:
                future.cancel()
