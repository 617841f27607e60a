"""Output of ``safelight duplicates``."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Any

import click

from safelight.api import size_text
from safelight.cli.shared.options import counted, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.api.duplicates import PhotoFacts, Suggestion


def write_csv(found: Sequence[Suggestion]) -> None:
    """Print a line a file."""
    writer = csv.writer(sys.stdout)
    writer.writerow(["group", "relation", "photo_id", "path", "keeper", "reasons"])
    for each in found:
        for photo in each.photos:
            keeper = str(photo.keeper).lower()
            writer.writerow(
                [each.group.id, each.group.relation.value, photo.photo_id, photo.path, keeper,
                 "; ".join(photo.reasons)]
            )  # fmt: skip


def write_text(
    found: Sequence[Suggestion],
    facts: Mapping[str, PhotoFacts],
    *,
    why: bool,
    ids: bool = False,
) -> None:
    """Print groups for people: with the reasons if `why`, with photo ids if `ids`."""
    for each in found:
        click.echo(f"{each.group.id}  {each.group.relation}, {counted(len(each.photos), 'file')}")
        for photo in each.photos:
            mark = "keep" if photo.keeper else "    "
            known = facts.get(photo.photo_id)
            told = f"  ({_described(known)})" if known else ""
            start = f"{photo.photo_id[:12]}  " if ids else ""
            click.echo(f"  {mark}  {start}{short(photo.path)}{told}")
            if why:
                for reason in photo.reasons:
                    click.echo(f"          {reason}")
        click.echo()


def _described(photo: PhotoFacts) -> str:
    dimensions = f"{photo.width} x {photo.height} " if photo.pixels else ""
    return f"{dimensions}{photo.format or ''} {size_text(photo.size)}"


def tell_total(
    found: Sequence[Suggestion], facts: Mapping[str, PhotoFacts], report: str | None
) -> None:
    """Say how many groups there are, and how much the files beside the keepers take."""
    others = [photo for each in found for photo in each.others]
    paths = {photo.path: photo.photo_id for photo in others}
    count = sum(facts[photo].size for photo in paths.values() if photo in facts)
    groups = "1 group" if len(found) == 1 else f"{len(found):,} groups"
    start = f"{report}: " if report else ""
    if not found:
        click.echo(f"{start}Found no duplicates.", err=True)
        return
    click.echo(
        f"{start}{groups}; {counted(len(paths), 'file')} beside those to keep, {size_text(count)}.",
        err=True,
    )


def write_edges(found: Suggestion) -> None:
    """Print how the photos of a group are related, and what that was concluded from."""
    for edge in found.group.edges:
        told = ", ".join(f"{name} {_value(value)}" for name, value in edge.evidence.items())
        click.echo(
            f"  {edge.a[:12]} - {edge.b[:12]}  {edge.relation}" + (f": {told}" if told else "")
        )


def _value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
