"""Processes that work on a library: each has a name that no other one has, also after it died."""

from __future__ import annotations

import os
from functools import cache


@cache
def this_process() -> str:
    """Return the name of this process."""
    return _name(os.getpid()) or str(os.getpid())


def is_alive(owner: str) -> bool:
    """Tell whether the process of a name lives."""
    pid = owner.partition(" ")[0]
    return pid.isdigit() and _name(int(pid)) == owner


def _name(pid: int) -> str | None:
    import psutil

    try:
        # A number is given to another process after a while, but not at the same time.
        return f"{pid} {psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return None
