"""Dependencies of endpoints: the service, and work that ends when its client leaves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from safelight.server.state import ServerState

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

T = TypeVar("T")

_LOOKS_EVERY = 0.2  # seconds between looks whether the client is still there


# A coroutine, though it waits for nothing: FastAPI calls plain functions on a thread.
async def _service(request: Request) -> ServerState:
    service: ServerState = request.app.state.service
    return service


#: What an endpoint takes to be given the service.
Served = Annotated[ServerState, Depends(_service)]


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; drop it from its queue when the client goes away.

    Raises
    ------
    ClientDisconnect
        It has.
    """
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=_LOOKS_EVERY))[0]:
            if await request.is_disconnected():
                raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
