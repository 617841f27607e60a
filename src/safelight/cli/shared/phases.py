"""Options of the commands about duplicates, and progress in several phases."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import click

from safelight.api import expanded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from safelight.duplicates.deduplicator import Deduplicator
    from safelight.library.database import Database
    from safelight.settings import Settings


@contextlib.contextmanager
def show_phases(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Yield what to call with what is being done, how much of it is, and of how much."""
    from safelight.api import Progress
    from safelight.cli.shared.progress import show_progress

    with contextlib.ExitStack() as stack:
        shown: tuple[str, Callable[[Progress], None]] | None = None

        def step(doing: str, done: int, total: int) -> None:
            nonlocal shown
            if shown is None or shown[0] != doing:
                stack.close()
                shown = doing, stack.enter_context(show_progress(quiet=quiet, doing=doing))
            shown[1](Progress(done, total, 0))

        yield step


def choosing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what chooses the photos to keep: policy, folders, and the user's own choice."""
    for option in (
        click.option(
            "--keep", metavar="POLICY",
            help="Keep by original, sharpest, smallest or weights (original,metadata=8).",
        ),
        click.option(
            "--prefer", multiple=True, metavar="DIR",
            help="Prefer files in this folder among equal pictures. May be repeated.",
        ),
        click.option(
            "--protect", multiple=True, metavar="DIR", help="Never plan a file in this folder."
        ),
        click.option(
            "--instead", multiple=True, metavar="PHOTO",
            help="Keep this photo of its group: a path, or the beginning of an id.",
        ),
        click.option(
            "--no-look", is_flag=True,
            help="Do not open photos to find derivations; faster.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def deduplicator(
    library: Database,
    settings: Settings,
    keep: str | None,
    no_look: bool,
    progress: Callable[[str, int, int], None],
    *,
    prefer: tuple[str, ...] = (),
    protect: tuple[str, ...] = (),
    instead: tuple[str, ...] = (),
) -> Deduplicator:
    """Return what finds and judges the duplicates of an opened library."""
    from safelight.duplicates.deduplicator import Deduplicator
    from safelight.duplicates.keeper.policy import DEFAULT, parse_policy

    for option, folders in (("--prefer", prefer), ("--protect", protect)):
        for folder in folders:
            # A mistyped folder would protect nothing, and say nothing.
            if not os.path.isdir(expanded(folder)):
                raise click.UsageError(f"{option} {folder}: there is no such folder.")
    parse_policy(keep or "")  # what is wrong with it is told before anything takes time
    return Deduplicator(
        library,
        policy=keep or DEFAULT,
        look=not no_look,
        pixel_limit=settings.pixel_limit,
        threads=settings.threads,
        limits=settings.duplicate_limits,
        prefer=prefer or settings.prefer,
        protect=(*protect, *settings.protect),
        instead=tuple(_photo(each) for each in instead),
        progress=progress,
    )


def _photo(given: str) -> str:
    """Return a photo as it was named: the beginning of an id as it is, a path as a whole one."""
    from safelight.duplicates.keeper.select import is_id

    if is_id(given) and not os.path.exists(given):
        return given.lower()
    return os.path.abspath(expanded(given))


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
    if count >= 1_000_000_000:
        return f"{count / 1e9:,.2f} GB"
    return f"{count / 1e6:,.1f} MB" if count >= 1_000_000 else f"{count / 1e3:,.0f} kB"
