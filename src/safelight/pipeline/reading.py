"""Photo files, read once; and what to say of one that cannot be read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.errors import DecodeError, SafelightError
from safelight.ingest.load import MAX_FILE_BYTES
from safelight.sources.entry import explain

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a photo failed.

    Attributes
    ----------
    code : str
        One of :data:`safelight.model.FAILURE_CODES`, or ``bad-uri``.
    reason : str
        For people.
    """

    code: str
    reason: str

    @classmethod
    def of(cls, error: Exception, uri: str) -> Problem:
        """Return what an error means for the photo at `uri`."""
        if isinstance(error, DecodeError):
            return cls(error.code, f"{uri} {error}")
        if isinstance(error, SafelightError):
            return cls(error.code, str(error))
        if isinstance(error, OSError):
            code, reason = explain(error)
            return cls(code, f"{uri} {reason}")
        return cls("io", f"{uri} cannot be read: {error}")


def read_photo(path: Path) -> bytes:
    """Return the bytes of a photo file.

    Raises
    ------
    OSError
        It cannot be read.
    DecodeError
        It is too large for a photo.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
                raise DecodeError(
                    f"is larger than {MAX_FILE_BYTES // 1024**3} GiB, too large for a photo",
                    code="too-large",
                )
            return file.read()
    except ValueError as exc:  # a NUL in its name
        raise DecodeError("is not a possible path", code="bad-name") from exc
