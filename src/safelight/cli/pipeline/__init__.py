"""``safelight pipeline``."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from safelight.cli.pipeline.bus import dead, publish, watch, worker
from safelight.cli.pipeline.options import data_option, feature_options, log_options
from safelight.cli.shared.options import load_settings, short

if TYPE_CHECKING:
    from safelight.api.pipeline import RunSummary

_FAILURES_SHOWN = 10

EPILOG = """\b
Examples:
  safelight pipeline run --input ~/Pictures/2024
  safelight pipeline preprocess batch.json -o preprocessed.json
  safelight pipeline worker features --bus nats://localhost:4222
  safelight pipeline publish ~/Pictures/2024 --bus nats://localhost:4222
  safelight pipeline watch --bus nats://localhost:4222 -o features.jsonl

\b
`safelight docs pipeline` describes the services, their batches and their events.
"""


@click.group(epilog=EPILOG)
def pipeline() -> None:
    """Process batches of photos: ingest, preprocess, features.

    `run` does it in one process; over a NATS server, each service has a process of its own.
    """


@pipeline.command(
    epilog="""\b
Examples:
  safelight pipeline run
  safelight pipeline run --input ~/Pictures/2024 --data /srv/photos/data --batch-size 100
  safelight pipeline run --model ViT-B-32/openai --labels labels.json --json
"""
)
@click.option("--input", "folder", metavar="DIR", help="Folder of photos.  [default: DATA/input]")
@data_option
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=64, show_default=True, metavar="N",
    help="Maximum number of photos in a batch.",
)  # fmt: skip
@feature_options
@click.option("--fresh", is_flag=True, help="Start a new run instead of finishing the last one.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as a JSON object.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Log each photo instead of showing a progress bar."
)
@log_options
def run(
    folder: str | None,
    data: str,
    batch_size: int,
    fresh: bool,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    log_json: bool,
    device: str | None,
    threads: int | None,
    **features: Any,
) -> None:
    """Process the photos of a folder with all services.

    Each batch goes to data/output/BATCH_ID.json. After a stop or a kill, start it again to go
    on. The exit code is 1 if no photo could be processed.
    """
    from safelight.api import pipeline as use_cases
    from safelight.cli.shared.progress import show_progress

    use_cases.log_to_stderr(as_json=log_json, level="INFO" if verbose else "WARNING")
    settings = load_settings(device=device, threads=threads)
    try:
        with show_progress(quiet=quiet or verbose, doing="Processing") as progress:
            summary = use_cases.run_pipeline(
                settings,
                folder,
                use_cases.pipeline_paths(data),
                batch_size=batch_size,
                options=use_cases.FeatureOptions(**features),
                fresh=fresh,
                progress=progress,
            )
    except KeyboardInterrupt:
        click.echo("safelight: stopped; the next run goes on from here.", err=True)
        sys.stdout.flush()
        # Its threads would go on for a while, and what they make is safe at any moment.
        os._exit(130)
    _tell(summary, as_json=as_json, quiet=quiet)
    if summary.failures and len(summary.failures) >= summary.photos:
        sys.exit(1)


def _by_hand(service: str, summary: str) -> click.Command:
    """Return the command that runs one service on one batch."""

    def run_one(
        batch: str,
        output: str | None,
        data: str,
        quiet: bool,
        log_json: bool,
        device: str | None = None,
        threads: int | None = None,
        **features: Any,
    ) -> None:
        from safelight.api import pipeline as use_cases

        use_cases.log_to_stderr(as_json=log_json, level="WARNING" if quiet else "INFO")
        use_cases.process_batch(
            load_settings(device=device, threads=threads),
            service,
            batch,
            output,
            use_cases.pipeline_paths(data),
            use_cases.FeatureOptions(**features),
        )

    run_one.__doc__ = summary
    source = "BATCH.json|DIR|-" if service == "ingest" else "BATCH.json|-"
    command: Any = run_one
    if service == "features":
        command = feature_options(command)
    for decorate in (
        log_options,
        data_option,
        click.option(
            "-o", "--output", metavar="FILE", help="File to write to, if not standard output."
        ),
        click.argument("batch", metavar=source),
    ):
        command = decorate(command)
    example = "~/Pictures/2024" if service == "ingest" else "batch.json"
    epilog = (
        f"\b\nExamples:\n  safelight pipeline {service} {example} -o {service}.json\n"
        f"  safelight pipeline {service} - < batch.json > {service}.json\n"
    )
    made: click.Command = click.command(service, epilog=epilog)(command)
    return made


for command in (worker, publish, watch, dead):
    pipeline.add_command(command)

pipeline.add_command(
    _by_hand("ingest", "Say what the photos of one batch, or of a folder, are: ids, EXIF data.")
)
pipeline.add_command(_by_hand("preprocess", "Write the standardised copies of one batch."))
pipeline.add_command(_by_hand("features", "Add labels and quality to one batch."))


def _tell(summary: RunSummary, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        click.echo(json.dumps(summary.to_dict(), ensure_ascii=False))
        return
    for _, reason in summary.failures[:_FAILURES_SHOWN]:
        click.echo(f"safelight: {reason}", err=True)
    if len(summary.failures) > _FAILURES_SHOWN:
        click.echo(f"safelight: and {len(summary.failures) - _FAILURES_SHOWN:,} more", err=True)
    if quiet:
        return
    if not summary.outputs:
        click.echo("Found no photos.")
        return
    before = f", {summary.resumed} of them begun before" if summary.resumed else ""
    failed = f", {len(summary.failures):,} failed" if summary.failures else ""
    click.echo(
        f"{_count(summary.photos, 'photo')} in {_count(len(summary.outputs), 'batch')}"
        f"{before}{failed}, {summary.seconds:.1f} s"
    )
    for path in summary.outputs[:_FAILURES_SHOWN]:
        click.echo(f"  {short(str(path))}")
    if len(summary.outputs) > _FAILURES_SHOWN:
        click.echo(f"  and {len(summary.outputs) - _FAILURES_SHOWN:,} more beside them")


def _count(number: int, what: str) -> str:
    plural = f"{what}es" if what.endswith("ch") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"
