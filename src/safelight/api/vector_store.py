"""The vector store beside a library: fed after an ingest, searched instead of its own index."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from safelight.errors import StoreAway, StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from safelight.exchange.stores import Sent
    from safelight.library.database import Database
    from safelight.library.vector_index.base import VectorIndex
    from safelight.settings import Settings

#: Stands for the library's own index where a store can be named.
LOCAL = "local"


def feed_store(
    library: Database,
    settings: Settings,
    *,
    warn: Callable[[str], None],
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Sent | None:
    """Send what has changed to the store of the settings; a store that is away is a warning.

    Returns
    -------
    Sent or None
        None if there is no store, or nothing is known of it.
    """
    if settings.store is None:
        return None
    from safelight.exchange.stores import feed

    try:
        sent = feed(library, settings.store.text, key=_key(settings), progress=progress)
    except (UsageError, StoreError) as exc:
        warn(str(exc))
        return None
    if sent is not None and sent.left:
        why = f"{sent.problem} " if sent.problem else ""
        warn(f"{why}{sent.left:,} not sent yet; `safelight sync` sends what is left.")
    return sent


@contextlib.contextmanager
def searched_index(
    library: Database,
    settings: Settings,
    store: str | None,
    space: str,
    namespace: str | None,
    *,
    warn: Callable[[str], None],
) -> Iterator[VectorIndex | None]:
    """Open the store that is searched, if it is one; None for the library's own index.

    Parameters
    ----------
    store : str or None
        An address, :data:`LOCAL`, or that of the settings if None.
    space : str
        Fingerprint.

    Raises
    ------
    StoreError
        It cannot be searched.
    """
    address = settings.store.text if not store and settings.store else store
    if not address or store == LOCAL:
        yield None
        return
    from safelight.exchange.stores import StoreIndex, open_store
    from safelight.library.outbox import stores

    with contextlib.closing(open_store(address, key=_key(settings))) as opened:
        try:
            yield StoreIndex(library, opened, space, namespace=namespace)
        except StoreAway as exc:
            raise StoreAway(
                f"{exc} Without it, the library's own index is asked with --store {LOCAL} "
                f'(Python: store="{LOCAL}").',
                code=exc.code,
                **exc.context,
            ) from exc
        if waiting := dict(stores(library)).get(opened.shown):
            warn(
                f"{waiting:,} not sent to {opened.shown} yet, and not found there. "
                "`safelight sync` sends what is left."
            )


def _key(settings: Settings) -> str | None:
    return settings.store_key.text if settings.store_key else None
