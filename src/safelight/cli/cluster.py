"""``safelight cluster``."""

from __future__ import annotations

import json

import click

EPILOG = """\b
Examples:
  safelight ingest --engine ray --output s3://bucket/index s3://bucket/photos
  safelight cluster duplicates s3://bucket/index
"""


@click.group(epilog=EPILOG)
def cluster() -> None:
    """Data sets too large for one machine; `safelight ingest --engine ray` makes them."""


@cluster.command()
@click.argument("data_set", metavar="DATASET")
@click.option(
    "--bits", type=click.IntRange(0, 64), metavar="N",
    help="Pairs whose hashes differ in at most so many bits of 256; 16 if not given.",
)  # fmt: skip
@click.option("--address", metavar="HOST:PORT", help="The cluster, if not this machine.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
def duplicates(data_set: str, bits: int | None, address: str | None, as_json: bool) -> None:
    """Find pairs of photos that look the same, and write them to DATASET/candidates.

    The pairs are worth a closer look, as `safelight duplicates` takes it in a library.
    """
    from safelight.cluster.candidate_run import RADIUS, find_candidates
    from safelight.cluster.engine import cluster as connected
    from safelight.cluster.engine import need_ray

    need_ray()
    found = find_candidates(
        data_set, lambda: connected(address), radius=RADIUS if bits is None else bits
    )
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False))
        return
    click.echo(
        f"{found.pairs:,} pairs among {found.photos:,} photos differ in at most {found.radius} "
        f"bits: {found.files} ({found.seconds:.1f} s)"
    )
    if found.skipped:
        click.echo(
            f"safelight: {found.skipped:,} pairs within crowds that look alike were passed over in "
            "one place; most were met in another.",
            err=True,
        )
