"""``safelight library export``."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from safelight.cli.shared.options import counted, library_option, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from safelight.exchange.parquet.export import Exported
    from safelight.settings import Settings
    from safelight.types import Space

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
    from safelight.exchange.parquet.export import export_library
    from safelight.library.database import Database

    settings = load_settings(library=library)
    with exchange_progress("Exporting", quiet=quiet or as_json) as progress:
        if from_store is not None:
            done = _from_store(
                settings, from_store, dest, space, namespaces, overwrite=overwrite,
                progress=progress,
            )  # fmt: skip
        else:
            with Database(settings.library, create=False) as opened:
                done = export_library(
                    opened,
                    dest,
                    namespaces=namespaces,
                    space=space,
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
            f"{done.bytes / 1e6:,.1f} MB ({done.seconds:.1f} s)"
        )


def _from_store(
    settings: Settings,
    address: str,
    dest: str,
    space: str | None,
    namespaces: tuple[str, ...],
    *,
    overwrite: bool,
    progress: Callable[[int, int], None],
) -> Exported:
    from safelight.exchange.parquet.read_store import export_store
    from safelight.exchange.stores import open_store

    chosen = _space_of_store(settings, space)
    key = settings.store_key.text if settings.store_key else None
    with contextlib.closing(open_store(address, key=key)) as store:
        return export_store(
            store, dest, chosen, namespaces=namespaces, overwrite=overwrite, progress=progress
        )


def _space_of_store(settings: Settings, model: str | None) -> Space:
    """Return the space of the library; of a model, where there is no library any more."""
    from safelight.library.database import Database
    from safelight.model_choice import choose_space
    from safelight.types import Space

    if settings.library.exists():
        with Database(settings.library, create=False) as opened:
            return choose_space(opened, model)
    if model is None:
        raise click.UsageError(
            f"There is no library at {settings.library} to say what is in the store. Name the "
            "model that it was fed with: --space MODEL"
        )
    from safelight.embedding.load import load_embedder

    embedder = load_embedder(model, device=settings.device, threads=settings.threads)
    return Space(embedder.fingerprint, embedder.name, embedder.dimension, model)


@contextlib.contextmanager
def exchange_progress(doing: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield what to call with the photos done, and all that there are."""
    from safelight.cli.shared.progress import show_progress
    from safelight.ingest.summary import Progress

    with show_progress(quiet=quiet, doing=doing) as show:
        yield lambda done, total: show(Progress(done, max(done, total), 0))
