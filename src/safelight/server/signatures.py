"""Signed addresses: one GET, for a while, with a token's rights to read.

A browser sends no ``Authorization`` for an ``<img>`` or an ``EventSource``. A signature stands for
it in the address: an HMAC-SHA256 over method, path, query, expiry and the token's id. It names the
token and does not hold its rights, so it never gives more than the token does now, and nothing once
the token is revoked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from safelight.errors import UsageError
from safelight.server.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Seconds that an address is good for, unless its client says otherwise.
USUAL_SECONDS = 900

#: The id of no token: of clients of a server that needs none.
NO_TOKEN = "none"

_FIELDS = ("expires", "token", "signature")

#: What elements of a page load by themselves: pictures, downloads and events.
_SIGNABLE = re.compile(
    r"/api/v1/(photos/[0-9a-f]{64}/(thumbnail|image|focus|original)|[a-z/]+(/[0-9a-f]{32})?/events)"
)

_LONGEST = 2000  # characters of an address


@dataclass(frozen=True, slots=True)
class Signed:
    """A valid signature.

    Attributes
    ----------
    token : str
        The id of the token that it stands for, or :data:`NO_TOKEN`.
    query : bytes
        The query string without the signature.
    """

    token: str
    query: bytes


def sign(key: bytes, url: str, token: str | None, expires: int) -> str:
    """Return an address with its signature.

    Parameters
    ----------
    key : bytes
    url : str
        Path and query on this server.
    token : str, optional
        The id of the token whose rights it gets.
    expires : int
        Seconds since 1970.

    Raises
    ------
    UsageError
        It is not the address of a picture, an original or a stream of events.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # half an IPv6 address
        parts = SplitResult("", "", "", "", "")
    path = unquote(parts.path)
    if parts.scheme or parts.netloc or parts.fragment or not _SIGNABLE.fullmatch(path):
        raise UsageError(
            "is not the path of a thumbnail, image, focus map, original or stream of events, as in "
            "/api/v1/photos/ID/thumbnail?side=320"
        )
    fields = parse_qsl(parts.query, keep_blank_values=True)
    if len(url) > _LONGEST or any(name in _FIELDS for name, _ in fields):
        raise UsageError("is signed already, or too long")
    fields += [("expires", str(expires)), ("token", token or NO_TOKEN)]
    signature = _signature(key, path, fields)
    return f"{quote(path)}?{urlencode([*fields, ('signature', signature)])}"


def is_signed(query: bytes) -> bool:
    """Tell whether a query string brings a signature, valid or not."""
    return b"signature=" in query


def verify(key: bytes, method: str, path: str, query: bytes) -> Signed:
    """Return the signature of a request.

    Raises
    ------
    Problem
        With 403: it is not ours, was made for something else, or has expired.
    """
    fields = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    given = {name: value for name, value in fields if name in _FIELDS}
    if len(given) != len(_FIELDS) or sum(name in _FIELDS for name, _ in fields) != len(_FIELDS):
        raise _invalid()
    covered = [(name, value) for name, value in fields if name != "signature"]
    expected = _signature(key, path, covered)
    is_ours = hmac.compare_digest(expected.encode(), given["signature"].encode("utf-8", "replace"))
    if not is_ours or method not in ("GET", "HEAD"):
        raise _invalid()
    if not int(given["expires"]) > time.time():
        raise Problem(
            403, "This address has expired. Ask for it to be signed again.", "signature-expired"
        )
    own = [(name, value) for name, value in fields if name not in _FIELDS]
    return Signed(given["token"], urlencode(own).encode("ascii"))


def _invalid() -> Problem:
    return Problem(
        403,
        "The signature of this address is not valid here. Ask for it to be signed again.",
        "signature",
    )


def _signature(key: bytes, path: str, fields: Sequence[tuple[str, str]]) -> str:
    # A HEAD is answered as a GET, and signed as one. Each part is coded, so that no text can be
    # read as two parts.
    text = "\n".join(("safelight 1", "GET", quote(path), urlencode(fields)))
    made = hmac.new(key, text.encode("ascii"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode("ascii")
