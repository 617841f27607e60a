"""``safelight sync``."""

from __future__ import annotations

import json
import sys

import click

from safelight.cli.shared.options import library_option, load_settings
from safelight.cli.shared.store import sent_text, show_sending

EPILOG = """\b
Stores:
  qdrant://HOST[:PORT][/NAME]     a Qdrant server; qdrants:// with TLS
  qdrant:FOLDER                   Qdrant without a server
  postgresql://USER@HOST/DATABASE PostgreSQL with pgvector

\b
Examples:
  safelight sync --store qdrant://localhost
  SAFELIGHT_STORE=postgresql://me@db/photos safelight sync
  safelight sync --all --json
  safelight sync --store qdrant://old-server --forget
"""


@click.command(epilog=EPILOG)
@click.option(
    "--store", metavar="ADDRESS", help="Address of the vector store.  [env: SAFELIGHT_STORE]"
)
@click.option(
    "--all", "everything", is_flag=True,
    help="Send everything again, and remove what the library lacks.",
)  # fmt: skip
@click.option(
    "--take-over", is_flag=True,
    help="Take a store over from another library, replacing its contents.",
)  # fmt: skip
@click.option(
    "--forget", is_flag=True,
    help="Stop queueing changes for this store; its contents stay.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
@library_option
def sync(
    store: str | None,
    everything: bool,
    take_over: bool,
    forget: bool,
    as_json: bool,
    quiet: bool,
    library: str | None,
) -> None:
    """Send pending changes to the vector store.

    The first time, it sends the whole library. Changes that cannot be sent stay queued for the
    next time. Ctrl-C stops it; nothing is lost, and nothing is sent twice.
    """
    from safelight.api import Database
    from safelight.api.sync import sync as send
    from safelight.api.sync import unqueue_store
    from safelight.settings import Secret

    settings = load_settings(library=library, store=Secret(store) if store else None)
    if settings.store is None:
        raise click.UsageError("Name a store, e.g.: safelight sync --store qdrant://localhost")
    with Database(settings.library, create=False) as opened:
        if forget:
            shown, was_fed = unqueue_store(opened, settings)
            click.echo(f"Nothing {'more ' if was_fed else ''}is queued for {shown}.")
            return
        with show_sending(quiet=quiet or as_json) as progress:
            sent = send(
                opened,
                settings,
                everything=everything,
                take_over=take_over,
                progress=progress,
                tell=lambda note: None if quiet else click.echo(f"safelight: {note}", err=True),
            )
    if as_json:
        click.echo(json.dumps(sent.to_dict(), ensure_ascii=False))
    elif not quiet:
        click.echo(sent_text(sent))
    for photo_id, reason in sent.refused[:10]:
        click.echo(f"safelight: {photo_id[:12]}: {reason}", err=True)
    if sent.problem is not None:
        raise sent.problem
    if sent.refused:
        sys.exit(1)
