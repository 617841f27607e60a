"""``safelight ingest``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from safelight.cli.ingest_cluster import ingest_on_cluster
from safelight.cli.label import open_classifier
from safelight.cli.shared.options import FlagCommand, library_option, load_settings
from safelight.cli.shared.store import feed_store
from safelight.cli.texts.ingest import report, report_failures
from safelight.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.ingest import Summary
    from safelight.ingest.sources import Source
    from safelight.labels import Classifier
    from safelight.library.database import Database
    from safelight.model_choice import Choice
    from safelight.settings import Settings

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
    from safelight.embedding.devices import why_not_faster
    from safelight.ingest import preview
    from safelight.labels import read_label_set
    from safelight.library.database import Database
    from safelight.library.spaces import default_space
    from safelight.model_choice import better_model, choose_for_ingest, choose_for_preview

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
    with Database(settings.library) as opened:
        work = _sources(opened, settings, sources, namespace, recursive, exclude, text_col)
        if dry_run:
            fingerprint, model_name = choose_for_preview(opened, settings, named)
            for name, group in work.items():
                summary = preview(
                    opened,
                    group,
                    fingerprint=fingerprint,
                    name=model_name,
                    namespace=name,
                    retry_failed=retry_failed,
                )
                report(summary, as_json=as_json, quiet=quiet, profile=profile)
            return
        label_set = read_label_set(settings.labels, settings.templates) if label else None
        was_empty = default_space(opened) is None
        choice = choose_for_ingest(
            opened, settings, named, tell=_teller(quiet=quiet), progress=not quiet
        )
        if not quiet and (why := why_not_faster(choice.embedder.where)):
            where = f"{choice.embedder.name} runs on {choice.embedder.where}."
            click.echo(f"safelight: {where} {why}", err=True)
        classifier = None
        if label_set is not None:
            classifier = open_classifier(label_set, choice.embedder, quiet=quiet)
        summaries = []
        for name, group in work.items():
            summary = _run(
                opened,
                settings,
                choice,
                group,
                name,
                quiet=quiet,
                retry_failed=retry_failed,
                accept_missing=accept_missing,
                score=score,
                classifier=classifier,
            )
            summaries.append(summary)
            report(summary, as_json=as_json, quiet=quiet, profile=profile)
            if summary.interrupted:
                sys.exit(130)
        feed_store(opened, settings, quiet=quiet or as_json)
        if (
            not quiet
            and named is None
            and not was_empty
            and (note := better_model(opened, settings))
        ):
            click.echo(f"safelight: {note}", err=True)
        if not quiet and (other := _searched_instead(opened, choice)):
            click.echo(
                f"safelight: Searches still use {other}. To search with the new model: "
                f"safelight library use {choice.embedder.name}",
                err=True,
            )
    if any(each.failed + each.failing for each in summaries) and not any(
        each.readable for each in summaries
    ):
        before = sum(each.failing for each in summaries)
        if quiet and before:
            files = f"{before:,} {'file' if before == 1 else 'files'}"
            click.echo(f"safelight: {files} failed before: safelight status --failed", err=True)
        sys.exit(1)


_AWAY = (
    "What is known of it is kept. If it was moved: safelight sources move OLD NEW; if it is gone "
    "for good: safelight forget SOURCE."
)


def _is_remembered(library: Database, spec: str) -> bool:
    """Tell whether a source that is not there was ingested before."""
    from safelight.files.names import expanded
    from safelight.library.sources import place_of, read_sources

    kind, place = place_of(spec)
    if not place or os.path.lexists(expanded(place)):
        return False
    where = os.path.abspath(expanded(place))
    known = {place_of(each.spec) for each in read_sources(library)}
    return (kind or "images", where) in known or (kind, where) in known


def _refuse(engine: str, **options: object) -> None:
    """Say which options are not for this engine."""
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if given:
        raise click.UsageError(f"{' and '.join(given)} cannot be used with --engine {engine}.")


def _searched_instead(library: Database, choice: Choice) -> str | None:
    """Return the name of the model that searches use, if that is not the one of this ingest."""
    from safelight.library.spaces import default_space

    space = default_space(library)
    if space is None or space.fingerprint == choice.embedder.fingerprint:
        return None
    return space.name


def ingest_folder(
    library: Database, settings: Settings, folder: str, model: str | None, *, quiet: bool
) -> None:
    """Bring the library up to date with one folder; only failures are told."""
    from safelight.ingest.sources import parse_source
    from safelight.model_choice import choose_for_ingest

    choice = choose_for_ingest(
        library, settings, model, tell=_teller(quiet=False), progress=not quiet
    )
    source = parse_source(f"images:{folder}", usual=settings.exclude)
    summary = _run(library, settings, choice, [source], settings.namespace, quiet=quiet)
    report_failures(summary)
    if summary.interrupted:
        sys.exit(130)
    feed_store(library, settings, quiet=True)


def _run(
    library: Database,
    settings: Settings,
    choice: Choice,
    sources: Sequence[Source],
    namespace: str,
    *,
    quiet: bool,
    retry_failed: bool = False,
    accept_missing: bool = False,
    score: bool = False,
    classifier: Classifier | None = None,
) -> Summary:
    from safelight.cli.shared.progress import show_progress
    from safelight.ingest import ingest as bring_up_to_date
    from safelight.ingest.score import usual_scoring

    scoring = usual_scoring(choice.embedder, settings.score_weights) if score else None
    with show_progress(quiet=quiet) as progress:
        return bring_up_to_date(
            library,
            sources,
            choice.embedder,
            model=choice.model,
            namespace=namespace,
            batch_size=settings.batch_size,
            threads=settings.threads,
            pixel_limit=settings.pixel_limit,
            retry_failed=retry_failed,
            accept_missing=accept_missing,
            scoring=scoring,
            classifier=classifier,
            clusters_from=settings.clusters_from,
            progress=progress,
        )


def _teller(*, quiet: bool) -> Callable[[str], None]:
    return lambda note: None if quiet else click.echo(f"safelight: {note}", err=True)


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


def _sources(
    library: Database,
    settings: Settings,
    specs: tuple[str, ...],
    namespace: str | None,
    recursive: bool,
    exclude: tuple[str, ...],
    text_column: str | None,
) -> dict[str, list[Source]]:
    """Return the sources by namespace: those named, or all that were ingested before."""
    from safelight.ingest.sources import parse_source, remembered_source
    from safelight.ingest.sources.folder import FolderSource
    from safelight.library.ingested_sources import remembered

    if exclude and not specs:
        raise click.UsageError("--exclude is for folders that you name, e.g.: safelight ingest DIR")
    if specs:
        named = []
        for spec in specs:
            try:
                source = parse_source(
                    spec,
                    recursive=recursive,
                    exclude=exclude,
                    usual=settings.exclude,
                    text_column=text_column,
                )
            except SourceError as exc:
                if not _is_remembered(library, spec):
                    raise
                raise SourceError(f"{spec} is not there. {_AWAY}", source=spec) from exc
            named.append(source)
        if exclude and not any(isinstance(source, FolderSource) for source in named):
            raise click.UsageError("--exclude is for folders, and none of the sources is one.")
        return {settings.namespace: named}
    known: dict[str, list[Source]] = {}
    skipped = 0
    for name, spec, options in remembered(library, namespace):
        try:
            source = remembered_source(spec, options, settings.exclude)
        except SourceError as exc:  # an unplugged disk must not keep the others from their turn
            skipped += 1
            click.echo(
                f"safelight: {exc} Skipped. {_AWAY}",
                err=True,
            )
        else:
            known.setdefault(name, []).append(source)
    if skipped and not known:
        raise SourceError("None of the sources exists now; `safelight sources` lists them.")
    if not known:
        raise click.UsageError("Name a source, e.g.: safelight ingest ~/Pictures")
    return known
