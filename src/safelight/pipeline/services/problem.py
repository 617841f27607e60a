"""Failure of a photo in a batch."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.errors import DecodeError, SafelightError
from safelight.ingest.sources.entry import explain


@dataclass(frozen=True, slots=True)
class Problem:
    """Failure of a photo.

    Attributes
    ----------
    code : str
        One of :data:`safelight.types.FAILURE_CODES`, or ``bad-uri``.
    reason : str
        For people.
    """

    code: str
    reason: str

    @classmethod
    def of(cls, error: Exception, uri: str) -> Problem:
        """Return the problem that an error means for the photo at `uri`."""
        if isinstance(error, DecodeError):
            return cls(error.code, f"{uri} {error}")
        if isinstance(error, SafelightError):
            return cls(error.code, str(error))
        if isinstance(error, OSError):
            code, reason = explain(error)
            return cls(code, f"{uri} {reason}")
        return cls("io", f"{uri} cannot be read: {error}")
