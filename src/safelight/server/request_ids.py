"""Ids of requests: in each answer, each problem and the log, so that one leads to the others."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

HEADER = "x-request-id"

#: The id of the request that is being answered.
current: ContextVar[str | None] = ContextVar("request_id", default=None)

# What proxies and tracing tools send: letters, digits and a few marks. Anything else might be read
# as more than an id where it is logged.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@=+/-]{0,127}")


def request_id(given: str | None) -> str:
    """Return the id that a client gave to its request, or a new one.

    >>> request_id("checkout-42"), len(request_id("two words")), len(request_id(None))
    ('checkout-42', 16, 16)
    """
    return given if given is not None and _ID.fullmatch(given) else secrets.token_hex(8)
