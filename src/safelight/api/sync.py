"""Vector stores: send changes, stop feeding a store, open the searched one."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from safelight.api.progress import Reporting, Step, as_progress, reporting
from safelight.errors import StoreAway, StoreError, UsageError
from safelight.exchange.stores import Sent, StoreIndex, open_store, parse_address
from safelight.exchange.stores import feed as send_changes
from safelight.exchange.stores import sync as send
from safelight.library.outbox import remove_store, stores
from safelight.library.vector_index.base import VectorIndex
from safelight.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from safelight.api.opened import Opened
    from safelight.exchange.stores import VectorStore
    from safelight.library.database import Database
    from safelight.settings import Settings

__all__ = [
    "Sent",
    "VectorIndex",
    "feed",
    "opened_store",
    "search_index",
    "sync",
    "unqueue_store",
]

#: Name of the library's own index, where a store could be named.
LOCAL = "local"


def sync(
    library: Database,
    settings: Settings,
    *,
    everything: bool = False,
    take_over: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    tell: Callable[[str], None] = lambda _: None,
) -> Sent:
    """Send pending changes to the vector store of the settings.

    See :func:`safelight.exchange.stores.sync`, which describes the options.

    Raises
    ------
    UsageError
        The settings name no store.
    """
    with opened_store(_address(settings), settings) as store:
        return send(
            library,
            store,
            everything=everything,
            take_over=take_over,
            progress=progress,
            tell=tell,
        )


def unqueue_store(library: Database, settings: Settings) -> tuple[str, bool]:
    """Queue nothing more for the store of the settings; return its address, and if it was fed."""
    shown = parse_address(_address(settings)).shown
    return shown, remove_store(library, shown)


def feed(library: Opened, *, progress: Reporting | None = None) -> Sent | None:
    """Send what a command has changed to the vector store, if one is set; warn if it is away."""
    address = library.settings.store
    if address is None:
        return None
    chosen = library.progress if progress is None else as_progress(progress)
    try:
        with reporting(chosen) as step:
            sent = send_changes(
                library.database,
                address.text,
                key=_key(library.settings),
                progress=lambda done, total: step(Step("Sending", done, total)),
            )
    except (UsageError, StoreError) as exc:
        library.warn(str(exc))
        return None
    if sent is not None and sent.left:
        why = f"{sent.problem} " if sent.problem else ""
        library.warn(f"{why}{sent.left:,} not sent yet; `safelight sync` sends what is left.")
    return sent


@contextlib.contextmanager
def opened_store(address: str, settings: Settings) -> Iterator[VectorStore]:
    """Open the vector store at an address, with the key of the settings."""
    with contextlib.closing(open_store(address, key=_key(settings))) as store:
        yield store


@contextlib.contextmanager
def search_index(
    library: Database,
    settings: Settings,
    space: str,
    *,
    address: str | None = None,
    namespace: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[VectorIndex | None]:
    """Open the store that is searched, if it is one; None for the library's own index.

    Parameters
    ----------
    space : str
        Fingerprint.
    address : str, optional
        :data:`LOCAL`, or a store other than that of the settings.
    tell : callable
        Given a sentence for the user if the store does not have everything yet.

    Raises
    ------
    StoreAway
        The store does not answer.
    """
    chosen = Secret(address) if address else settings.store
    if chosen is None or address == LOCAL:
        yield None
        return
    with opened_store(chosen.text, settings) as store:
        try:
            yield StoreIndex(library, store, space, namespace=namespace)
        except StoreAway as exc:
            raise StoreAway(
                f"{exc} Without it, the library's own index is asked with --store {LOCAL}.",
                code=exc.code,
                **exc.context,
            ) from exc
        if waiting := dict(stores(library)).get(store.shown):
            tell(
                f"{waiting:,} not sent to {store.shown} yet, and not found there. "
                "`safelight sync` sends what is left."
            )


def _address(settings: Settings) -> str:
    if settings.store is None:
        raise UsageError("Name a store, e.g.: safelight sync --store qdrant://localhost")
    return settings.store.text


def _key(settings: Settings) -> str | None:
    return settings.store_key.text if settings.store_key else None
