"""ETags of lists: a client that has what the library has now is told so, and nothing else."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal, TypeVar

from fastapi import Request, Response
from starlette.responses import StreamingResponse

from safelight.server.auth import GuardedRoute
from safelight.server.conditions import conditional_status

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from safelight.server.auth import Access
    from safelight.server.state import ServerState

    Source = Literal["library", "answer"]

E = TypeVar("E")

_SOURCE = "safelight_etag"
_DIGITS = 24


def tagged(source: Source) -> Callable[[E], E]:
    """Mark an endpoint whose answers have an ETag; its router's class is :class:`TaggedRoute`.

    Parameters
    ----------
    source : str
        ``library``: the answer changes only when the library is written to, so that a request can
        be answered without making it. ``answer``: it has to be made first.
    """

    def mark(endpoint: E) -> E:
        setattr(endpoint, _SOURCE, source)
        return endpoint

    return mark


class TaggedRoute(GuardedRoute):
    """Route that answers ``If-None-Match``, of endpoints that are marked by :func:`tagged`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of a request: the checks, the tag, then FastAPI's own."""
        source: Source | None = getattr(self.endpoint, _SOURCE, None)
        answer = super().get_route_handler()
        if source is None:
            return answer

        async def with_tag(request: Request) -> Response:
            if source == "library":
                # Looked at before the answer is made, so that a tag is never newer than it.
                tag = _tag(request, _revision(request))
                if _knows(request, tag):
                    await self.check(request)
                    return _not_modified(tag)
                response = await answer(request)
            else:
                response = await answer(request)
                if isinstance(response, StreamingResponse):
                    return response
                tag = _tag(request, bytes(response.body))
                if response.status_code == 200 and _knows(request, tag):
                    return _not_modified(tag)
            if response.status_code == 200:
                response.headers["ETag"] = tag
                response.headers.setdefault("Cache-Control", _AGAIN)
            return response

        return with_tag


#: May be kept by its client, which asks each time whether it is still right.
_AGAIN = "private, no-cache"


def _revision(request: Request) -> bytes:
    service: ServerState = request.app.state.service
    return service.revision().encode()


def _tag(request: Request, content: bytes) -> str:
    access: Access = request.scope["access"]
    digest = hashlib.sha256(content)
    digest.update(repr((request.url.path, request.url.query, access.namespaces)).encode())
    return f'W/"{digest.hexdigest()[:_DIGITS]}"'


def _knows(request: Request, tag: str) -> bool:
    known = request.headers.get("if-none-match")
    return known is not None and conditional_status({"if-none-match": known}, tag) == 304


def _not_modified(tag: str) -> Response:
    return Response(status_code=304, headers={"ETag": tag, "Cache-Control": _AGAIN})
