"""``safelight status``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from safelight.cli.shared.options import counted, library_option, load_settings
from safelight.cli.texts.ingest import unread_text
from safelight.files.format import visible

if TYPE_CHECKING:
    from safelight.library.database import Database

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
    from safelight.library.database import Database
    from safelight.library.files import failures, require_namespace
    from safelight.model_choice import better_model

    settings = load_settings(library=library)
    with Database(settings.library, create=False) as opened:
        require_namespace(opened, namespace)
        if failed:
            for failure in failures(opened, namespace):
                click.echo(
                    json.dumps(asdict(failure), ensure_ascii=False)
                    if as_json
                    else visible(f"{failure.path}: {failure.reason} ({failure.code})")
                )
            return
        found = _describe(opened, namespace, settings.clusters_from)
        found["note"] = better_model(opened, settings)
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else _text(found))


def _describe(library: Database, namespace: str | None, clusters_from: int) -> dict[str, Any]:
    from safelight.library.attributes.labels import label_counts
    from safelight.library.files import counts, namespaces
    from safelight.library.ingested_sources import remembered, unread_files
    from safelight.library.outbox import stores
    from safelight.library.spaces import sizes
    from safelight.library.vector_index.open import index_status

    names = [name for name in namespaces(library) if namespace in (None, name)]
    total = counts(library, namespace)
    return {
        "library": str(library.path),
        "bytes": library.path.stat().st_size,
        **asdict(total),
        "namespaces": {
            name: asdict(total if len(names) == 1 else counts(library, name)) for name in names
        },
        "spaces": [
            {
                **asdict(space),
                "embeddings": count,
                "default": default,
                "index": asdict(
                    index_status(library, space.fingerprint, clusters_from=clusters_from)
                ),
            }
            for space, count, default in sizes(library)
        ],
        "labels": [asdict(each) for each in label_counts(library, namespace)],
        "stores": [{"store": address, "queued": queued} for address, queued in stores(library)],
        "clusters_from": clusters_from,
        "unread": unread_files(library, namespace),
        "sources": [
            {"namespace": name, "source": spec} for name, spec, _ in remembered(library, namespace)
        ],
    }


def _text(found: dict[str, Any]) -> str:
    lines = [
        f"Library     {found['library']} ({found['bytes'] / 1e6:,.1f} MB)",
        f"Photos      {found['photos']:,} in {counted(found['files'], 'file')}"
        + (f", {found['gone']:,} missing" if found["gone"] else "")
        + (f", {found['excluded']:,} excluded" if found["excluded"] else ""),
    ]
    if found["texts"]:
        lines.append(f"Texts       {found['texts']:,}")
    for name, held in found["namespaces"].items():
        lines.append(f"Namespace   {name}: {counted(held['files'], 'file')}")
    for space in found["spaces"]:
        default = ", used by searches" if space["default"] else ""
        lines.append(f"Model       {space['name']}: {space['embeddings']:,} vectors{default}")
        lines.append(f"Index       {_index(space, found['clusters_from'])}")
    for each in found["labels"]:
        none = f", none applies to {each['abstained']:,}" if each["abstained"] else ""
        lines.append(
            f"Labels      {each['labels']:,} labels (set {each['version'][:12]}) on "
            f"{each['photos']:,} photos with {each['space']}{none}"
        )
    for store in found["stores"]:
        queued = f": {store['queued']:,} to be sent, with safelight sync" if store["queued"] else ""
        lines.append(f"Store       {store['store']}{queued}")
    for source in found["sources"][:_SOURCES_SHOWN]:
        lines.append(f"Source      {source['namespace']}: {source['source']}")
    if (more := len(found["sources"]) - _SOURCES_SHOWN) > 0:
        lines.append(f"            and {more:,} more: see safelight sources")
    if found["unread"]:
        lines.append(f"Not read    {unread_text(found['unread'])}")
    if found["failed"]:
        lines.append(f"Failed      {found['failed']:,}: see safelight status --failed")
    if found["note"]:
        lines.append(f"Model       {found['note']}")
    return "\n".join(lines)


def _index(space: dict[str, Any], clusters_from: int) -> str:
    index = space["index"]
    if index["kind"] == "clusters":
        newer = space["embeddings"] - index["clustered"]
        text = f"{index['clustered']:,} vectors in clusters"
        text += f", {newer:,} newer ones compared one by one" if newer else ""
    else:
        text = f"exact; clusters from {clusters_from:,} vectors on"
    if index["lacking"]:
        text += f", which need {index['lacking']}"
    return text + ("; clusters are being made" if index["running"] else "")
