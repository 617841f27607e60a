"""``safelight sync``, and what other commands do with the store."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from safelight.cli.shared.options import library_option, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from safelight.exchange.stores import Sent
    from safelight.library.database import Database
    from safelight.library.vector_index.base import VectorIndex
    from safelight.settings import Settings

#: What ``--store`` takes for the library's own index.
LOCAL = "local"

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
    from safelight.exchange.stores import open_store, parse_address
    from safelight.exchange.stores import sync as send
    from safelight.library.database import Database
    from safelight.library.outbox import remove_store

    settings = load_settings(library=library, store=_given(store))
    if settings.store is None:
        raise click.UsageError("Say which store, e.g.: safelight sync --store qdrant://localhost")
    with Database(settings.library, create=False) as opened:
        if forget:
            shown = parse_address(settings.store.text).shown
            known = remove_store(opened, shown)
            click.echo(f"Nothing {'more ' if known else ''}is queued for {shown}.")
            return
        with (
            contextlib.closing(open_store(settings.store.text, key=_key(settings))) as found,
            _progress(quiet=quiet or as_json) as progress,
        ):
            sent = send(
                opened,
                found,
                everything=everything,
                take_over=take_over,
                progress=progress,
                tell=lambda note: None if quiet else click.echo(f"safelight: {note}", err=True),
            )
    if as_json:
        click.echo(json.dumps(_as_dict(sent), ensure_ascii=False))
    elif not quiet:
        click.echo(_sentence(sent))
    for photo_id, reason in sent.refused[:10]:
        click.echo(f"safelight: {photo_id[:12]}: {reason}", err=True)
    if sent.problem is not None:
        raise sent.problem
    if sent.refused:
        sys.exit(1)


def feed_store(library: Database, settings: Settings, *, quiet: bool) -> None:
    """Send what an ingest has changed to the store, if one is set; warn if it does not take it."""
    if settings.store is None:
        return
    from safelight.errors import StoreError, UsageError
    from safelight.exchange.stores import feed

    try:
        with _progress(quiet=quiet) as progress:
            sent = feed(library, settings.store.text, key=_key(settings), progress=progress)
    except (UsageError, StoreError) as exc:
        click.echo(f"safelight: {exc}", err=True)
        return
    if sent is None:
        return
    if sent.left:
        why = f"{sent.problem} " if sent.problem else ""
        click.echo(
            f"safelight: {why}{sent.left:,} not sent yet; `safelight sync` sends what is left.",
            err=True,
        )
    elif not quiet:
        click.echo(_sentence(sent), err=True)


@contextlib.contextmanager
def searched_index(
    library: Database, settings: Settings, given: str | None, space: str, namespace: str | None
) -> Iterator[VectorIndex | None]:
    """Open the store that is searched, if it is one; None for the library's own index."""
    chosen = _given(given) or settings.store
    if chosen is None or given == LOCAL:
        yield None
        return
    from safelight.errors import StoreAway
    from safelight.exchange.stores import StoreIndex, open_store
    from safelight.library.outbox import stores

    with contextlib.closing(open_store(chosen.text, key=_key(settings))) as store:
        try:
            yield StoreIndex(library, store, space, namespace=namespace)
        except StoreAway as exc:
            raise StoreAway(
                f"{exc} Without it, the library's own index is asked with --store {LOCAL}.",
                code=exc.code,
                **exc.context,
            ) from exc
        if waiting := dict(stores(library)).get(store.shown):
            click.echo(
                f"safelight: {waiting:,} not sent to {store.shown} yet, and not found there. "
                "`safelight sync` sends what is left.",
                err=True,
            )


def _given(store: str | None) -> Any:
    from safelight.settings import Secret

    return Secret(store) if store else None


def _key(settings: Settings) -> str | None:
    return settings.store_key.text if settings.store_key else None


@contextlib.contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    from safelight.cli.shared.progress import show_progress
    from safelight.ingest.summary import Progress

    with show_progress(quiet=quiet, doing="Sending") as show:
        yield lambda done, total: show(Progress(done, total, 0))


def _sentence(sent: Sent) -> str:
    parts = [f"sent {sent.sent:,}"]
    if sent.removed:
        parts.append(f"removed {sent.removed:,}")
    if sent.left:
        parts.append(f"{sent.left:,} left")
    return f"{sent.store}: {', '.join(parts)} ({sent.seconds:.1f} s)"


def _as_dict(sent: Sent) -> dict[str, Any]:
    return {
        "store": sent.store,
        "sent": sent.sent,
        "removed": sent.removed,
        "left": sent.left,
        "refused": [{"photo_id": photo_id, "reason": why} for photo_id, why in sent.refused],
        "seconds": round(sent.seconds, 3),
        "error": None
        if sent.problem is None
        else {"code": sent.problem.code, "message": sent.problem.message},
    }
