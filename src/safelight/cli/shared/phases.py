"""Options of the commands about duplicates, and sizes as they print them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from safelight.api import expanded

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.api.duplicates import KeeperOptions


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


def keeper_options(
    keep: str | None,
    no_look: bool,
    prefer: tuple[str, ...] = (),
    protect: tuple[str, ...] = (),
    instead: tuple[str, ...] = (),
) -> KeeperOptions:
    """Return the options that choose the photos to keep."""
    from safelight.api.duplicates import KeeperOptions

    for option, folders in (("--prefer", prefer), ("--protect", protect)):
        for folder in folders:
            if not os.path.isdir(expanded(folder)):
                raise click.UsageError(f"{option} {folder}: there is no such folder.")
    return KeeperOptions(
        keep=keep, look=not no_look, prefer=prefer, protect=protect, instead=instead
    )
