"""``safelight library``: spaces, export and import."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING

import click

from safelight.api import is_terminal, size_text
from safelight.cli.library.export import export
from safelight.cli.library.import_ import import_
from safelight.cli.shared.options import library_option, load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.api.spaces import Coverage

EPILOG = """\b
Examples:
  safelight ingest --model ViT-L-14/openai     embed all photos with another model
  safelight library use ViT-L-14/openai        search with that from now on
  safelight library spaces                     see which models there are
  safelight library drop-space starter         remove what the old one computed
  safelight library export ~/backup/photos     write photos, vectors, scores, labels as Parquet
"""

SPACES_EPILOG = """\b
Examples:
  safelight library spaces
  safelight library spaces --json
"""

USE_EPILOG = """\b
Examples:
  safelight library use ViT-L-14/openai
  safelight library use starter
  safelight library use 3f2a9c01
"""

DROP_EPILOG = """\b
Examples:
  safelight library drop-space starter
  safelight library drop-space 3f2a9c01 --yes
"""


@click.group(epilog=EPILOG)
def library() -> None:
    """Change the model of a library, export it, or import into it.

    The vectors of one model are a space. A library can hold several, side by side; searches use
    one of them. A data set holds one, in Parquet, with all other data about the photos.
    """


library.add_command(export)
library.add_command(import_)


@library.command("spaces", epilog=SPACES_EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@library_option
def spaces(as_json: bool, library: str | None) -> None:
    """List the spaces, with the coverage and size of each."""
    from safelight.api import Database
    from safelight.api.spaces import list_spaces

    settings = load_settings(library=library)
    with Database(settings.library, create=False) as opened:
        found = list_spaces(opened)
    if as_json:
        for each in found.spaces:
            click.echo(json.dumps(each.to_dict(), ensure_ascii=False))
    elif found.spaces:
        click.echo(_table(found.spaces, "photos and texts" if found.has_texts else "photos"))
    else:
        click.echo(
            "The library has no space yet. Fill it with `safelight ingest FOLDER`.", err=True
        )


@library.command("use", epilog=USE_EPILOG)
@click.argument("name")
@library_option
def use(name: str, library: str | None) -> None:
    """Search in another space from now on.

    NAME is its name, the value of --model that loads its model, or the beginning of its
    fingerprint. An ingest that names no model uses it, too.
    """
    from safelight.api import Database
    from safelight.api.spaces import use_space

    settings = load_settings(library=library)
    with Database(settings.library, create=False) as opened:
        found = use_space(opened, name)
    click.echo(f"Searches use {found.space.name}.")
    if found.lacking:
        command = "safelight ingest" + (f" --library {shlex.quote(library)}" if library else "")
        click.echo(
            f"safelight: it covers {found.covered:,} of {found.covered + found.lacking:,}; "
            f"{found.lacking:,} more must be embedded to be found: {command}",
            err=True,
        )


@library.command("drop-space", epilog=DROP_EPILOG)
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--force", is_flag=True, help="Drop the space even if it is the only one.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@library_option
def drop_space(name: str, yes: bool, force: bool, as_json: bool, library: str | None) -> None:
    """Remove a space and give its disk space back.

    NAME is as for `safelight library use`. Photos and all other data about them stay. To get the
    space back, its model must embed all photos again. If the command is stopped, run it again
    to do the rest.
    """
    from safelight.api import Database
    from safelight.api.spaces import check_drop
    from safelight.api.spaces import drop_space as drop

    settings = load_settings(library=library)
    with Database(settings.library, create=False) as opened:
        found = check_drop(opened, name, force=force)
        if not yes and not _confirm(found):
            click.echo("safelight: nothing was dropped.", err=True)
            sys.exit(1)
        freed = drop(
            opened,
            found.space.fingerprint,
            force=force,
            tell=lambda note: click.echo(f"safelight: {note}", err=True),
        )
    if as_json:
        row = {"space": found.space.name, "fingerprint": found.space.fingerprint}
        click.echo(
            json.dumps(
                {**row, "embeddings": found.embeddings, "bytes_freed": freed}, ensure_ascii=False
            )
        )
    else:
        click.echo(
            f"Dropped {found.space.name}: {found.embeddings:,} vectors, {size_text(freed)} freed."
        )


def _confirm(found: Coverage) -> bool:
    if not is_terminal(sys.stdin):
        raise click.UsageError("There is no terminal to ask on. Add --yes to drop it anyway.")
    return click.confirm(
        f"Drop {found.space.name} with its {found.embeddings:,} vectors? To have them again, its "
        "model must embed all photos again.",
        err=True,
    )


def _table(found: Sequence[Coverage], what: str) -> str:
    rows = [
        (
            each.space.name,
            each.space.fingerprint[:12],
            f"{each.covered:,} of {each.covered + each.lacking:,} {what}",
            f"{each.embeddings:,} x {each.space.dimension}, {size_text(each.bytes)}",
            "used by searches" if each.default else "",
        )
        for each in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
