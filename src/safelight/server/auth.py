"""Authentication and rights: tokens, hosts, origins."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.routing import APIRoute

from safelight.library.state.tokens import find_token
from safelight.server.config import is_loopback
from safelight.server.errors import Problem
from safelight.server.idempotency import HEADER as KEY_HEADER
from safelight.server.signatures import NO_TOKEN
from safelight.server.unknown_input import (
    StrictRequest,
    check_query,
    parameters_of,
    refuse_body,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from fastapi import Response

    from safelight.library.state.tokens import Token
    from safelight.server.config import ServerConfig
    from safelight.server.idempotency import Once

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Access:
    """Rights of a request.

    Attributes
    ----------
    token : str or None
        The id of the token that it brought.
    may_read, may_write : bool
    namespaces : tuple of str or None
        None: all.
    """

    token: str | None = None
    may_read: bool = True
    may_write: bool = True
    namespaces: tuple[str, ...] | None = None

    def within(self, namespace: str | None) -> tuple[str, ...] | None:
        """Return the namespaces to look into when one, or none, is named.

        Raises
        ------
        Problem
            With 403: this one is not for this token.
        """
        if namespace is None:
            return self.namespaces
        if self.namespaces is not None and namespace not in self.namespaces:
            raise Problem(
                403, f"This token does not allow the namespace {namespace!r}.", "namespace"
            )
        return (namespace,)

    def target(self, namespace: str | None, default: str) -> str:
        """Return the one namespace to write to.

        Raises
        ------
        Problem
            With 403: it is not for this token.
        """
        if namespace is None and self.namespaces is not None and default not in self.namespaces:
            namespace = self.namespaces[0]
        chosen = default if namespace is None else namespace
        self.within(chosen)
        return chosen


#: A server that needs no token, and a request that brings none.
EVERYTHING = Access()

NOTHING = Access(may_read=False, may_write=False, namespaces=())


def access_of(authorization: str | None, known: Sequence[Token], *, needs_token: bool) -> Access:
    """Return the rights of a request with this ``Authorization``.

    Raises
    ------
    Problem
        With 401: it is not a valid token.
    """
    if authorization is None:
        return NOTHING if needs_token else EVERYTHING
    text = bearer_token(authorization)
    token = None if text is None else find_token(known, text)
    if token is None:
        raise unauthorized("This token is invalid or was revoked.", "bad-token")
    return Access(token.id, True, token.may_write, token.namespaces)


def access_of_signer(token_id: str, known: Sequence[Token], *, needs_token: bool) -> Access:
    """Return the rights of an address that was signed for a token: to read, as the token may now.

    Raises
    ------
    Problem
        With 403: the token was revoked, or this server needs one by now.
    """
    if token_id == NO_TOKEN:
        if not needs_token:
            return Access(may_write=False)
    else:
        for each in known:
            if each.id == token_id and each.revoked_at is None:
                return Access(each.id, True, False, each.namespaces)
    raise Problem(
        403, "The token that this address was signed for is not valid any more.", "signature"
    )


def bearer_token(authorization: str) -> str | None:
    """Return the token that an ``Authorization`` brings, valid or not; None: another scheme."""
    scheme, _, text = authorization.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else None


def unauthorized(detail: str, code: str) -> Problem:
    """Return the refusal that asks for a token."""
    challenge = 'Bearer realm="safelight"'
    if code == "bad-token":
        challenge += ', error="invalid_token"'
    return Problem(401, detail, code, {"WWW-Authenticate": challenge})


def check_host(host: str | None, options: ServerConfig) -> None:
    """Refuse a request that was sent to somebody else's name.

    A page that a browser has from elsewhere may let its own name point to this machine: then it
    is of the same origin as what it asks for, but the name gives it away.

    Raises
    ------
    Problem
        With 421.
    """
    name = _name(host or "")
    if name in _LOCAL_NAMES or name == options.host.lower() or name in options.allowed_hosts:
        return
    # An address cannot be made to point elsewhere; where only this machine can reach us, no other
    # one is ours.
    if not is_loopback(options.host) and _is_address(name):
        return
    raise Problem(
        421,
        f"This server is not called {name!r}. If it should be, start it with --allow-host {name}."
        if name
        else "The request does not say whom it is for: it has no Host.",
        "host",
    )


def check_origin(
    method: str,
    headers: Mapping[str, str],
    path: str,
    options: ServerConfig,
    *,
    is_signed: bool = False,
) -> None:
    """Refuse what a page of another origin makes a browser send.

    For a picture a browser does not say which page it is for. If some may use this server, they
    have signed addresses.

    Raises
    ------
    Problem
        With 403.
    """
    origin = headers.get("origin")
    if origin is not None:
        if origin in options.allowed_origins or _same(origin, headers.get("host", "")):
            return
        raise Problem(
            403,
            f"Pages of {origin[:200]} may not use this server. If they should, start it with "
            "--allow-origin.",
            "origin",
        )
    site = headers.get("sec-fetch-site", "none")
    if site in ("none", "same-origin"):
        return
    if method in _SAFE and headers.get("sec-fetch-mode") == "navigate":
        return  # somebody followed a link; the other page sees nothing of the answer
    if is_signed and options.allowed_origins:
        return
    raise Problem(403, f"Pages of other sites may not use {path}.", "origin")


def _same(origin: str, host: str) -> bool:
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


def _name(host: str) -> str:
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


# Coroutines, though they wait for nothing: FastAPI calls plain functions on a thread.
async def _reader(request: Request) -> Access:
    access: Access = request.scope["access"]
    if not access.may_read:
        raise unauthorized("Bring a token: Authorization: Bearer TOKEN.", "no-token")
    return access


async def _writer(request: Request) -> Access:
    access = await _reader(request)
    if not access.may_write:
        raise Problem(403, "This token allows reading only.", "read-only")
    return access


#: Who may write may read: the first check that an endpoint depends on does.
_RIGHTS = (("write", _writer), ("read", _reader))


class GuardedRoute(APIRoute):
    """Route that asks what a request may do before a byte of its body is read.

    FastAPI reads and parses a body before it resolves what an endpoint depends on. It passes over
    what an endpoint does not know, as well; here that is refused. The right that it needs stands in
    the OpenAPI document.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        called = [each.call for each in self.dependant.dependencies]
        right = next((right for right, check in _RIGHTS if check in called), None)
        self.openapi_extra = {
            "security": [] if right is None else [{"token": [right]}],
            **(self.openapi_extra or {}),
        }

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of a request: the checks, then FastAPI's own."""
        answer = super().get_route_handler()
        called = [each.call for each in self.dependant.dependencies]
        self._rights = next((check for _, check in _RIGHTS if check in called), None)
        self._parameters = parameters_of(self.dependant)
        is_once = self.takes_key
        takes_body = self.body_field is not None or "requestBody" in (self.openapi_extra or {})

        async def checked(request: Request) -> Response:
            await self.check(request)
            if takes_body:
                request = StrictRequest(request.scope, request.receive)
            else:
                await refuse_body(request)
            key = request.headers.get(KEY_HEADER) if is_once else None
            if key is None:
                return await answer(request)
            once: Once = request.app.state.service.once
            token = request.scope["access"].token
            return await once.answer(request, token, key, lambda: answer(request))

        return checked

    @property
    def takes_key(self) -> bool:
        """True of a POST that does something: with an ``Idempotency-Key``, it does it once."""
        calls = [each.call for each in self.dependant.dependencies]
        return "POST" in (self.methods or ()) and _writer in calls

    async def check(self, request: Request) -> None:
        """Raise unless the request may do what the endpoint does, and asks for what it knows.

        Raises
        ------
        Problem
            With 401, 403 or 422.
        """
        if self._rights is not None:
            await self._rights(request)
        check_query(request, self._parameters)


#: What an endpoint takes to be for those only who may read, or write.
Reader = Annotated[Access, Depends(_reader)]
Writer = Annotated[Access, Depends(_writer)]
