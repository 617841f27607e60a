"""Times of files as moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_of(nanoseconds: int) -> datetime:
    """Return the moment of a file's time, also one before 1970, which not every system converts.

    >>> moment_of(-86_400_000_000_000).date().isoformat()
    '1969-12-31'
    """
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
