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

    from safelight.labels import Labelling, LabelScore, LabelSet

_COLUMNS = ("calibrated", "confidence", "cosine", "label")


def row(
    path: str, photo_id: str, found: Labelling, model: str, label_set: LabelSet, *, stored: bool
) -> dict[str, Any]:
    """Return the labels of a photo for JSON; all three formats are made of it."""
    return {
        "path": path,
        "photo_id": photo_id,
        "abstained": found.abstained,
        "applying": [each.label for each in found.applying],
        "labels": [_score(each) for each in found.labels],
        "model": model,
        "label_set": label_set.version,
        "stored": stored,
    }


def _score(each: LabelScore) -> dict[str, Any]:
    return {
        "label": each.label,
        "confidence": each.confidence,
        "cosine_score": each.cosine_score,
        "calibrated": each.calibrated,
        "applies": each.applies,
    }


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
