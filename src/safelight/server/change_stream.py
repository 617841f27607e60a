"""Server-sent events of the changes of a library, resumable by the cursor of each.

The library is looked at only when it was written to. The next page is read when its client has
taken the one before, so a slow client costs no memory.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from safelight.errors import SafelightError
from safelight.server.event_stream import (
    SECONDS_BETWEEN_LOOKS,
    SECONDS_OF_SILENCE,
    Event,
    open_stream,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from fastapi import Request, Response

    from safelight.schemas import ChangeList
    from safelight.server.auth import Access
    from safelight.server.state import ServerState

    #: Returns the page of changes behind a cursor.
    Look = Callable[[str | None], Awaitable[ChangeList]]


async def change_stream(
    request: Request, served: ServerState, access: Access, look: Look, cursor: str | None
) -> Response:
    """Return the answer that tells each change behind a cursor, without end.

    Raises
    ------
    UsageError, LibraryError
        The cursor is broken, or too old.
    Problem
        With 429: too many clients listen.
    """
    seen = served.generation
    page = await look(cursor)  # what is wrong is said before the answer begins
    return open_stream(request, served, _told(request, served, access, look, page, seen))


async def _told(
    request: Request,
    served: ServerState,
    access: Access,
    look: Look,
    page: ChangeList,
    seen: int,
) -> AsyncGenerator[str]:
    try:
        spoken, is_ready = time.monotonic(), False
        while True:
            if page.changes:
                spoken, is_ready = time.monotonic(), False
                yield "".join(
                    Event(each.cursor, each.kind.value, each.model_dump_json()).text()
                    for each in page.changes
                )
            if page.next is None and not is_ready:
                is_ready = True
                data = json.dumps({"cursor": page.cursor})
                yield Event(page.cursor, "ready", data).text()
            while page.next is None and served.generation == seen:
                if served.stopping.is_set() or await request.is_disconnected():
                    return
                if not await served.is_valid(access.token):  # revoked meanwhile
                    return
                if time.monotonic() - spoken > SECONDS_OF_SILENCE:
                    spoken = time.monotonic()
                    yield ": still here\n\n"
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            if served.stopping.is_set() or not await served.is_valid(access.token):
                return
            seen = served.generation
            page = await look(page.cursor)
    except SafelightError:
        return  # the client comes back, and is told
