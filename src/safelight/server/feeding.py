"""Telling a vector store, while the server runs, what has changed in the library."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from loguru import logger

from safelight.errors import SafelightError
from safelight.server.workers import Workers
from safelight.stores import feed

if TYPE_CHECKING:
    from safelight.server.service import Service

#: Seconds between two looks at whether anything is queued.
_LOOKS_EVERY = 1.0

#: Seconds after which what a store did not take is sent again.
_TRIES_EVERY = 30.0


async def keep_fed(served: Service) -> None:
    """Send what changes to the store that is set, until cancelled; return if none is.

    Nothing is lost while the store is away: what was not sent stays queued in the library.
    """
    if served.settings.store is None:
        return
    sending = Workers("stores", 1, 0)
    fed, told, waited = -1, "", 0.0
    try:
        while True:
            generation = served.generation
            if generation != fed or (told and waited >= _TRIES_EVERY):
                why = await sending.run(_feed, served)
                if why and why != told:
                    logger.warning("{} What is left waits in the library.", why)
                fed, told, waited = generation, why, 0.0
            await asyncio.sleep(_LOOKS_EVERY)
            waited += _LOOKS_EVERY
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.to_thread(sending.close)


def _feed(served: Service) -> str:
    """Send what is queued; return why not all of it was, or nothing."""
    settings = served.settings
    assert settings.store is not None
    key = settings.store_key.text if settings.store_key else None
    try:
        sent = feed(served.library, settings.store.text, key=key)
    except SafelightError as exc:
        return str(exc)
    if sent is None or not sent.left:
        return ""
    refused = f"{len(sent.refused)} photos were refused: {dict(sent.refused)}."
    return str(sent.problem or refused)
