"""Conditional requests: what the client has already, or insists on (RFC 9110, section 13)."""

from __future__ import annotations

import re
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAG = re.compile(r'(?:W/)?"[^"]*"')


def conditional_status(
    headers: Mapping[str, str], etag: str, modified: float | None = None
) -> int | None:
    """Return 304 or 412 if one of them answers a GET or HEAD; None: send the whole.

    Parameters
    ----------
    headers : mapping
        Of the request, whose names are found in lower case.
    etag : str
        The answer's, in quotes.
    modified : float, optional
        When the answer was last modified, in seconds since 1970.
    """
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if match is not None:
        if not _matches(match, etag, weakly=False):
            return 412
    elif _is_after(modified, headers.get("if-unmodified-since")):
        return 412
    if none_match is not None:
        return 304 if _matches(none_match, etag, weakly=True) else None
    since = seconds_of(headers.get("if-modified-since"))
    if modified is not None and since is not None and int(modified) <= since:
        return 304
    return None


def allows_range(headers: Mapping[str, str], etag: str, modified: float | None) -> bool:
    """Tell whether a part may be sent: ``If-Range``, if there is one, names this very version."""
    version = headers.get("if-range")
    if version is None:
        return True
    if version.lstrip().startswith(('"', "W/")):
        return version.strip() == etag and not etag.startswith("W/")
    return modified is not None and seconds_of(version) == int(modified)


def http_date(seconds: float) -> str:
    """Return a moment as HTTP writes it.

    >>> http_date(784111777)
    'Sun, 06 Nov 1994 08:49:37 GMT'
    """
    return formatdate(int(seconds), usegmt=True)


def seconds_of(date: str | None) -> int | None:
    """Return the seconds since 1970 of a date as HTTP writes it; None if it is none."""
    if date is None:
        return None
    try:
        found = parsedate_to_datetime(date)
        return int(found.timestamp()) if found.tzinfo else None
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _is_after(modified: float | None, date: str | None) -> bool:
    limit = seconds_of(date)
    return modified is not None and limit is not None and int(modified) > limit


def _matches(tags: str, etag: str, *, weakly: bool) -> bool:
    if tags.strip() == "*":
        return True
    known = _TAG.findall(tags)
    if weakly:
        return etag.removeprefix("W/") in [each.removeprefix("W/") for each in known]
    return etag in known and not etag.startswith("W/")
