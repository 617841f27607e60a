"""The real command, which kills itself at an event.

It is gone, as by kill -9, when so many functions were called in safelight.library and
safelight.exchange.parquet. That is a place in the program, not a moment, and so the same on slow
and on busy machines. Files and transactions are small, so that there are several.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight import library
from safelight.cli import main
from safelight.exchange import parquet
from safelight.exchange.parquet import parts

if TYPE_CHECKING:
    from collections.abc import Callable

#: In place of what is meant for many photos.
SMALL = {"GROUP": 50, "BATCH": 50, "ONE_DIGIT": 100}

_HERE = tuple(str(Path(package.__file__).parent) + os.sep for package in (library, parquet))


def count_events(do: Callable[[], object], reached: Callable[[int], None] = lambda _: None) -> int:
    """Run a function; return how many events there were, each of which is told to `reached`."""
    count = 0

    def look(frame: Any, event: str, _: object) -> None:
        nonlocal count
        if frame.f_code.co_filename.startswith(_HERE):
            count += 1
            reached(count)

    sys.setprofile(look)
    try:
        do()
    finally:
        sys.setprofile(None)
    return count


def run() -> None:
    """Run the command whose arguments follow the number of the event to die at."""
    last = int(sys.argv.pop(1))

    def reached(event: int) -> None:
        if event == last:
            os.kill(os.getpid(), signal.SIGKILL)

    for name, value in SMALL.items():
        setattr(parts, name, value)
    count_events(main, reached)
