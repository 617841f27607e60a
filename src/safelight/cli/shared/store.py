"""Messages about vector stores, for the commands that change a library."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from safelight.cli.shared.opening import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from safelight.api.library import Library
    from safelight.api.sync import Sent


def feed_store(library: Library, *, quiet: bool) -> None:
    """Send what a command has changed to the store, if one is set; warn if it does not take it."""
    if library.settings.store is None:
        return
    from safelight.api.sync import feed

    sent = feed(library, progress=progress(quiet=quiet))
    if sent is not None and not sent.left and not quiet:
        click.echo(sent_text(sent), err=True)


@contextlib.contextmanager
def show_sending(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a callback for the numbers of sent and of all items."""
    from safelight.api import Progress
    from safelight.cli.shared.progress import show_progress

    with show_progress(quiet=quiet, doing="Sending") as show:
        yield lambda done, total: show(Progress(done, total, 0))


def sent_text(sent: Sent) -> str:
    """Return a sentence about the sent items."""
    parts = [f"sent {sent.sent:,}"]
    if sent.removed:
        parts.append(f"removed {sent.removed:,}")
    if sent.left:
        parts.append(f"{sent.left:,} left")
    return f"{sent.store}: {', '.join(parts)} ({sent.seconds:.1f} s)"
