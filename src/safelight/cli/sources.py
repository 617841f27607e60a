"""``safelight sources``: list sources, or move one."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from safelight.api import visible
from safelight.cli.shared.opening import open_library
from safelight.cli.shared.options import counted, library_option, load_settings
from safelight.cli.shared.store import feed_store

if TYPE_CHECKING:
    from safelight.api import Moved
    from safelight.api.sources import SourceStatus

EPILOG = """\b
Examples:
  safelight sources
  safelight sources -n holiday --json
  safelight sources move /media/old/Photos /media/new/Photos
  safelight forget images:/media/old/Photos
"""

MOVE_EPILOG = """\b
Examples:
  safelight sources move D:\\Photos E:\\Photos
  safelight sources move ~/Pictures/2023 ~/Archive/2023 --dry-run
"""


@click.group(invoke_without_command=True, epilog=EPILOG)
@click.option("-n", "--namespace", metavar="NAME", help="Show only this namespace.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@library_option
@click.pass_context
def sources(
    context: click.Context, namespace: str | None, as_json: bool, library: str | None
) -> None:
    """List the ingested sources, or move one.

    A plain `safelight ingest` brings all sources up to date.
    """
    if context.invoked_subcommand is not None:
        return
    from safelight.api import Database
    from safelight.api.sources import list_sources

    settings = load_settings(library=library)
    with Database(settings.library, create=False) as opened:
        found = list_sources(opened, namespace)
    if as_json:
        for each in found:
            click.echo(json.dumps(each.to_dict(), ensure_ascii=False))
    elif found:
        for each in found:
            click.echo(visible(_line(each)))
    else:
        click.echo(
            "safelight: nothing was ingested yet. Begin with: safelight ingest FOLDER", err=True
        )


@sources.command(epilog=MOVE_EPILOG)
@click.argument("old")
@click.argument("new")
@click.option("-n", "--namespace", metavar="NAME", help="Show only this namespace.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@library_option
def move(
    old: str, new: str, namespace: str | None, dry_run: bool, as_json: bool, library: str | None
) -> None:
    """Tell the library that the folder OLD is NEW now.

    Photos keep all their data, and no file is touched. Use it after you renamed or moved a folder,
    or when a disk has another letter.
    """
    from safelight.api import move_source

    with open_library(load_settings(library=library), quiet=as_json) as opened:
        moved = move_source(opened, old, new, namespace=namespace, dry_run=dry_run)
        if not dry_run:
            feed_store(opened, quiet=as_json)
    if as_json:
        click.echo(json.dumps(asdict(moved), ensure_ascii=False))
    else:
        click.echo(visible(_moved(moved)))


def _line(found: SourceStatus) -> str:
    parts = [] if found.files is None else [counted(found.files, "file")]
    for count, word in ((found.missing, "missing"), (found.excluded, "excluded")):
        if count:
            parts.append(f"{count:,} {word}")
    if not found.is_there:
        parts.append("not there now")
    if found.source.ingested_at:
        parts.append(f"ingested {found.source.ingested_at[:10]}")
    return f"{found.source.namespace}: {found.source.spec}  ({', '.join(parts)})"


def _moved(moved: Moved) -> str:
    be = "is" if moved.files == 1 else "are"
    text = (
        f"{counted(moved.files, 'file')} {'would be' if moved.dry_run else be} in {moved.new} now"
    )
    if moved.sources and not (moved.files or moved.missing or moved.changed):
        # A list: its photos are where they were.
        text = f"{', '.join(moved.sources)} {'would be' if moved.dry_run else 'is'} the source now"
    if moved.missing:
        text += f", {moved.missing:,} not there"
    if moved.changed:
        text += f", {moved.changed:,} with another content"
    again = "" if moved.dry_run else " Bring them up to date: safelight ingest"
    return f"{text}.{again}"
