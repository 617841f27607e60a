"""Progress of a long command: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from safelight.api import is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from safelight.api import Progress
    from safelight.api.progress import Step

_SECONDS_BETWEEN_LINES = 10.0


@contextlib.contextmanager
def show_progress(*, quiet: bool, doing: str = "Embedding") -> Iterator[Callable[[Progress], None]]:
    """Yield a callback for steps that writes to standard error, or nothing if quiet."""
    if quiet:
        yield lambda _: None
    elif is_terminal(sys.stderr):
        with _bar(doing) as step:
            yield step
    else:
        yield _lines()


class Steps:
    """Progress of a use case: a bar, or lines, for each of its activities in turn."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._shown: tuple[str, Callable[[Any], None]] | None = None

    def __call__(self, step: Step) -> None:
        if self._shown is None or self._shown[0] != step.doing:
            self.close()
            show = self._stack.enter_context(show_progress(quiet=False, doing=step.doing))
            self._shown = step.doing, show
        self._shown[1](step)

    def close(self) -> None:
        """Remove the bar."""
        self._stack.close()
        self._shown = None


@contextlib.contextmanager
def _bar(doing: str) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None, rate="")

        def step(now: Progress) -> None:
            rate = now.done / max(time.monotonic() - started, 1e-3)
            failed = f", {now.failed} failed" if now.failed else ""
            bar.update(
                task, completed=now.done, total=now.total, rate=f"{rate:.1f} a second{failed}"
            )

        yield step


def _lines() -> Callable[[Progress], None]:
    started = last = time.monotonic()

    def step(now: Progress) -> None:
        nonlocal last
        clock = time.monotonic()
        if clock - last < _SECONDS_BETWEEN_LINES:
            return
        last = clock
        rate = now.done / (clock - started)
        left = (now.total - now.done) / rate if rate else 0.0
        failed = f", {now.failed} failed" if now.failed else ""
        click.echo(
            f"{now.done:,} of {now.total:,}, {rate:.1f} a second, {left:,.0f} s left{failed}",
            err=True,
        )

    return step
