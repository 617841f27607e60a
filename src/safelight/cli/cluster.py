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
    """Work with data sets that `safelight ingest --engine ray` made."""


@cluster.command()
@click.argument("data_set", metavar="DATASET")
@click.option(
    "--bits", type=click.IntRange(0, 64), metavar="N",
    help="Maximum number of differing hash bits, of 256.  [default: 16]",
)  # fmt: skip
@click.option("--address", metavar="HOST:PORT", help="Address of the cluster, if not this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def duplicates(data_set: str, bits: int | None, address: str | None, as_json: bool) -> None:
    """Find pairs of photos that look the same, and write them to DATASET/candidates.

    These are candidate pairs: `safelight duplicates` verifies them in a library.
    """
    from safelight.api.cluster import find_candidates

    found = find_candidates(data_set, bits=bits, address=address)
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
