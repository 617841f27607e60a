"""``safelight sheet``."""

from __future__ import annotations

import contextlib
import os
import sys

import click

from safelight.api import expanded
from safelight.cli.shared.opening import open_library, progress
from safelight.cli.shared.options import library_option, load_settings, separated
from safelight.errors import SourceError, UsageError

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
    from safelight.api.sheet import SheetOptions, make_sheet, names_files

    if os.path.splitext(output)[1].lower() not in (".html", ".htm", ".png"):
        raise click.UsageError(f"-o {output}: name a .html or a .png file.")
    output = expanded(output)
    if names_files(what) and (namespace is not None or min_score is not None):
        raise click.UsageError(f"-n and --min-score are for a query, and {what[0]} is there.")
    settings = load_settings(library=library, device=device, threads=threads, namespace=namespace)
    options = SheetOptions(
        force=force,
        sort=sort,
        worst=worst,
        columns=columns,
        thumb=thumb,
        metrics=separated(metrics),
        weights=weights or "",
        title=title,
        namespace=namespace,
        top=top,
        min_score=min_score,
        model=model,
    )
    with contextlib.ExitStack() as stack:
        try:
            made = make_sheet(
                what,
                output,
                settings=settings,
                library=lambda: stack.enter_context(open_library(settings, quiet=quiet)),
                progress=progress(quiet=quiet),
                tell=lambda note: None if quiet else click.echo(note, err=True),
                options=options,
            )
        except UsageError as exc:
            if exc.context.get("argument") in ("sort", "metrics"):
                raise click.UsageError(f"--{exc}") from exc
            raise
        except SourceError as exc:
            if exc.code != "no-photos":
                raise
            click.echo(f"safelight: found no photos; {output} was not written.", err=True)
            sys.exit(1)
    if not quiet:
        click.echo(f"{output}: {made.count}.", err=True)
    if all(card.reason is not None for card in made.cards):
        sys.exit(1)
