"""Output of ``safelight label``: a table, lines of JSON, or CSV."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from safelight.cli.shared.options import short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from safelight.api.label import LabelSet

_COLUMNS = ("calibrated", "confidence", "cosine", "label")


def show_json(rows: Iterator[dict[str, Any]], _: LabelSet) -> None:
    """Print a line a photo."""
    for each in rows:
        click.echo(json.dumps(each, ensure_ascii=False))


def show_csv(rows: Iterator[dict[str, Any]], _: LabelSet) -> None:
    """Print a heading, and a row a label."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    names = ("label", "confidence", "cosine_score", "calibrated", "applies")
    writer.writerow(["path", "photo_id", "abstained", "rank", *names])
    for photo in rows:
        abstained = str(photo["abstained"]).lower()
        for rank, each in enumerate(photo["labels"], start=1):
            cells = [str(each[name]).lower() if name == "applies" else each[name] for name in names]
            writer.writerow([photo["path"], photo["photo_id"], abstained, rank, *cells])


def show_table(rows: Iterator[dict[str, Any]], label_set: LabelSet) -> None:
    """Print of each photo what applies, then the numbers of the first labels."""
    none = f"none of the {len(label_set.labels):,} labels applies"
    for number, photo in enumerate(rows):
        if number == 0:
            click.echo("  ".join(_COLUMNS))
        click.echo(f"{short(photo['path'])}: {', '.join(photo['applying']) or none}")
        for each in photo["labels"]:
            click.echo(
                f"{each['calibrated']:>10.2f}  {each['confidence']:>10.2f}  "
                f"{each['cosine_score']:>6.3f}  {each['label']}"
            )
