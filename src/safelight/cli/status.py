"""``safelight status``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from safelight.api import size_text, visible
from safelight.cli.shared.options import counted, library_option, load_settings
from safelight.cli.texts.ingest import unread_text

if TYPE_CHECKING:
    from safelight.api.status import LibraryStatus, SpaceStatus

_SOURCES_SHOWN = 5

EPILOG = """\b
Examples:
  safelight status
  safelight status --failed
  safelight status -n holiday --json
"""


@click.command(epilog=EPILOG)
@click.option("-n", "--namespace", metavar="NAME", help="Show only this namespace.")
@click.option("--failed", is_flag=True, help="List the files that could not be ingested, and why.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON; with --failed, one object a line."
)
@library_option
def status(namespace: str | None, failed: bool, as_json: bool, library: str | None) -> None:
    """Show the contents of the library."""
    from safelight.api import Database
    from safelight.api.status import failed_files, library_status

    settings = load_settings(library=library)
    with Database(settings.library, create=False) as opened:
        if failed:
            for failure in failed_files(opened, namespace):
                click.echo(
                    json.dumps(asdict(failure), ensure_ascii=False)
                    if as_json
                    else visible(f"{failure.path}: {failure.reason} ({failure.code})")
                )
            return
        found = library_status(opened, settings, namespace)
    click.echo(json.dumps(found.to_dict(), ensure_ascii=False) if as_json else _text(found))


def _text(status: LibraryStatus) -> str:
    counts = status.counts
    lines = [
        f"Library     {status.library} ({size_text(status.bytes)})",
        f"Photos      {counts.photos:,} in {counted(counts.files, 'file')}"
        + (f", {counts.gone:,} missing" if counts.gone else "")
        + (f", {counts.excluded:,} excluded" if counts.excluded else ""),
    ]
    if counts.texts:
        lines.append(f"Texts       {counts.texts:,}")
    for name, held in status.namespaces.items():
        lines.append(f"Namespace   {visible(name)}: {counted(held.files, 'file')}")
    for each in status.spaces:
        default = ", used by searches" if each.default else ""
        lines.append(f"Model       {each.space.name}: {each.embeddings:,} vectors{default}")
        lines.append(f"Index       {_index(each, status.clusters_from)}")
    for label_set in status.labels:
        none = f", none applies to {label_set.abstained:,}" if label_set.abstained else ""
        lines.append(
            f"Labels      {label_set.labels:,} labels (set {label_set.version[:12]}) on "
            f"{label_set.photos:,} photos with {label_set.space}{none}"
        )
    for store, queued in status.stores.items():
        waiting = f": {queued:,} to be sent, with safelight sync" if queued else ""
        lines.append(f"Store       {store}{waiting}")
    for namespace, source in status.sources[:_SOURCES_SHOWN]:
        lines.append(f"Source      {visible(namespace)}: {visible(source)}")
    if (more := len(status.sources) - _SOURCES_SHOWN) > 0:
        lines.append(f"            and {more:,} more: see safelight sources")
    if status.unread:
        lines.append(f"Not read    {unread_text(status.unread)}")
    if counts.failed:
        lines.append(f"Failed      {counts.failed:,}: see safelight status --failed")
    if status.note:
        lines.append(f"Model       {status.note}")
    return "\n".join(lines)


def _index(status: SpaceStatus, clusters_from: int) -> str:
    index = status.index
    if index.kind == "clusters":
        newer = status.embeddings - index.clustered
        text = f"{index.clustered:,} vectors in clusters"
        text += f", {newer:,} newer ones compared one by one" if newer else ""
    else:
        text = f"exact; clusters from {clusters_from:,} vectors on"
    if index.lacking:
        text += f", which need {index.lacking}"
    return text + ("; clusters are being made" if index.running else "")
