"""``safelight forget``: remove data from the library; no photo file is touched."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from safelight.api import is_terminal, visible
from safelight.cli.shared.opening import open_library
from safelight.cli.shared.options import library_option, load_settings
from safelight.cli.shared.store import feed_store

if TYPE_CHECKING:
    from safelight.api import Forgotten

EPILOG = """\b
Examples:
  safelight forget ~/Pictures/receipts              a folder, and the sources in it
  safelight forget ~/Pictures/a.jpg --dry-run       a file: tell what would be forgotten
  safelight forget images:/media/old                a source, as `safelight sources` lists it
  safelight forget -n holiday                       a namespace
  safelight forget --missing                        all files that are missing
  safelight forget --label-set 3f9a1c22             a label set, as `safelight status` lists it
"""

#: One of each, and several.
_KINDS = (
    ("files", "file", "files"),
    ("sources", "source", "sources"),
    ("photos", "photo", "photos"),
    ("texts", "text", "texts"),
    ("vectors", "vector", "vectors"),
    ("scores", "score", "scores"),
    ("labelled", "photo's labels", "photos' labels"),
    ("hashes", "hash", "hashes"),
    ("edges", "comparison", "comparisons"),
    ("features", "photo's features", "photos' features"),
    ("client_vectors", "vector of a client", "vectors of clients"),
    ("label_sets", "label set", "label sets"),
    ("decisions", "decision", "decisions"),
)


@click.command(epilog=EPILOG)
@click.argument("targets", nargs=-1, metavar="[PATH|SOURCE]...")
@click.option(
    "-n",
    "--namespace",
    metavar="NAME",
    help="Forget only in this namespace; without PATH, all of it.",
)
@click.option("--missing", is_flag=True, help="Forget only files that are missing.")
@click.option(
    "--label-set", metavar="VERSION", help="Forget a label set, with its labels on all photos."
)
@click.option("--decisions", is_flag=True, help="Also forget your decisions about the photos.")
@click.option("--dry-run", is_flag=True, help="Show what would be forgotten, and forget nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@library_option
def forget(
    targets: tuple[str, ...],
    namespace: str | None,
    missing: bool,
    label_set: str | None,
    decisions: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    library: str | None,
) -> None:
    """Forget files, folders, sources, a namespace or a label set.

    Photo files are never touched: `safelight ingest` brings back all that can be computed. Your
    decisions about duplicates are kept, unless you give --decisions.
    """
    from safelight.api import forget as forget_in

    with open_library(load_settings(library=library), quiet=as_json) as opened:

        def run(*, dry_run: bool) -> Forgotten:
            return forget_in(
                opened,
                targets,
                namespace=namespace,
                missing=missing,
                label_set=label_set,
                decisions=decisions,
                dry_run=dry_run,
            )

        found = run(dry_run=True)
        if not dry_run and not found.is_empty:
            if not yes and not _confirm(found):
                click.echo("safelight: nothing was forgotten.", err=True)
                sys.exit(1)
            found = run(dry_run=False)
            feed_store(opened, quiet=as_json)
    if as_json:
        click.echo(json.dumps(asdict(found), ensure_ascii=False))
        return
    done = "Would forget" if dry_run else "Forgot"
    click.echo(f"{done} {_counts(found)}. No photo file was touched.")
    for spec in found.returning:
        click.echo(
            visible(
                f"safelight: {spec} is still a source: the next ingest of it brings back what is "
                "on disk. To keep it out: safelight ingest --exclude PATTERN, or forget the source."
            ),
            err=True,
        )


def _confirm(found: Forgotten) -> bool:
    if not is_terminal(sys.stdin):
        raise click.UsageError(
            f"This would forget {_counts(found)}, and there is no terminal to ask on. Add --yes to "
            "forget it, or --dry-run to only see it."
        )
    return click.confirm(
        f"Forget {_counts(found)}? No photo file is touched; to have it again, ingest again.",
        err=True,
    )


def _counts(found: Forgotten) -> str:
    counts = asdict(found)
    parts = [
        f"{counts[name]:,} {one if counts[name] == 1 else several}"
        for name, one, several in _KINDS
        if counts[name]
    ]
    return ", ".join(parts) or "nothing"
