"""Waiting for what will be so, on however busy a machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def until(
    look: Callable[[], T], *, seconds: float = 90, why: Callable[[], object] = lambda: ""
) -> T:
    """Look again and again until there is something; return what it is.

    Parameters
    ----------
    look : callable
    seconds : float
        When it is in vain; no test waits for so long unless something is wrong.
    why : callable
        Called when it is in vain, for the message.
    """
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, why()
        time.sleep(0.02)
    return found
