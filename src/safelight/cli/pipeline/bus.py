"""``safelight pipeline worker``, ``publish``, ``watch``, ``dead``: commands on a NATS server."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from safelight.cli.pipeline.options import (
    SERVICES,
    bus_option,
    data_option,
    feature_options,
    log_options,
)
from safelight.cli.shared.options import load_settings


@click.command(
    epilog="""\b
Examples:
  safelight pipeline worker preprocess --bus nats://localhost:4222
  safelight pipeline worker features --bus nats://localhost:4222 --model ViT-B-32/openai
  SAFELIGHT_BUS=nats://user:password@photos.local safelight pipeline worker ingest
"""
)
@click.argument("service", type=click.Choice(SERVICES))
@bus_option
@data_option
@click.option(
    "--ack-wait", type=click.FloatRange(min=0.5), default=30.0, show_default=True, metavar="S",
    help="Seconds of silence after which another worker gets the batch.",
)  # fmt: skip
@click.option(
    "--max-deliver", type=click.IntRange(min=1), default=8, show_default=True, metavar="N",
    help="Number of attempts before a batch becomes a dead letter.",
)  # fmt: skip
@click.option(
    "--grace", type=click.FloatRange(min=0), default=8.0, show_default=True, metavar="S",
    help="Seconds to finish the batch after SIGTERM.",
)  # fmt: skip
@feature_options
@log_options
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

    Any number of workers share the batches. A killed worker loses nothing: another gets its
    batch, and each result is published once. A worker that you stop finishes its batch, or gives
    it back when its time is over or you stop it again.
    """
    from safelight.api import pipeline as use_cases

    use_cases.log_to_stderr(as_json=log_json, level="WARNING" if quiet else "INFO")
    use_cases.run_worker(
        load_settings(device=device, threads=threads),
        service,
        url,
        use_cases.pipeline_paths(data),
        policy=use_cases.Policy(ack_wait=ack_wait, max_deliver=max_deliver),
        grace=grace,
        options=use_cases.FeatureOptions(**features),
    )


@click.command(
    epilog="""\b
Examples:
  safelight pipeline publish ~/Pictures/2024 --bus nats://localhost:4222
  safelight pipeline publish batch.json --bus nats://localhost:4222
  safelight pipeline publish batch.json --event preprocess.completed --bus nats://localhost:4222
"""
)
@click.argument("sources", nargs=-1, required=True, metavar="BATCH.json|DIR...")
@bus_option
@data_option
@click.option("--event", metavar="NAME", help="Event to publish, if not the one for the batch.")
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=64, show_default=True, metavar="N",
    help="With a folder: maximum number of photos in a batch.",
)  # fmt: skip
def publish(
    sources: tuple[str, ...], url: str, data: str, event: str | None, batch_size: int
) -> None:
    """Publish batches from files, or from folders of photos.

    It prints the id of each. A batch that was published before is not published again.
    """
    from safelight.api import pipeline as use_cases

    use_cases.log_to_stderr(level="WARNING")
    for batch_id, first in use_cases.publish_batches(
        load_settings(),
        sources,
        url,
        use_cases.pipeline_paths(data),
        event=event,
        batch_size=batch_size,
    ):
        click.echo(batch_id)
        if not first:
            click.echo(f"safelight: {batch_id} was published before.", err=True)


@click.command(
    epilog="""\b
Examples:
  safelight pipeline watch --bus nats://localhost:4222 -o features.jsonl
  safelight pipeline watch --bus nats://localhost:4222 --idle 60 | jq .batch_id
"""
)
@bus_option
@data_option
@click.option("--event", default="features.completed", show_default=True, metavar="NAME")
@click.option(
    "--durable", default="watch", show_default=True, metavar="NAME",
    help="Name under which the server remembers delivered events.",
)  # fmt: skip
@click.option("-o", "--output", metavar="FILE", help="Append to FILE, each batch once.")
@click.option("-n", "--count", type=click.IntRange(min=1), metavar="N", help="Stop after N events.")
@click.option(
    "--idle",
    type=click.FloatRange(min=0.1),
    metavar="S",
    help="Stop after S seconds without an event.",
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

    It prints each completed batch once: the server remembers, under a durable name, which events
    were delivered, however often you start this.
    """
    from safelight.api import pipeline as use_cases

    use_cases.log_to_stderr(level="WARNING")
    use_cases.watch_batches(
        event,
        url,
        use_cases.pipeline_paths(data),
        durable=durable,
        output=output,
        count=count,
        idle=idle,
    )


@click.command(
    epilog="""\b
Examples:
  safelight pipeline dead --bus nats://localhost:4222
  safelight pipeline dead --bus nats://localhost:4222 --retry
  safelight pipeline dead --bus nats://localhost:4222 --drop 7
"""
)
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@bus_option
@click.option("--retry", is_flag=True, help="Deliver them again, to the service that failed.")
@click.option("--drop", is_flag=True, help="Delete them.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object a line, with the message."
)
def dead(keys: tuple[str, ...], url: str, retry: bool, drop: bool, as_json: bool) -> None:
    """List the batches that no worker could process, and why; retry or drop them.

    All of them, unless KEYs are given, as the list shows them.
    """
    from safelight.api.pipeline import dead_letters, log_to_stderr, settle_letters

    log_to_stderr(level="WARNING")
    if retry and drop:
        raise click.UsageError("Use either --retry or --drop, not both.")
    if not retry and not drop:
        for letter in dead_letters(url, keys):
            plain = f"{letter.key}  {letter.durable}  {letter.batch_id or '–'}  {letter.reason}"
            click.echo(json.dumps(letter.to_dict()) if as_json else plain)
        return
    failed = False
    for letter, problem in settle_letters(url, keys, retry=retry):
        failed = failed or problem is not None
        said = problem or f"{letter.batch_id or letter.key} {'retried' if retry else 'dropped'}"
        click.echo(said, err=problem is not None)
    if failed:
        sys.exit(1)
