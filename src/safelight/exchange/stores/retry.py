"""Retry while a store does not answer."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, TypeVar

from safelight.errors import StoreAway

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

_FIRST, _LONGEST = 0.2, 5.0


def insist(
    do: Callable[[], Result],
    *,
    patience: float,
    tell: Callable[[StoreAway], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Return what `do` returns, calling it again while the store does not answer.

    The pauses double from a fifth of a second to five seconds. Each is cut by up to a half at
    random, so that many clients of a server that comes back do not all come at once.

    Parameters
    ----------
    patience : float
        Seconds after the first failure in which another try may begin; 0 tries once.

    tell : callable
        Given the first failure that is waited out.

    Raises
    ------
    StoreAway
        It is still away.
    """
    end: float | None = None
    pause = _FIRST
    while True:
        try:
            return do()
        except StoreAway as exc:
            now = clock()
            wait = pause * random.uniform(0.5, 1.0)
            if now + wait >= (now + patience if end is None else end):
                raise
            if end is None:
                end = now + patience
                tell(exc)
        sleep(wait)
        pause = min(2 * pause, _LONGEST)
