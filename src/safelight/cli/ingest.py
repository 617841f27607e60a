"""``safelight ingest``."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from safelight.cli.ingest_cluster import ingest_on_cluster
from safelight.cli.shared.opening import open_library
from safelight.cli.shared.options import FlagCommand, library_option, load_settings
from safelight.cli.shared.store import feed_store
from safelight.cli.texts.ingest import report, report_failures
from safelight.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from safelight.api.library import Library

EPILOG = """\b
Sources:
  DIR or images:DIR     the photos in a folder
  PHOTO                 one photo
  image-list:FILE       a list of photos: path[,label[,...]] a line
  text:FILE             texts (.txt, .csv, .jsonl), found beside photos
  demo                  a few photos to try it with
  s3://..., gs://...    with --engine ray: the photos in an object store
  parquet:FILE          with --engine ray: URLs or bytes, in columns that you name
  (none)                all that were ingested before: the way to stay up to date

Recycle bins, packages of other programs (Photos Library.photoslibrary) and folders with a .nomedia
are passed over, unless one is named as the source.

\b
Examples:
  safelight ingest ~/Pictures
  safelight ingest -n holiday images:./photos --exclude "*.tmp.jpg"
  safelight ingest -e clip --clip-model ViT-L-14 --clip-pretrain laion2b_s32b_b82k ./photos
  safelight ingest --score --label ~/Pictures
  safelight ingest --dry-run ~/Pictures
  safelight ingest --engine ray --output s3://bucket/index s3://bucket/photos
"""


@click.command(cls=FlagCommand, epilog=EPILOG)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("-n", "--namespace", metavar="NAME", help="Namespace to put the photos in.")
@click.option(
    "-r/-R", "--recursive/--no-recursive", default=True,
    show_default="recursive", help="Read folders inside folders, or do not.",
)  # fmt: skip
@click.option(
    "--exclude", multiple=True, metavar="PATTERN",
    help="Skip names like this, besides the usual ones. May be repeated.",
)  # fmt: skip
@click.option("--model", metavar="MODEL", help="Model to embed with.")
@click.option(
    "-e", "--embedder", type=click.Choice(["clip", "starter"]),
    help="Kind of model: CLIP and nothing else, or the built-in starter.",
)  # fmt: skip
@click.option("--clip-model", metavar="NAME", help="With -e clip: architecture, e.g. ViT-L-14.")
@click.option("--clip-pretrain", metavar="TAG", help="With -e clip: weights, e.g. openai.")
@click.option("--device", metavar="DEVICE", help="Device of the model: auto, cpu, cuda:1, mps, ...")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of photos the model embeds at once.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of threads that read and decode.",
)
@click.option("--text-col", metavar="NAME", help="Column of a text: source that holds the text.")
@click.option(
    "--score", is_flag=True,
    help="Also score all photos of the sources, new or already embedded.",
)  # fmt: skip
@click.option(
    "--label", is_flag=True,
    help="Also label all photos of the sources, new or already embedded.",
)  # fmt: skip
@click.option("--retry-failed", is_flag=True, help="Retry unchanged files that failed before.")
@click.option(
    "--accept-missing", is_flag=True,
    help="Mark files missing even if that is most of a source.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--profile", is_flag=True, help="Print the time that each stage took.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as a JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
@click.option(
    "--engine", type=click.Choice(["here", "ray"]), default="here", show_default=True,
    help="Ingest into the library here, or on a cluster into Parquet.",
)  # fmt: skip
@click.option(
    "--address", metavar="HOST:PORT", help="With ray: address of the cluster, if not this machine."
)
@click.option("--output", metavar="URL", help="With ray: data set to bring up to date.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="With ray: maximum number of workers.",
)
@click.option("--url-col", metavar="NAME", help="Column of Parquet that holds URLs.")
@click.option("--bytes-col", metavar="NAME", help="Column of Parquet that holds the photos' bytes.")
@library_option
def ingest(
    sources: tuple[str, ...],
    namespace: str | None,
    recursive: bool,
    exclude: tuple[str, ...],
    model: str | None,
    embedder: str | None,
    clip_model: str | None,
    clip_pretrain: str | None,
    device: str | None,
    batch_size: int | None,
    threads: int | None,
    text_col: str | None,
    score: bool,
    label: bool,
    retry_failed: bool,
    accept_missing: bool,
    dry_run: bool,
    profile: bool,
    as_json: bool,
    quiet: bool,
    engine: str,
    address: str | None,
    output: str | None,
    workers: int | None,
    url_col: str | None,
    bytes_col: str | None,
    library: str | None,
) -> None:
    """Index photos: embed new ones, follow moved ones, mark missing ones.

    Unchanged files are not opened, so running it again is quick. Ctrl-C stops it; the next run
    goes on from there.
    """
    from safelight.api.ingest import IngestOptions, advice, ingest_each

    named = _model(model, embedder, clip_model, clip_pretrain)
    settings = load_settings(
        library=library, namespace=namespace, device=device, batch_size=batch_size, threads=threads
    )
    if engine == "ray":
        _refuse(
            "ray",
            library=library,
            text_col=text_col,
            accept_missing=accept_missing,
            dry_run=dry_run,
            profile=profile,
        )
        ingest_on_cluster(
            settings,
            sources,
            output=output,
            address=address,
            workers=workers,
            model=named,
            recursive=recursive,
            exclude=exclude,
            url_column=url_col,
            bytes_column=bytes_col,
            score=score,
            label=label,
            retry_failed=retry_failed,
            as_json=as_json,
            quiet=quiet,
        )
        return
    _refuse(
        "here",
        address=address,
        output=output,
        workers=workers,
        url_col=url_col,
        bytes_col=bytes_col,
    )
    options = IngestOptions(
        namespace=namespace,
        recursive=recursive,
        exclude=exclude,
        text_column=text_col,
        model=named,
        score=score,
        label=label,
        retry_failed=retry_failed,
        accept_missing=accept_missing,
        dry_run=dry_run,
    )
    with open_library(settings, create=True, quiet=quiet) as opened:
        was_new = not opened.has_space
        summaries = []
        with _in_words_of_flags():
            for summary in ingest_each(opened, sources, options):
                summaries.append(summary)
                report(summary, as_json=as_json, quiet=quiet, profile=profile)
                if summary.interrupted:
                    sys.exit(130)
        if dry_run:
            return
        feed_store(opened, quiet=quiet or as_json)
        for note in () if quiet else advice(opened, summaries, options, was_new=was_new):
            click.echo(f"safelight: {note}", err=True)
    if any(each.failed + each.failing for each in summaries) and not any(
        each.readable for each in summaries
    ):
        before = sum(each.failing for each in summaries)
        if quiet and before:
            files = f"{before:,} {'file' if before == 1 else 'files'}"
            click.echo(f"safelight: {files} failed before: safelight status --failed", err=True)
        sys.exit(1)


@contextlib.contextmanager
def _in_words_of_flags() -> Iterator[None]:
    """Say mistakes as people at a command line make them."""
    try:
        yield
    except UsageError as exc:
        if exc.code == "no-sources":
            raise click.UsageError("Name a source, e.g.: safelight ingest ~/Pictures") from exc
        if exc.context.get("argument") == "exclude":
            raise click.UsageError(f"--{exc}") from exc
        raise


def _refuse(engine: str, **options: object) -> None:
    """Say which options are not for this engine."""
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if given:
        raise click.UsageError(f"{' and '.join(given)} cannot be used with --engine {engine}.")


def ingest_folder(library: Library, folder: str, model: str | None) -> None:
    """Bring the library up to date with one folder; print only failures."""
    from safelight.api.ingest import ingest_folder as bring_up_to_date

    summary = bring_up_to_date(library, folder, model=model)
    report_failures(summary)
    if summary.interrupted:
        sys.exit(130)
    feed_store(library, quiet=True)


def _model(
    model: str | None, embedder: str | None, clip_model: str | None, clip_pretrain: str | None
) -> str | None:
    if clip_model or clip_pretrain:
        if model or embedder == "starter":
            other = "--model" if model else "-e starter"
            raise click.UsageError(f"{other} and --clip-model/--clip-pretrain exclude each other.")
        return f"{clip_model or 'ViT-B-32'}/{clip_pretrain or 'openai'}"
    if model and embedder == "starter" and model != "starter":
        raise click.UsageError("Use either --model or -e starter, not both.")
    return model or embedder
