"""The library of a command, with its progress and notes on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from safelight.cli.shared.progress import Steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.api.library import Library
    from safelight.api.progress import Reporting
    from safelight.settings import Settings


def open_library(
    settings: Settings, *, create: bool = False, quiet: bool, notes: bool | None = None
) -> Library:
    """Open the library of the settings.

    Parameters
    ----------
    quiet : bool
        Show no progress.
    notes : bool, optional
        Print notes; unless `quiet` if not given.
    """
    from safelight.api import Database
    from safelight.api.library import Library

    return Library(
        Database(settings.library, create=create),
        settings=settings,
        progress=progress(quiet=quiet),
        tell=teller(quiet=quiet if notes is None else not notes),
        warn=teller(quiet=False),
    )


def progress(*, quiet: bool) -> Reporting:
    """Return how a command shows progress."""
    return False if quiet else Steps()


def teller(*, quiet: bool) -> Callable[[str], None]:
    """Return a callback that prints notes, unless `quiet`."""
    return lambda note: None if quiet else click.echo(f"safelight: {note}", err=True)
