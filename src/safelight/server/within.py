"""How an endpoint gets at the service."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from safelight.server.service import Service


# A coroutine, though it waits for nothing: FastAPI calls plain functions on a thread.
async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


#: What an endpoint takes to be given the service.
Served = Annotated[Service, Depends(_service)]
