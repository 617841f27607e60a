"""``safelight library import``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from safelight.cli.library.export import exchange_progress
from safelight.cli.shared.options import counted, library_option, load_settings

if TYPE_CHECKING:
    from safelight.api.exchange import Imported

_PROBLEMS_SHOWN = 10

EPILOG = """\b
Examples:
  safelight library import ~/backup/photos
  safelight library import s3://archive/photos --dry-run
  safelight library import ./holiday -n holiday --library other.db
  safelight library import ./photos --to-store qdrant://localhost
"""


@click.command("import", epilog=EPILOG)
@click.argument("source")
@click.option(
    "-n", "--namespace", metavar="NAME",
    help="Put all files into this namespace, whatever the data set says.",
)  # fmt: skip
@click.option(
    "--to-store", metavar="ADDRESS", help="Send the rows to this vector store, and to no library."
)
@click.option(
    "--dry-run", is_flag=True, help="Read everything, show what would be new, and change nothing."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
@library_option
def import_(
    source: str,
    namespace: str | None,
    to_store: str | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    library: str | None,
) -> None:
    """Add a data set's data that the library lacks.

    SOURCE is a folder that `safelight library export` wrote, or a URL. No photo is opened, and
    data that the library already has stays as it is. If the command is stopped, run it again to
    do the rest. The exit code is 1 if a file of the data set could not be used.
    """
    if to_store is not None and dry_run:
        raise click.UsageError("--dry-run compares with a library, --to-store needs none.")
    from safelight.api.exchange import import_from_data_set

    settings = load_settings(library=library)
    with exchange_progress("Importing", quiet=quiet or as_json) as progress:
        done = import_from_data_set(
            settings,
            source,
            namespace=namespace,
            to_store=to_store,
            dry_run=dry_run,
            progress=progress,
        )
    if as_json:
        click.echo(json.dumps(done.to_dict(), ensure_ascii=False))
    elif not quiet:
        click.echo(_sentence(done, to_store))
    for problem in done.problems[:_PROBLEMS_SHOWN]:
        click.echo(f"safelight: {problem}", err=True)
    if (left := len(done.problems) - _PROBLEMS_SHOWN) > 0:
        click.echo(f"safelight: and {left:,} more; --json lists all.", err=True)
    if done.problems:
        sys.exit(1)


def _sentence(done: Imported, store: str | None) -> str:
    if store is not None:
        what = f"sent {done.vectors:,} of {done.photos:,} photos"
    else:
        would = "would be " if done.dry_run else ""
        what = f"{counted(done.photos, 'photo')}, {done.new:,} {would}new"
        if not done.dry_run:
            what += f"; added {counted(done.vectors, 'vector')}, {counted(done.files, 'file')}"
            what += f", {done.failures:,} failures" if done.failures else ""
    return f"{done.place}: {what} ({done.seconds:.1f} s)"
