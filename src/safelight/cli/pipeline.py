"""``safelight pipeline``."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from safelight.cli.options import load_settings, short

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.pipeline.orchestrator import RunSummary
    from safelight.pipeline.places import Places

SERVICES = ("ingest", "preprocess", "features")

_FAILURES_SHOWN = 10

EPILOG = """\b
Examples:
  safelight pipeline run --input ~/Pictures/2024
  safelight pipeline preprocess batch.json -o preprocessed.json
  safelight pipeline worker features --bus nats://localhost:4222
  safelight pipeline publish ~/Pictures/2024 --bus nats://localhost:4222
  safelight pipeline watch --bus nats://localhost:4222 -o features.jsonl

\b
docs/pipeline.md tells of the services, their batches and their events.
"""


def _data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--data", default="data", show_default=True, metavar="DIR",
        help="The data folder. Relative URIs are relative to the folder that it lies in.",
    )(command)  # fmt: skip


def _bus_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--bus", "url", required=True, envvar="SAFELIGHT_BUS", show_envvar=True,
        metavar="nats://HOST:PORT", help="A NATS server with JetStream.",
    )(command)  # fmt: skip


def _feature_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.option("--model", metavar="MODEL", help="For features; see docs/models.md."),
            click.option("--labels", metavar="FILE", help="For features: labels of your own."),
            click.option("--templates", metavar="FILE", help="For features: templates of prompts."),
            click.option(
                "--library", metavar="FILE",
                help="For features: keep them in this library as well as in data/cache.",
            ),
            click.option(
                "--compat-fallbacks", is_flag=True,
                help="For features: 0.5 and default labels where nothing could be measured.",
            ),
            click.option("--device", metavar="DEVICE", help="Where the model runs."),
            click.option(
                "--threads", type=click.IntRange(min=1), metavar="N",
                help="Threads that read and decode.",
            ),
        )
    ):  # fmt: skip
        command = option(command)
    return command


def _log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--log-json", is_flag=True, help="The log as one JSON object a line.")(
        command
    )
    return click.option("-q", "--quiet", is_flag=True, help="Only warnings and errors.")(command)


@click.group(epilog=EPILOG)
def pipeline() -> None:
    """Take batches of photos from service to service: ingest, preprocess, features.

    In one process with `run`, or one process a service over a NATS server.
    """


@pipeline.command(
    epilog="""\b
Examples:
  safelight pipeline run
  safelight pipeline run --input ~/Pictures/2024 --data /srv/photos/data --batch-size 100
  safelight pipeline run --model ViT-B-32/openai --labels labels.json --json
"""
)
@click.option("--input", "folder", metavar="DIR", help="The photos.  [default: DATA/input]")
@_data_option
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=64, show_default=True, metavar="N",
    help="Photos in a batch, at most.",
)  # fmt: skip
@_feature_options
@click.option("--fresh", is_flag=True, help="Do not go on with a run that was not finished.")
@click.option("--json", "as_json", is_flag=True, help="The summary as a JSON object.")
@click.option("-v", "--verbose", is_flag=True, help="Log each photo instead of a progress bar.")
@_log_options
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
    """Take the photos of a folder through all services.

    Each batch goes to data/output/BATCH_ID.json. A run that was stopped or killed goes on when it
    is started again. The exit code is 1 if no photo got through.
    """
    from safelight.cli.progress import show_progress
    from safelight.pipeline.logs import log_to_stderr
    from safelight.pipeline.orchestrator import run as run_all
    from safelight.pipeline.services import TAKES, FeatureOptions, make_service

    log_to_stderr(as_json=log_json, level="INFO" if verbose else "WARNING")
    settings = load_settings(device=device, threads=threads)
    places = _places(data)
    options = FeatureOptions(**features)
    services = [make_service(name, places, settings, options) for name in TAKES]
    try:
        with show_progress(quiet=quiet or verbose, doing="Processing") as progress:
            summary = run_all(
                folder or places.input,
                services,
                places,
                batch_size=batch_size,
                exclude=settings.exclude,
                options=options.to_dict(),
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


@pipeline.command(
    epilog="""\b
Examples:
  safelight pipeline worker preprocess --bus nats://localhost:4222
  safelight pipeline worker features --bus nats://localhost:4222 --model ViT-B-32/openai
  SAFELIGHT_BUS=nats://user:password@photos.local safelight pipeline worker ingest
"""
)
@click.argument("service", type=click.Choice(SERVICES))
@_bus_option
@_data_option
@click.option(
    "--ack-wait", type=click.FloatRange(min=0.5), default=30.0, show_default=True, metavar="S",
    help="Seconds without a sign of life after which another worker gets the batch.",
)  # fmt: skip
@click.option(
    "--max-deliver", type=click.IntRange(min=1), default=8, show_default=True, metavar="N",
    help="Tries before a batch is put with the dead letters.",
)  # fmt: skip
@click.option(
    "--grace", type=click.FloatRange(min=0), default=8.0, show_default=True, metavar="S",
    help="Seconds to finish the batch in after SIGTERM.",
)  # fmt: skip
@_feature_options
@_log_options
def worker(
    service: str,
    url: str,
    data: str,
    ack_wait: float,
    max_deliver: int,
    grace: float,
    device: str | None,
    threads: int | None,
    quiet: bool,
    log_json: bool,
    **features: Any,
) -> None:
    """Run one service on a bus, until SIGTERM or Ctrl-C.

    Any number of workers share the batches. One that is killed loses nothing: another gets its
    batch, and each result is published once. A worker that is asked to stop finishes its batch,
    or gives it back when its time is over or it is asked again.
    """
    from safelight.pipeline.events import Policy
    from safelight.pipeline.logs import log_to_stderr
    from safelight.pipeline.remote import work
    from safelight.pipeline.services import TAKES, FeatureOptions, make_service

    log_to_stderr(as_json=log_json, level="WARNING" if quiet else "INFO")
    settings, places = load_settings(device=device, threads=threads), _places(data)
    made = make_service(service, places, settings, FeatureOptions(**features))
    policy = Policy(ack_wait=ack_wait, max_deliver=max_deliver)
    work(made, TAKES[service], url, places, policy=policy, grace=grace)


@pipeline.command(
    epilog="""\b
Examples:
  safelight pipeline publish ~/Pictures/2024 --bus nats://localhost:4222
  safelight pipeline publish batch.json --bus nats://localhost:4222
  safelight pipeline publish batch.json --event preprocess.completed --bus nats://localhost:4222
"""
)
@click.argument("sources", nargs=-1, required=True, metavar="BATCH.json|DIR...")
@_bus_option
@_data_option
@click.option("--event", metavar="NAME", help="The event; what fits the batch if not given.")
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=64, show_default=True, metavar="N",
    help="Of a folder: photos in a batch, at most.",
)  # fmt: skip
def publish(
    sources: tuple[str, ...], url: str, data: str, event: str | None, batch_size: int
) -> None:
    """Publish batches: those of files, or the photos of folders, for ingest.

    Prints the id of each. A batch that was published before is not published again.
    """
    from safelight.pipeline.by_hand import read_batches
    from safelight.pipeline.remote import publish as publish_all

    places = _places(data)
    batches = read_batches(sources, places, batch_size, load_settings().exclude)
    for batch_id, first in publish_all(batches, url, places, event):
        click.echo(batch_id)
        if not first:
            click.echo(f"safelight: {batch_id} was published before.", err=True)


@pipeline.command(
    epilog="""\b
Examples:
  safelight pipeline watch --bus nats://localhost:4222 -o features.jsonl
  safelight pipeline watch --bus nats://localhost:4222 --idle 60 | jq .batch_id
"""
)
@_bus_option
@_data_option
@click.option("--event", default="features.completed", show_default=True, metavar="NAME")
@click.option(
    "--durable", default="watch", show_default=True, metavar="NAME",
    help="Under which name the server remembers what was seen.",
)  # fmt: skip
@click.option("-o", "--output", metavar="FILE", help="Append to a file, each batch once.")
@click.option("-n", "--count", type=click.IntRange(min=1), metavar="N", help="Stop after N.")
@click.option(
    "--idle", type=click.FloatRange(min=0.1), metavar="S", help="Stop after S seconds of nothing."
)
def watch(
    url: str,
    data: str,
    event: str,
    durable: str,
    output: str | None,
    count: int | None,
    idle: float | None,
) -> None:
    """Print the batches that a service completes, one JSON object a line.

    All that were ever completed, and each once: what was seen under a durable name does not come
    again, however often this is started.
    """
    from pathlib import Path

    from safelight.pipeline.remote import watch as watch_all

    path = None if output is None else Path(output)
    watch_all(event, url, _places(data), durable=durable, output=path, count=count, idle=idle)


@pipeline.command(
    epilog="""\b
Examples:
  safelight pipeline dead --bus nats://localhost:4222
  safelight pipeline dead --bus nats://localhost:4222 --retry
  safelight pipeline dead --bus nats://localhost:4222 --drop 7
"""
)
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@_bus_option
@click.option("--retry", is_flag=True, help="Deliver them again, to the service that failed.")
@click.option("--drop", is_flag=True, help="Forget them.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with the message.")
def dead(keys: tuple[str, ...], url: str, retry: bool, drop: bool, as_json: bool) -> None:
    """List the batches that no worker could process, and why; retry or drop them.

    All of them, unless KEYs are given, as the list shows them.
    """
    from safelight.pipeline.remote import as_line, dead_letters, settle_letters

    if retry and drop:
        raise click.UsageError("--retry and --drop exclude each other.")
    if not retry and not drop:
        for letter in dead_letters(url):
            if keys and letter.key not in keys:
                continue
            plain = f"{letter.key}  {letter.durable}  {letter.batch_id or '–'}  {letter.reason}"
            click.echo(as_line(letter) if as_json else plain)
        return
    failed = False
    for letter, problem in settle_letters(url, keys, retry=retry):
        failed = failed or problem is not None
        said = problem or f"{letter.batch_id or letter.key} {'retried' if retry else 'dropped'}"
        click.echo(said, err=problem is not None)
    if failed:
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
        from safelight.pipeline.by_hand import process
        from safelight.pipeline.logs import log_to_stderr
        from safelight.pipeline.services import FeatureOptions, make_service

        log_to_stderr(as_json=log_json, level="WARNING" if quiet else "INFO")
        settings, places = load_settings(device=device, threads=threads), _places(data)
        made = make_service(service, places, settings, FeatureOptions(**features))
        process(made, batch, output, places, settings.exclude)

    run_one.__doc__ = summary
    source = "BATCH.json|DIR|-" if service == "ingest" else "BATCH.json|-"
    command: Any = run_one
    if service == "features":
        command = _feature_options(command)
    for decorate in (
        _log_options,
        _data_option,
        click.option("-o", "--output", metavar="FILE", help="Else standard output."),
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


pipeline.add_command(
    _by_hand("ingest", "Say what the photos of one batch, or of a folder, are: ids, EXIF data.")
)
pipeline.add_command(_by_hand("preprocess", "Write the standardised copies of one batch."))
pipeline.add_command(_by_hand("features", "Add labels and quality to one batch."))


def _places(data: str) -> Places:
    from pathlib import Path

    from safelight.pipeline.places import Places

    return Places(Path(data).expanduser().absolute())


def _tell(summary: RunSummary, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        found = {
            "outputs": [str(path) for path in summary.outputs],
            "photos": summary.photos,
            "failed": len(summary.failures),
            "failures": [{"uri": uri, "reason": reason} for uri, reason in summary.failures],
            "resumed": summary.resumed,
            "seconds": round(summary.seconds, 3),
        }
        click.echo(json.dumps(found, ensure_ascii=False))
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
        f"{summary.photos:,} photos in {len(summary.outputs):,} batches{before}{failed}, "
        f"{summary.seconds:.1f} s"
    )
    for path in summary.outputs[:_FAILURES_SHOWN]:
        click.echo(f"  {short(str(path))}")
    if len(summary.outputs) > _FAILURES_SHOWN:
        click.echo(f"  and {len(summary.outputs) - _FAILURES_SHOWN:,} more beside them")
