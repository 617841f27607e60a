"""ASGI middleware: host, origin, token, limits, headers, log."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from loguru import logger
from starlette.requests import ClientDisconnect

from safelight.files.format import size_text
from safelight.server import request_ids, signatures
from safelight.server.auth import access_of, access_of_signer, check_host, check_origin
from safelight.server.client_texts import without_tokens
from safelight.server.compression import accepts_gzip, compressed, is_compressible
from safelight.server.errors import Problem, of_problem

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

_POLICY_NAME = b"cross-origin-resource-policy"
_OWN = (_POLICY_NAME, b"same-origin")
_EVERYBODYS = (_POLICY_NAME, b"cross-origin")

#: What pages of an allowed origin may send, and see of an answer.
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_SENT = (
    "Authorization, Content-Type, If-Match, If-None-Match, If-Modified-Since, If-Range, Range, "
    "Idempotency-Key, Last-Event-ID, X-Request-Id"
)
_SEEN = (
    b"Accept-Ranges, Allow, Content-Disposition, Content-Length, Content-Range, ETag, "
    b"Idempotency-Replayed, Link, Location, Retry-After, WWW-Authenticate, X-Request-Id"
)

_API = "/api/"

#: Paths whose answers depend on who asks, and are kept by nobody unless they say so.
_PRIVATE = (_API, "/metrics")
_UPLOADS = (("PUT", "/api/v1/photos"), ("POST", "/api/v1/uploads"))
_IMAGE_SEARCHES = ("/api/v1/images/search", "/api/v1/images/search/upload")
_LONG = (*_UPLOADS, ("POST", "/api/v1/features"), ("POST", "/api/v1/plans"))
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
        method = scope["method"]
        if method == "HEAD":
            # The answer to GET without its body; what would take long to make looks at `is_head`.
            scope = {**scope, "method": "GET", "is_head": True}
        answer = _Answer(scope, send, self._service, method)
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
        answer.is_gzip_taken = accepts_gzip(headers.get("accept-encoding"))
        answer.id = request_ids.request_id(headers.get(request_ids.HEADER))
        request_ids.current.set(answer.id)
        check_host(headers.get("host"), options)
        method, path = scope["method"], scope["path"]
        if headers.get("origin") in options.allowed_origins:
            answer.origin = headers["origin"]
            if method == "OPTIONS" and "access-control-request-method" in headers:
                await answer.preflight(headers)
                return
        signer = None
        if signatures.is_signed(scope["query_string"]) and path.startswith(_API):
            signed = signatures.verify(
                self._service.signing_key, method, path, scope["query_string"]
            )
            signer, scope["query_string"] = signed.token, signed.query
        check_origin(method, headers, path, options, is_signed=signer is not None)
        if signer is None:
            authorization = headers.get("authorization")
            known = await self._service.tokens(authorization) if authorization is not None else ()
            access = access_of(authorization, known, needs_token=options.needs_token)
        else:
            known = await self._service.tokens_now()
            access = access_of_signer(signer, known, needs_token=options.needs_token)
            # Whoever has the address may show what lies there; where, the origin's check decides.
            answer.is_for_all_pages = bool(options.allowed_origins)
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
    if (method, path) in _UPLOADS:
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
        self._is_upload = (method, path) in _UPLOADS
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
            "body-too-large",
        )


class _Answer:
    """An answer on its way out.

    Attributes
    ----------
    id : str
        The request's.
    status : int
        0 until the answer has begun.
    token : str or None
        The id of the token that the request brought.
    origin : str or None
        The allowed page that asks.
    is_for_all_pages : bool
        Whether any page may show what is sent.
    is_gzip_taken : bool
    """

    def __init__(self, scope: Scope, send: Send, service: ServerState, method: str) -> None:
        self._scope = scope
        self._send = send
        self._service = service
        self._method = method
        self._started = time.perf_counter()
        self._bytes = 0
        self._head: Message | None = None  # held until it is known how the body is sent
        self.id = ""
        self.status = 0
        self.token: str | None = None
        self.origin: str | None = None
        self.is_for_all_pages = False
        self.is_gzip_taken = False
        self.when_begun: Callable[[], None] = lambda: None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.when_begun()
            own = message["headers"]
            is_text = is_compressible(own)
            headers = self._headers(own, is_text)
            message = {**message, "headers": headers}
            if is_text and self.is_gzip_taken:
                self._head = message
                return
        elif message["type"] == "http.response.body":
            body = message.get("body", b"")
            more = message.get("more_body", False)
            if self._head is not None:
                head, self._head = self._head, None
                if not more:
                    body = await compressed(body)
                    message = {**message, "body": body}
                    head = {**head, "headers": _coded(head["headers"], len(body))}
                await self._send(head)
            if self._method == "HEAD":
                if more:
                    return
                message = {**message, "body": b""}
            self._bytes += len(message.get("body", b""))
        await self._send(message)

    def _headers(self, own: list[tuple[bytes, bytes]], is_text: bool) -> list[tuple[bytes, bytes]]:
        """Return all headers of the answer: its own, and those of every answer."""
        names = {name for name, _ in own}
        headers = [*own, *(pair for pair in _HEADERS if pair[0] not in names)]
        varies = []
        if self.origin is not None:
            headers += [
                (b"access-control-allow-origin", self.origin.encode("latin-1")),
                (b"access-control-expose-headers", _SEEN),
            ]
        is_everybodys = self.is_for_all_pages or self.origin is not None
        headers.append(_EVERYBODYS if is_everybodys else _OWN)
        if self._service.options.allowed_origins:
            varies.append(b"Origin")
        if self._scope["path"].startswith(_PRIVATE):
            varies.append(b"Authorization")
            if b"cache-control" not in names:
                headers.append((b"cache-control", b"no-store"))
        if is_text:
            varies.append(b"Accept-Encoding")
        if varies:
            headers.append((b"vary", b", ".join(varies)))
        if self.id:
            headers.append((b"x-request-id", self.id.encode("ascii")))
        return headers

    async def refuse(self, problem: Problem) -> None:
        if self._head is not None:
            self._head = None  # nothing was sent yet
        elif self.status:
            return  # the answer has begun; it just ends
        self.when_begun = lambda: None  # nobody watches the time any more
        response = of_problem(problem)
        await response(self._scope, _nothing, self)

    async def preflight(self, headers: Mapping[str, str]) -> None:
        """Tell a browser what pages of an allowed origin may send."""
        from starlette.responses import Response

        allowed = {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _SENT,
            "Access-Control-Max-Age": "600",
        }
        # From a page of the internet to this machine or its network, Chromium asks for it.
        if headers.get("access-control-request-private-network") == "true":
            allowed["Access-Control-Allow-Private-Network"] = "true"
        await Response(status_code=204, headers=allowed)(self._scope, _nothing, self)

    def finished(self) -> None:
        seconds = time.perf_counter() - self._started
        route = self._scope.get("route")
        name = getattr(route, "path", None) or "other"
        method = self._method if name != "other" else "other"
        self._service.metrics.answered(method, name, self.status, seconds)
        client = self._scope.get("client")
        # Without the query string: what people look for is nobody's business. As it was sent, so
        # that no letter in it makes a line of its own.
        path = self._scope.get("raw_path", b"").partition(b"?")[0].decode("ascii", "replace")
        path = without_tokens(path)
        logger.bind(
            access=True,
            method=self._method,
            path=path,
            status=self.status,
            ms=round(1000 * seconds, 1),
            bytes=self._bytes,
            client=client[0] if client else None,
            token=self.token,
            request_id=self.id or None,
        ).info("{} {} {}", self._method, path, self.status)


def _coded(headers: list[tuple[bytes, bytes]], length: int) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer whose body was compressed to so many bytes."""
    found = [(b"content-encoding", b"gzip"), (b"content-length", b"%d" % length)]
    for name, value in headers:
        if name == b"etag" and not value.startswith(b"W/"):
            found.append((name, b"W/" + value))  # other bytes, of the same meaning
        elif name != b"content-length":
            found.append((name, value))
    return found


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
