"""``safelight library export``."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from safelight.api import size_text
from safelight.cli.shared.options import counted, library_option, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EPILOG = """\b
Examples:
  safelight library export ~/backup/photos
  safelight library export s3://archive/photos -n holiday --json
  safelight library export ./old-model --space ViT-B-32/openai
  safelight library export ./rescued --from-store postgresql://me@db/photos
"""


@click.command("export", epilog=EPILOG)
@click.argument("dest")
@click.option(
    "-n", "--namespace", "namespaces", multiple=True, metavar="NAME",
    help="Export only files in this namespace. May be repeated.",
)  # fmt: skip
@click.option(
    "--space", metavar="MODEL", help="Model whose vectors to export, if not the searched one."
)
@click.option(
    "--from-store", metavar="ADDRESS", help="Export this vector store's contents instead."
)
@click.option("--overwrite", is_flag=True, help="Replace the data set that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
@library_option
def export(
    dest: str,
    namespaces: tuple[str, ...],
    space: str | None,
    from_store: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    library: str | None,
) -> None:
    """Export the library as a data set in Parquet.

    DEST is a new folder, or a URL such as s3://BUCKET/FOLDER. It contains photos, files, vectors,
    scores, labels, hashes and failures; the photo files themselves stay where they are. If the
    command is stopped, DEST does not pass for a data set; run it again.
    """
    from safelight.api.exchange import export_data_set

    settings = load_settings(library=library)
    with exchange_progress("Exporting", quiet=quiet or as_json) as progress:
        done = export_data_set(
            settings,
            dest,
            namespaces=namespaces,
            space=space,
            from_store=from_store,
            overwrite=overwrite,
            progress=progress,
        )
    if as_json:
        click.echo(json.dumps(asdict(done), ensure_ascii=False))
    elif not quiet:
        failed = f", {done.failures:,} failures" if done.failures else ""
        click.echo(
            f"{done.place}: {counted(done.photos, 'photo')}{failed} in "
            f"{counted(done.files, 'file')}, "
            f"{size_text(done.bytes)} ({done.seconds:.1f} s)"
        )


@contextlib.contextmanager
def exchange_progress(doing: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a callback for the numbers of finished and of all photos."""
    from safelight.api import Progress
    from safelight.cli.shared.progress import show_progress

    with show_progress(quiet=quiet, doing=doing) as show:
        yield lambda done, total: show(Progress(done, max(done, total), 0))
