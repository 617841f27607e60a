"""Output of ``safelight ingest``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from safelight.api import visible
from safelight.cli.shared.failures import failure_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.api.ingest import Summary

_FAILURES_SHOWN = 10


def report(summary: Summary, *, as_json: bool, quiet: bool, profile: bool) -> None:
    """Print what an ingest did, in words or as JSON."""
    if not as_json:
        report_failures(summary)
        # Even a nightly job has to hear that a disk is not there.
        for note in () if quiet and not summary.kept else summary.notes:
            click.echo(visible(f"safelight: {note}"), err=True)
    if as_json:
        click.echo(json.dumps(summary.to_dict(), ensure_ascii=False))
    elif not quiet:
        click.echo(_sentence(summary))
        if summary.unread:
            click.echo(f"Passed over {unread_text(summary.unread)}.")
    if profile and not as_json:
        click.echo(_profile(summary))
    if summary.interrupted and not as_json:
        click.echo("Stopped. Run the same command again to go on from there.", err=True)


def report_failures(summary: Summary) -> None:
    """Print the first failures with their reasons."""
    lines = failure_lines(
        ((failure.path, f"{failure.path}: {failure.reason}") for failure in summary.failures),
        most=_FAILURES_SHOWN,
        more=": safelight status --failed",
    )
    for line in lines:
        click.echo(f"safelight: {line}", err=True)


def _sentence(summary: Summary) -> str:
    if summary.is_empty:
        return f"Found no photos to ingest into {summary.namespace}."
    parts = [
        f"{summary.new:,} {'to embed' if summary.dry_run else 'new'}",
        f"{summary.unchanged:,} unchanged",
    ]
    for count, word in (
        (summary.known, "known already"),
        (summary.moved, "moved"),
        (summary.gone, "gone"),
        (summary.excluded, "excluded"),
        (summary.kept, "not there but kept"),
        (summary.failed, "failed"),
        (summary.failing, "failed before"),
        (summary.scored, "scored"),
        (summary.labelled, "labelled"),
    ):
        if count:
            parts.append(f"{count:,} {word}")
    rate = ""
    if summary.new and not summary.dry_run and summary.seconds:
        rate = f", {summary.new / summary.seconds:.1f} a second"
    would = "Would ingest into" if summary.dry_run else "Ingested into"
    where = f" on {summary.device}" if summary.device else ""
    return (
        f"{would} {summary.namespace} with {summary.model}{where}: {', '.join(parts)} "
        f"({summary.seconds:.1f} s{rate})"
    )


def unread_text(unread: Mapping[str, int]) -> str:
    """Return how many files of kinds that are not read there are, and which kinds.

    >>> unread_text({".jxl": 11, ".psd": 1})
    '12 files of kinds not read (.jxl 11, .psd 1)'
    """
    count = sum(unread.values())
    kinds = ", ".join(f"{kind} {number:,}" for kind, number in unread.items())
    return f"{count:,} {'file' if count == 1 else 'files'} of kinds not read ({kinds})"


def _profile(summary: Summary) -> str:
    """Return a table of the stages; threads overlap, so they add up to more than the clock."""
    rows = sorted(summary.stages.items(), key=lambda item: -item[1])
    lines = [f"{'stage':<10}{'seconds':>9}{'ms each':>9}"]
    for stage, seconds in rows:
        each = f"{1000 * seconds / summary.new:9.2f}" if summary.new else ""
        lines.append(f"{stage:<10}{seconds:9.2f}{each}")
    lines.append(f"{'clock':<10}{summary.seconds:9.2f}")
    return "\n".join(lines)
