"""Send changes of the library to a vector store while the server runs."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from loguru import logger

from safelight.errors import SafelightError
from safelight.exchange.stores import feed
from safelight.server.pools import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.library.database import Database
    from safelight.settings import Secret

#: Seconds between two looks at whether anything is queued.
_LOOKS_EVERY = 1.0

#: Seconds after which what a store did not take is sent again.
_TRIES_EVERY = 30.0


async def keep_fed(
    library: Database, address: Secret, key: Secret | None, generation: Callable[[], int]
) -> None:
    """Send what changes to a store, until cancelled.

    Nothing is lost while the store does not answer: what was not sent stays queued in the library.

    Parameters
    ----------
    library : Database
    address : Secret
        Of the store.
    key : Secret, optional
        The API key of a Qdrant server.
    generation : callable
        Returns a number that grows when the library was written to.
    """
    sending = WorkerPool("stores", 1, 0)
    fed, told, waited = -1, "", 0.0
    try:
        while True:
            now = generation()
            if now != fed or (told and waited >= _TRIES_EVERY):
                why = await sending.run(_feed, library, address, key)
                if why and why != told:
                    logger.warning("{} What is left waits in the library.", why)
                fed, told, waited = now, why, 0.0
            await asyncio.sleep(_LOOKS_EVERY)
            waited += _LOOKS_EVERY
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.to_thread(sending.close)


def _feed(library: Database, address: Secret, key: Secret | None) -> str:
    """Send what is queued; return why not all of it was, or nothing."""
    try:
        sent = feed(library, address.text, key=key.text if key else None)
    except SafelightError as exc:
        return str(exc)
    if sent is None or not sent.left:
        return ""
    refused = f"{len(sent.refused)} photos were refused: {dict(sent.refused)}."
    return str(sent.problem or refused)
