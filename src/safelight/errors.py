"""Every error that safelight raises on purpose.

    SafelightError
    ├── UsageError            the call itself is wrong
    │   ├── SettingsError     a setting has an impossible value
    │   └── QueryError        a query cannot be parsed
    ├── FileError             what lies at a path is not a file that can be read (an OSError, too)
    ├── SourceError           a folder, list or text file to ingest cannot be read
    ├── DecodeError           a file cannot be turned into a frame
    ├── ModelError            a model cannot be used
    │   ├── ModelUnavailable  it is not on this machine and cannot be fetched
    │   └── ModelInvalid      its files are missing, broken or not understood
    ├── PlanError             a plan, or what was applied of it, cannot be used
    ├── SidecarError          an XMP sidecar cannot be read or added to
    ├── ClusterError          a cluster cannot be reached, or loses what it was to do
    ├── ServerError           a server cannot be reached, or will not do what it is asked
    ├── LibraryError          the library file cannot be used
    │   ├── LibraryTooNew     it was written by a newer safelight
    │   └── SpaceError        vectors of one space were offered to another
    └── StoreError            a vector store cannot be used
        ├── StoreAway         it does not answer now; the same may work later
        └── StoreRefused      it does not take what it was sent, and never will

A message says what failed, on which file or name, why, and what to do about it.
"""

from __future__ import annotations

import errno
from typing import Any


class SafelightError(Exception):
    """Base of every error raised on purpose.

    Attributes
    ----------
    code : str
        A short, stable name for the reason, for programs to compare with.
    context : dict
        The names and numbers that the message mentions. Its ``hint`` names the way out, which the
        command line puts in words of its flags.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, **context: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.context = context

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword arguments are lost by the default, and errors do cross process borders.
        return _rebuild, (type(self), self.message, self.code, self.context)


def _rebuild(
    kind: type[SafelightError], message: str, code: str, context: dict[str, Any]
) -> SafelightError:
    return kind(message, code=code, **context)


class UsageError(SafelightError):
    """The call itself is wrong: an unknown name, options that exclude each other."""

    code = "usage"


class SettingsError(UsageError):
    """A setting has a value that it cannot have."""

    code = "settings"


class QueryError(UsageError):
    """A query cannot be parsed."""

    code = "query"


class FileError(SafelightError, OSError):
    """A path does not lead to a regular file of a bearable size.

    It is an ``OSError`` as well: what handles a file that is missing or may not be read handles
    this one. ``code`` is ``bad-name`` (no file can have this path), ``not-a-file`` (a folder, pipe,
    socket or device), ``too-large`` or ``io``.

    Attributes
    ----------
    reason : str
        To follow the path: "is a folder".
    strerror : str
        To follow "cannot be read:", as of every ``OSError``.
    """

    code = "io"

    def __init__(self, message: str, *, code: str | None = None, **context: Any) -> None:
        super().__init__(message, code=code, **context)
        self.reason: str = context.get("reason", message)
        self.strerror = f"it {self.reason}" if "reason" in context else message
        self.filename = context.get("path")
        self.errno = context.get("errno", errno.EINVAL)


class SourceError(SafelightError):
    """A folder, list or text file to ingest cannot be read at all."""

    code = "source"


class DecodeError(SafelightError):
    """A file cannot be turned into a frame.

    ``code`` is one of :data:`safelight.types.FAILURE_CODES`.
    """

    code = "corrupt"


class ModelError(SafelightError):
    """A model cannot be used."""

    code = "model-unusable"


class ModelUnavailable(ModelError):
    """A model is not on this machine and cannot be fetched."""

    code = "model-unavailable"


class ModelInvalid(ModelError):
    """A model's files are missing, broken, or of a kind that is not understood."""

    code = "model-invalid"


class PlanError(SafelightError):
    """A plan, or the journal of what was applied of it, cannot be used."""

    code = "plan"


class SidecarError(SafelightError):
    """An XMP sidecar cannot be read or added to; the message is to follow the file's name."""

    code = "sidecar"


class ClusterError(SafelightError):
    """A cluster cannot be reached, or loses again and again what it was to do."""

    code = "cluster"


class ServerError(SafelightError):
    """A server cannot be reached, or will not do what it is asked; only clients raise it."""

    code = "server"


class LibraryError(SafelightError):
    """The library file cannot be used."""

    code = "library"


class LibraryTooNew(LibraryError):
    """The library was written by a newer safelight."""

    code = "library-too-new"


class SpaceError(LibraryError):
    """Vectors of one space were used with another."""

    code = "space"


class StoreError(SafelightError):
    """A vector store cannot be used."""

    code = "store"


class StoreAway(StoreError):
    """A vector store does not answer now; the same may work later."""

    code = "store-away"


class StoreRefused(StoreError):
    """A vector store does not take what it was sent, and never will."""

    code = "store-refused"
