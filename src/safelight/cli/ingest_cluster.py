"""``safelight ingest --engine ray``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.api.cluster import Summary
    from safelight.settings import Settings


def ingest_on_cluster(
    settings: Settings,
    specs: Sequence[str],
    *,
    label: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Bring a data set up to date on a cluster; exit with 130 after Ctrl-C.

    `options` are those of :class:`safelight.api.cluster.ClusterOptions`.
    """
    if options["output"] is None:
        raise click.UsageError(
            "--engine ray writes a data set: say where, e.g. --output s3://bucket/photos. "
            "`safelight library import` brings it into a library."
        )
    if not specs:
        raise click.UsageError("Name a source, e.g. s3://bucket/folder.")
    from safelight.api.cluster import ClusterOptions
    from safelight.api.cluster import ingest_on_cluster as ingest
    from safelight.cli.shared.progress import show_progress

    def tell(note: str) -> None:
        if not quiet:
            click.echo(f"safelight: {note}", err=True)

    with show_progress(quiet=quiet) as progress:
        summary = ingest(
            settings, specs, ClusterOptions(**options), label=label, tell=tell, progress=progress
        )
    _report(summary, as_json=as_json, quiet=quiet)
    if summary.interrupted:
        sys.exit(130)


def _report(summary: Summary, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        click.echo(json.dumps(summary.to_dict(), ensure_ascii=False))
        return
    for path, reason in summary.shown:
        click.echo(f"safelight: {path}: {reason}", err=True)
    if (more := summary.failed - len(summary.shown)) > 0:
        click.echo(f"safelight: {more:,} more could not be read: see failures/ there", err=True)
    if not quiet:
        click.echo(_sentence(summary))
    if summary.interrupted:
        click.echo("Stopped. Run the same command again to go on from there.", err=True)


def _sentence(summary: Summary) -> str:
    parts = [f"{summary.new:,} new", f"{summary.unchanged:,} unchanged"]
    for count, word in (
        (summary.known, "copies"),
        (summary.failed, "failed"),
        (summary.failing, "failed before"),
        (summary.continued, "left by an earlier run"),
    ):
        if count:
            parts.append(f"{count:,} {word}")
    on = f" on {summary.workers} workers" if summary.workers else ""
    rate = f", {summary.new / summary.seconds:.1f} a second" if summary.new else ""
    has = "" if summary.photos is None else f"; it has {summary.photos:,} photos"
    return (
        f"Ingested into {summary.output} with {summary.model}{on}: {', '.join(parts)} "
        f"({summary.seconds:.1f} s{rate}){has}"
    )
