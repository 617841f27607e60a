"""``safelight sheet``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from safelight.cli.shared.options import library_option, load_settings, separated
from safelight.files.names import expanded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from safelight.embedding.base import Embedder
    from safelight.embedding.torch.without_positions import WithoutPositions
    from safelight.settings import Settings
    from safelight.sheet import Card, Listed

EPILOG = """\b
Examples:
  safelight sheet ~/Pictures/2024 -o sheet.html
  safelight sheet ~/Pictures --worst 50 --sort focus -o blurred.html
  safelight sheet *.jpg --columns 5 --thumb 200 -o sheet.png
  safelight sheet "a dog in the snow" --top 30 -o dogs.html

\b
What names no file or folder is a query, as for safelight search; text:... always is one.
"""


@click.command(epilog=EPILOG)
@click.argument("what", nargs=-1, required=True, metavar="QUERY|DIR|FILE...")
@click.option(
    "-o", "--output", required=True, metavar="FILE",
    help="Write the sheet to FILE: .html for a page, .png for a picture.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace FILE even if it is not a contact sheet.")
@click.option(
    "--sort", metavar="NAME",
    help="Sort by a metric, combined, name or query.  [default: query, if there is one, else "
    "combined]",
)  # fmt: skip
@click.option(
    "--worst", type=click.IntRange(min=1), metavar="N", help="Show only the N worst, worst first."
)
@click.option(
    "--columns", type=click.IntRange(1, 100), metavar="N", help="Number of photos in a row."
)
@click.option(
    "--thumb", type=click.IntRange(64, 1024), default=320, show_default=True, metavar="PIXELS",
    help="Longer side of a thumbnail, 64 to 1024.",
)  # fmt: skip
@click.option("--metrics", metavar="NAMES", help="Compute only these metrics, separated by commas.")
@click.option(
    "--weights", metavar="NAME=N,...", help="Weights for the combined score, e.g. focus=2,noise=0."
)
@click.option("--title", metavar="TEXT", help="Title of the sheet, if not the folder or query.")
@click.option("-n", "--namespace", metavar="NAME", help="With a query: search only this namespace.")
@click.option(
    "-k", "--top", "--top-k", "--limit", type=click.IntRange(min=1), default=50,
    show_default=True, metavar="N", help="With a query: maximum number of hits.",
)  # fmt: skip
@click.option(
    "--min-score",
    type=float,
    metavar="S",
    help="With a query: show only hits that score at least S.",
)
@click.option(
    "--model", metavar="MODEL",
    help="With a query: space to search. Else: CLIP model for clip_iqa.",
)  # fmt: skip
@click.option("--device", metavar="DEVICE", help="Device of the model: auto, cpu, cuda.")
@library_option
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of threads that decode and measure.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
def sheet(
    what: tuple[str, ...],
    output: str,
    force: bool,
    sort: str | None,
    worst: int | None,
    columns: int | None,
    thumb: int,
    metrics: str | None,
    weights: str | None,
    title: str | None,
    namespace: str | None,
    top: int,
    min_score: float | None,
    model: str | None,
    device: str | None,
    library: str | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Make a contact sheet of photos and scores, as a page or a picture.

    Files and folders need no library. Photos that cannot be read appear with the reason.
    """
    from safelight.quality import Weights, choose
    from safelight.sheet import (
        Sheet,
        arrange,
        cards,
        check_size,
        check_target,
        order_keys,
        page,
        poster,
        write,
    )

    ending = os.path.splitext(output)[1].lower()
    if ending not in (".html", ".htm", ".png"):
        raise click.UsageError(f"-o {output}: name a .html or a .png file.")
    output = expanded(output)
    check_target(output, force=force)
    settings = load_settings(library=library, device=device, threads=threads, namespace=namespace)
    weighted = Weights.parse(weights or "")
    by_query = not all(os.path.lexists(expanded(each)) for each in what)
    if not by_query and (namespace is not None or min_score is not None):
        raise click.UsageError(f"-n and --min-score are for a query, and {what[0]} is there.")
    by = sort or ("query" if by_query else "combined")
    known = order_keys([metric.name for metric in choose()], has_query=by_query)
    if by not in known:
        raise click.UsageError(f"--sort {by} is unknown. Choose from: {', '.join(known)}.")
    embedder: Embedder | WithoutPositions | None
    if by_query:
        if not quiet:
            click.echo(f"Searching the library for: {' '.join(what)}", err=True)
        listed, embedder = _found(" ".join(what), settings, namespace, top, min_score, model)
    else:
        listed, embedder = _listed(what, output, settings), _load(model, settings, quiet)
    if not listed:
        click.echo(f"safelight: found no photos; {output} was not written.", err=True)
        sys.exit(1)
    chosen = choose(separated(metrics) or None, model=embedder)
    names = [metric.name for metric in chosen]
    if by not in order_keys(names, has_query=by_query):
        raise click.UsageError(f"--sort {by}: it is not among the --metrics.")
    if ending == ".png":
        count = min(len(listed), worst or len(listed))
        check_size(count, thumb, columns, scores=len(names) + 1 + by_query)
    needs_vectors = embedder is not None and embedder.name != "starter" and "clip_iqa" in names
    every = cards(
        listed,
        chosen,
        thumb=thumb,
        weights=weighted,
        model=embedder if needs_vectors else None,
        max_pixels=settings.pixel_limit,
        threads=settings.threads,
    )
    made = Sheet(
        title=title or _title(what, by_query=by_query),
        cards=arrange(_shown(every, len(listed), quiet=quiet), by, worst),
        metrics=names,
        by=by,
        worst_first=worst is not None,
        columns=columns,
        thumb=thumb,
        folder=_folder(what),
    )
    write(output, poster(made) if ending == ".png" else page(made).encode(), force=force)
    if not quiet:
        click.echo(f"{output}: {made.count}.", err=True)
    if all(card.reason is not None for card in made.cards):
        sys.exit(1)


def _title(what: Sequence[str], *, by_query: bool) -> str:
    if by_query:
        return " ".join(what)
    if len(what) == 1:
        return os.path.basename(os.path.abspath(expanded(what[0])))
    return "Contact sheet"


def _folder(what: Sequence[str]) -> str | None:
    """Return the one folder that was named, from which names are seen."""
    path = os.path.abspath(expanded(what[0]))
    return path if len(what) == 1 and os.path.isdir(path) else None


def _load(model: str | None, settings: Settings, quiet: bool) -> Embedder | WithoutPositions | None:
    if model is None:
        return None
    from safelight.model_choice import choose_for_scoring

    return choose_for_scoring(model, settings, progress=not quiet)


def _listed(what: Sequence[str], output: str, settings: Settings) -> list[Listed]:
    from safelight.ingest.sources.listing import list_photos
    from safelight.sheet import Listed

    # An earlier sheet among the files is not a photo.
    itself = os.path.realpath(output)
    return [
        Listed(entry.path, reason=entry.reason)
        for entry in list_photos(what, settings.exclude)
        if os.path.realpath(entry.path) != itself
    ]


def _found(
    query: str,
    settings: Settings,
    namespace: str | None,
    top: int,
    min_score: float | None,
    model: str | None,
) -> tuple[list[Listed], Embedder]:
    from safelight.library.database import Database
    from safelight.library.files import require_namespace
    from safelight.model_choice import choose_for_search
    from safelight.search import search
    from safelight.sheet import Listed

    with Database(settings.library, create=False) as opened:
        require_namespace(opened, namespace)
        choice = choose_for_search(opened, settings, model)
        hits = search(
            opened,
            query,
            choice.embedder,
            top=top,
            namespace=namespace,
            min_score=min_score,
            pixel_limit=settings.pixel_limit,
        )
    # Texts are found beside photos; there is nothing of them to look at.
    photos = [hit for hit in hits if hit.metadata.get("type") != "text"]
    return [Listed(hit.path, hit.score) for hit in photos], choice.embedder


def _shown(every: Iterable[Card], total: int, *, quiet: bool) -> Iterator[Card]:
    from safelight.cli.shared.progress import show_progress
    from safelight.ingest import Progress

    failed = 0
    with show_progress(quiet=quiet, doing="Measuring") as progress:
        for done, card in enumerate(every, start=1):
            failed += card.reason is not None
            progress(Progress(done, total, failed))
            yield card
