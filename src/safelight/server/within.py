"""How an endpoint gets at the service."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from safelight.server.service import Service


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


#: What an endpoint takes to be given the service.
Served = Annotated[Service, Depends(_service)]
