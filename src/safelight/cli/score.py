"""``safelight score``."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING

import click

from safelight.api import is_terminal
from safelight.cli.shared.failures import failure_lines
from safelight.cli.shared.opening import progress
from safelight.cli.shared.options import load_settings, separated, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from safelight.api.score import Report

EPILOG = """\b
Examples:
  safelight score photo.jpg
  safelight score ~/Pictures --worst 20
  safelight score ~/Pictures --sort focus --metrics focus,exposure
  safelight score *.jpg --json > scores.jsonl

\b
Scores are from 0 to 1, and 1 is better. `safelight docs quality`
explains each metric and its blind spots.
"""

_NONE = "–"


@click.command(epilog=EPILOG)
@click.argument("photos", nargs=-1, required=True, metavar="FILE|DIR...")
@click.option("--metrics", metavar="NAMES", help="Compute only these metrics, separated by commas.")
@click.option("--sort", metavar="NAME", help="Sort by a metric or by combined, best first.")
@click.option(
    "--worst", type=click.IntRange(min=1), metavar="N",
    help="Show only the N worst, by --sort or by combined.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a heading.")
@click.option("--details", is_flag=True, help="With --json: add the parts of each measurement.")
@click.option(
    "--full-size", is_flag=True,
    help="Measure at the photo's own size, not at 1,024 pixels.",
)  # fmt: skip
@click.option("--model", metavar="MODEL", help="CLIP model for clip_iqa.")
@click.option("--pairs", metavar="NAMES", help="With --model: prompt pairs to add to --details.")
@click.option(
    "--head", metavar="FILE", help="With --model: file of a quality head for its vectors."
)
@click.option(
    "--weights", metavar="NAME=N,...", help="Weights for the combined score, e.g. focus=2,noise=0."
)
@click.option("--device", metavar="DEVICE", help="Device of the model: auto, cpu, cuda.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of threads that decode and measure.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
def score(
    photos: tuple[str, ...],
    metrics: str | None,
    sort: str | None,
    worst: int | None,
    as_json: bool,
    as_csv: bool,
    details: bool,
    full_size: bool,
    model: str | None,
    pairs: str | None,
    head: str | None,
    weights: str | None,
    device: str | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Measure the technical quality of photos.

    It needs no library and changes none. Files that cannot be read are named, and the run goes on.
    """
    from safelight.api.score import ranked, score_files

    if as_json and as_csv:
        raise click.UsageError("Use either --json or --csv, not both.")
    if model is None and (pairs or head):
        raise click.UsageError("--pairs and --head need the vectors of a --model.")
    settings = load_settings(threads=threads, device=device)
    found = score_files(
        settings,
        photos,
        metrics=separated(metrics),
        weights=weights or "",
        full_size=full_size,
        model=model,
        pairs=separated(pairs),
        head=head,
        progress=progress(quiet=quiet),
    )
    names = list(found.metrics)
    if sort not in (None, "combined", *names):
        raise click.UsageError(
            f"--sort {sort} is unknown. Choose from: {', '.join(names)}, combined."
        )
    if not as_json and not as_csv and model is None and metrics is None:
        names.remove("clip_iqa")  # it would be a column of dashes

    measured = 0

    def reports() -> Iterator[Report]:
        nonlocal measured
        for report in found:
            measured += 1
            yield report

    ordered = reports()
    if sort or worst:
        ordered = iter(ranked(list(ordered), sort or "combined", worst))
    elif is_terminal(sys.stdout):
        ordered = iter(list(ordered))  # a bar and lines between each other cannot be read
    if as_json:
        _print_json(ordered, details=details)
    elif as_csv:
        _print_csv(ordered, names)
    elif len(found.paths) == 1:
        _print_one(ordered, names)
    else:
        _print_table(ordered, names)
    failures = [(path, short(line)) for path, line in found.failures]
    for line in failure_lines(failures):
        click.echo(f"safelight: {line}", err=True)
    if not found.paths and not failures:
        click.echo("safelight: found no photos.", err=True)
    if failures and not measured:
        sys.exit(1)


def _print_json(reports: Iterator[Report], *, details: bool) -> None:
    for report in reports:
        click.echo(json.dumps(report.to_dict(details=details), ensure_ascii=False))


def _print_csv(reports: Iterator[Report], names: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    parts = ("score", "value", "status", "reason", "version")
    writer.writerow(
        ["path", "photo_id", "combined", *(f"{name}_{part}" for name in names for part in parts)]
    )
    for report in reports:
        metrics = report.to_dict()["metrics"]
        cells = [metrics[name][part] for name in names for part in parts]
        writer.writerow([report.path, report.photo_id, report.combined.score, *cells])


def _print_table(reports: Iterator[Report], names: Sequence[str]) -> None:
    columns = ("combined", *names)
    for number, report in enumerate(reports):
        if number == 0:
            click.echo("  ".join((*columns, "path")))
        scores = (_number(report.score(name)).rjust(len(name)) for name in columns)
        click.echo("  ".join((*scores, short(report.path or ""))))


def _print_one(reports: Iterator[Report], names: Sequence[str]) -> None:
    wide = max(map(len, ("combined", *names)))
    for report in reports:
        parts = ", ".join(f"{name} {share:.0%}" for name, share in report.combined.parts.items())
        click.echo(short(report.path or ""))
        click.echo(f"  {'combined':<{wide}}  {_number(report.combined.score)}  {parts}".rstrip())
        for name in names:
            found = report.measurements[name]
            said = f"{found.status}: {found.reason}" if found.value is None else _value(found.value)
            click.echo(f"  {name:<{wide}}  {_number(found.score)}  {said}")


def _value(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"


def _number(score: float | None) -> str:
    return f"{_NONE:>4}" if score is None else f"{score:.2f}"
