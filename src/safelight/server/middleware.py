"""ASGI middleware: host, origin, token, limits, headers, log."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from loguru import logger
from starlette.requests import ClientDisconnect

from safelight.files.format import size_text
from safelight.server.auth import access_of, check_host, check_origin
from safelight.server.errors import Problem, respond

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from safelight.server.state import ServerState

#: Scripts, styles and calls of our own only; nothing inline, nothing from elsewhere, no frames.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]

_OWN = [(b"cross-origin-resource-policy", b"same-origin")]

_API = "/api/"
_UPLOAD = ("PUT", "/api/v1/photos")
_IMAGE_SEARCHES = ("/api/v1/images/search", "/api/v1/images/search/upload")
_LONG = (_UPLOAD, ("POST", "/api/v1/features"), ("POST", "/api/v1/plans"))
_LONG_ENDINGS = ("/apply", "/undo")

#: Bytes of a body that needs no room of its own.
_SMALL = 65_536

#: How many times its bytes JSON of short values takes as Python's objects.
_JSON_GROWS = 8


class Middleware:
    """ASGI middleware: host, origin, token, size, time; headers, metrics, the access log.

    Parameters
    ----------
    app : ASGI application
    service : ServerState
    """

    def __init__(self, app: ASGIApp, service: ServerState) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send, self._service)
        try:
            await self._pass(scope, receive, answer)
        except Problem as problem:
            await answer.refuse(problem)
        except TimeoutError:
            await answer.refuse(
                Problem(504, "Request timed out. Try a smaller request.", "timeout")
            )
        except ClientDisconnect:
            pass  # there is nobody to answer
        except asyncio.CancelledError:
            # uvicorn's last word to requests that outlast its patience; its log of one that lets
            # it pass is a traceback.
            if not self._service.stopping.is_set():
                raise
            await answer.refuse(
                Problem(503, "The server was stopped meanwhile. Send the request again.", "stopped")
            )
        except Exception as error:  # noqa: BLE001 - here, so that the answer has all the headers
            logger.opt(exception=error).error("An error that was not foreseen")
            await answer.refuse(
                Problem(500, "Something failed inside the server; its log says what.", "internal")
            )
        finally:
            answer.finished()

    async def _pass(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        options = self._service.options
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        check_host(headers.get("host"), options)
        method, path = scope["method"], scope["path"]
        if headers.get("origin") in options.allowed_origins:
            answer.origin = headers["origin"]
            if method == "OPTIONS" and "access-control-request-method" in headers:
                await answer.preflight()
                return
        check_origin(method, headers, path, options)
        authorization = headers.get("authorization")
        known = await self._service.tokens(authorization) if authorization is not None else ()
        access = access_of(authorization, known, needs_token=options.needs_token)
        scope["access"] = access
        answer.token = access.token
        async with contextlib.AsyncExitStack() as held:
            body = _Body(receive, self._service, method, path, held)
            body.check(headers)
            await self._answered(scope, body, answer)

    async def _answered(self, scope: Scope, body: _Body, answer: _Answer) -> None:
        method, path = scope["method"], scope["path"]
        if path.endswith("/events"):
            await self._app(scope, body, answer)
            return
        async with asyncio.timeout(None) as clock:
            # A large body, or answer, takes as long as it takes on its way: the time counts from
            # the last part of the one to the first of the other.
            seconds = _seconds(self._service, method, path)
            body.when_read = lambda: _reschedule(clock, seconds)
            answer.when_begun = lambda: _reschedule(clock, None)
            body.when_read()
            await self._app(scope, body, answer)


def _reschedule(clock: asyncio.Timeout, seconds: float | None) -> None:
    if not clock.expired():
        now = asyncio.get_running_loop().time()
        clock.reschedule(None if seconds is None else now + seconds)


def _seconds(service: ServerState, method: str, path: str) -> float:
    limits = service.limits
    is_long = (method, path) in _LONG or path.endswith(_LONG_ENDINGS)
    return limits.upload_seconds if is_long else limits.seconds


def _limit(service: ServerState, method: str, path: str) -> int:
    limits = service.limits
    if (method, path) == _UPLOAD:
        return limits.upload_bytes
    if path in _IMAGE_SEARCHES:
        return limits.image_bytes
    return limits.json_bytes


class _Body:
    """A request's body: counted while it comes, waited for with a deadline, read if there is room.

    Parameters
    ----------
    held : AsyncExitStack
        Gives back the room when the request was answered.
    """

    def __init__(
        self,
        receive: Receive,
        service: ServerState,
        method: str,
        path: str,
        held: contextlib.AsyncExitStack,
    ) -> None:
        self._receive = receive
        self._service = service
        self._is_upload = (method, path) == _UPLOAD
        self._is_image = path in _IMAGE_SEARCHES
        self._limit = _limit(service, method, path)
        self._held = held
        self._expected = 0  # bytes that still need room
        self._read = 0
        self._is_over = False
        self._due = 0.0
        self.when_read: Callable[[], None] = lambda: None

    def check(self, headers: Mapping[str, str]) -> None:
        """Refuse what says that it is too large."""
        length = headers.get("content-length")
        if length is not None and length.isdigit():
            self._expected = int(length)
            if self._expected > self._limit:
                raise self._too_large()
        elif "transfer-encoding" in headers:
            self._expected = self._limit

    async def __call__(self) -> Message:
        if self._is_over:
            return await self._receive()
        if self._expected:
            await self._enter()
        limits = self._service.limits
        try:
            # What comes too slowly is given up as well: a byte every few seconds has no end.
            async with asyncio.timeout(limits.body_seconds) as clock:
                due = self._due + self._read / limits.body_rate
                if self._due and due < (clock.when() or due):
                    clock.reschedule(due)
                message = await self._receive()
        except TimeoutError:
            raise Problem(
                408, "The request stopped coming in. Send it again.", "slow-body"
            ) from None
        self.when_read()
        if message["type"] == "http.disconnect":
            self._is_over = True
            return message
        self._read += len(message.get("body", b""))
        if self._read > self._limit:
            raise self._too_large()
        self._is_over = not message.get("more_body", False)
        return message

    async def _enter(self) -> None:
        expected, self._expected = self._expected, 0
        if self._is_upload:
            await self._held.enter_async_context(self._service.uploads.share(1))
        elif expected > _SMALL:
            # What JSON becomes when it is read takes several times its bytes.
            weight = expected if self._is_image else _JSON_GROWS * expected
            await self._held.enter_async_context(self._service.bodies.share(weight))
        self._due = asyncio.get_running_loop().time() + self._service.limits.body_seconds

    def _too_large(self) -> Problem:
        return Problem(
            413,
            f"The request is larger than {size_text(self._limit)}. Send less at once.",
            "too-large",
        )


class _Answer:
    """An answer on its way out."""

    def __init__(self, scope: Scope, send: Send, service: ServerState) -> None:
        self._scope = scope
        self._send = send
        self._service = service
        self._started = time.perf_counter()
        self._bytes = 0
        self.status = 0
        self.token: str | None = None
        self.origin: str | None = None
        self.when_begun: Callable[[], None] = lambda: None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.when_begun()
            own = {name for name, _ in message["headers"]}
            extra = [pair for pair in _HEADERS if pair[0] not in own]
            if self.origin is None:
                extra += _OWN
            else:
                extra += [
                    (b"access-control-allow-origin", self.origin.encode("latin-1")),
                    (b"access-control-expose-headers", b"ETag, Retry-After, Location"),
                    (b"vary", b"Origin"),
                ]
            if self._scope["path"].startswith(_API) and b"cache-control" not in own:
                extra.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*message["headers"], *extra]}
        else:
            self._bytes += len(message.get("body", b""))
        await self._send(message)

    async def refuse(self, problem: Problem) -> None:
        if self.status:
            return  # the answer has begun; it just ends
        self.when_begun = lambda: None  # nobody watches the time any more
        response = respond(
            problem.status_code, problem.detail, problem.code, headers=problem.headers
        )
        await response(self._scope, _nothing, self)

    async def preflight(self) -> None:
        from starlette.responses import Response

        response = Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
                "Access-Control-Allow-Headers": "Authorization, Content-Type, If-None-Match",
                "Access-Control-Max-Age": "600",
            },
        )
        await response(self._scope, _nothing, self)

    def finished(self) -> None:
        seconds = time.perf_counter() - self._started
        route = self._scope.get("route")
        name = getattr(route, "path", None) or "other"
        method = self._scope["method"] if name != "other" else "other"
        self._service.metrics.answered(method, name, self.status, seconds)
        client = self._scope.get("client")
        # Without the query string: what people look for is nobody's business. As it was sent, so
        # that no letter in it makes a line of its own.
        path = self._scope.get("raw_path", b"").partition(b"?")[0].decode("ascii", "replace")
        logger.bind(
            access=True,
            method=self._scope["method"],
            path=path,
            status=self.status,
            ms=round(1000 * seconds, 1),
            bytes=self._bytes,
            client=client[0] if client else None,
            token=self.token,
        ).info("{} {} {}", self._scope["method"], path, self.status)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
