"""Shared core of both clients: build requests, turn answers into results or errors."""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx2

from safelight.arguments import as_name
from safelight.client.refusals import error_of
from safelight.errors import ServerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.client.calls import Call
    from safelight.client.multipart import AsyncForm, Form

T = TypeVar("T")

#: How often a request that was refused for now is sent again.
RETRIES = 4

#: How often in a row a download breaks before it is given up.
DOWNLOAD_TRIES = 5

#: Seconds; who asks for more wants to be asked another day.
LONGEST_WAIT = 60.0
_SLOW = 900.0


def options(base_url: str, token: str | None, timeout: float) -> dict[str, Any]:
    """Return the options that both clients are made with."""
    as_name(base_url, "url")
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return {"base_url": base_url, "headers": headers, "timeout": timeout}


def request_of(
    call: Call[Any], timeout: float, form: type[Form] | type[AsyncForm]
) -> dict[str, Any]:
    """Return a call as arguments of ``request``, which can be sent several times.

    Raises
    ------
    SourceError
        A file to send cannot be read.
    """
    found: dict[str, Any] = {
        "method": call.method,
        "url": call.path,
        "params": list(call.params),
        "timeout": max(timeout, _SLOW) if call.is_slow else timeout,
    }
    headers = found["headers"] = {}
    if call.method == "POST":
        headers["Idempotency-Key"] = str(uuid.uuid4())
    if call.json is not None:
        found["content"] = _json(call.json)
        headers["Content-Type"] = "application/json"
    if call.files:
        body = form(call.files, call.form)
        found["content"] = body
        headers |= body.headers
    return found


def _json(body: Any) -> str:
    """Return a body as JSON; numbers of NumPy are numbers, paths are texts.

    Raises
    ------
    UsageError
        It holds something else that JSON cannot say.
    """
    try:
        return json.dumps(body, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"The request cannot be sent as JSON: {error}.") from error


def _plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{value!r} is {type(value).__name__}")


def result_of(call: Call[T], response: httpx2.Response) -> T:
    """Return the decoded answer, or raise its error.

    Raises
    ------
    SafelightError
    """
    if response.status_code not in (200, 201, 202, 204, 207):
        raise error_of(response.status_code, response.content)
    result = call.read(response.content)
    if call.linked is not None:
        result = call.linked(result, _next_cursor(response.headers.get("link", ""), call.cursor))
    return result


def _next_cursor(link: str, name: str) -> str | None:
    """Return the cursor in the address that a ``Link`` header calls the next."""
    found = re.search(r'<([^>]*)>;\s*rel="next"', link)
    values = parse_qs(urlsplit(found[1]).query).get(name, ()) if found else ()
    return values[0] if values else None


def wait_before_next(response: httpx2.Response, sent: int, retries: int) -> float | None:
    """Return the seconds to wait before sending again, or None if this answer is the last.

    Everything that the clients send may come twice: a POST by its key, the others by themselves.

    Parameters
    ----------
    response : Response
    sent : int
        How often it was sent.
    retries : int
        How often it may be sent again.
    """
    if response.status_code not in (429, 503) or sent > retries:
        return None
    wait = seconds_asked(response.headers)
    if wait is None:
        # A server that is too busy comes back; one that says nothing of it may not.
        return 1.0 if response.status_code == 429 else None
    return wait if wait <= LONGEST_WAIT else None


def wait_until_ready(call: Call[Any], response: httpx2.Response, begun: float) -> float | None:
    """Return the seconds to wait for what is not ready, or None: it is, or was waited for.

    Parameters
    ----------
    begun : float
        When the call was first sent, by the monotonic clock.
    """
    left = call.waits - (time.monotonic() - begun)
    if response.status_code != 202 or left <= 0:
        return None
    wait = seconds_asked(response.headers)
    return min(1.0 if wait is None else wait, LONGEST_WAIT, left)


def seconds_asked(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``Retry-After`` asks to wait: a number, or an HTTP date.

    >>> seconds_asked({"retry-after": "120"})
    120.0
    >>> seconds_asked({
    ...     "retry-after": "Sat, 28 Nov 2026 09:30:10 GMT",
    ...     "date": "Sat, 28 Nov 2026 09:30:00 GMT",
    ... })
    10.0
    """
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdecimal():
        return float(asked[:9])
    due = _moment(asked)
    if due is None:
        return None
    # By the server's own clock, if it says what that shows.
    now = _moment(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (due - now).total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def unreachable(url: object, error: Exception) -> ServerError:
    """Return the error for a server that did not answer."""
    if isinstance(error, httpx2.TimeoutException):
        return ServerError(f"{url} did not answer in time.", code="timeout")
    return ServerError(
        f"{url} cannot be reached: {error or type(error).__name__}. Is `safelight serve` running "
        "there?",
        code="unreachable",
    )
