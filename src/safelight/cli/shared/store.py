"""Messages about vector stores, for the commands that change or search a library."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from safelight.errors import StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from safelight.api import Database
    from safelight.api.sync import Sent, VectorIndex
    from safelight.settings import Settings


def feed_store(library: Database, settings: Settings, *, quiet: bool) -> None:
    """Send what a command has changed to the store, if one is set; warn if it does not take it."""
    if settings.store is None:
        return
    from safelight.api.sync import feed_store as feed

    try:
        with show_sending(quiet=quiet) as progress:
            sent = feed(library, settings, progress=progress)
    except (UsageError, StoreError) as exc:
        click.echo(f"safelight: {exc}", err=True)
        return
    if sent is None:
        return
    if sent.left:
        why = f"{sent.problem} " if sent.problem else ""
        click.echo(
            f"safelight: {why}{sent.left:,} not sent yet; `safelight sync` sends what is left.",
            err=True,
        )
    elif not quiet:
        click.echo(sent_text(sent), err=True)


def searched_index(
    library: Database, settings: Settings, given: str | None, space: str, namespace: str | None
) -> AbstractContextManager[VectorIndex | None]:
    """Open the store that is searched, if it is one; None for the library's own index."""
    from safelight.api.sync import search_index

    return search_index(
        library,
        settings,
        space,
        address=given,
        namespace=namespace,
        tell=lambda note: click.echo(f"safelight: {note}", err=True),
    )


@contextlib.contextmanager
def show_sending(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield what to call with the items sent, and all that there are."""
    from safelight.api import Progress
    from safelight.cli.shared.progress import show_progress

    with show_progress(quiet=quiet, doing="Sending") as show:
        yield lambda done, total: show(Progress(done, total, 0))


def sent_text(sent: Sent) -> str:
    """Return what was sent, as a sentence."""
    parts = [f"sent {sent.sent:,}"]
    if sent.removed:
        parts.append(f"removed {sent.removed:,}")
    if sent.left:
        parts.append(f"{sent.left:,} left")
    return f"{sent.store}: {', '.join(parts)} ({sent.seconds:.1f} s)"
