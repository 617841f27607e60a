"""Errors as clients see them: problem details (RFC 9457), without internals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from safelight.errors import (
    ClusterError,
    DecodeError,
    FileError,
    LibraryError,
    LibraryTooNew,
    ModelError,
    ModelInvalid,
    ModelUnavailable,
    PlanError,
    QueryError,
    SafelightError,
    SettingsError,
    SidecarError,
    SourceError,
    SpaceError,
    StoreAway,
    StoreError,
    StoreRefused,
    UsageError,
)
from safelight.imaging.damage import RAISE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The status of each class of errors; the nearest class counts.
STATUS: dict[type[SafelightError], int] = {
    SafelightError: 500,
    UsageError: 400,
    SettingsError: 500,
    QueryError: 400,
    SourceError: 400,
    DecodeError: 422,
    FileError: 422,
    ModelError: 500,
    ModelUnavailable: 503,
    ModelInvalid: 503,
    PlanError: 409,
    SidecarError: 409,
    LibraryError: 500,
    LibraryTooNew: 503,
    SpaceError: 409,
    StoreError: 502,
    ClusterError: 502,
    StoreAway: 503,
    StoreRefused: 502,
}

#: The status of codes that say more than their class.
_BY_CODE = {
    "no-photo": 404,
    "no-focus": 404,
    "no-vector": 404,
    "no-job": 404,
    "no-group": 404,
    "no-plan": 404,
    "unknown-path": 404,
    "no-namespace": 404,
    "no-label-set": 404,
    "cursor-expired": 410,
    "changed": 409,
    "conflict": 409,
    "empty-library": 409,
    "busy": 503,
    "no-library": 503,
    "no-scores": 400,
    "no-label": 400,
    "vector": 422,
    "out-of-memory": 503,
}

TITLES = {
    400: "Bad request",
    401: "A token is needed",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Too slow",
    409: "Conflict",
    410: "No longer kept",
    413: "Too large",
    415: "Unsupported media type",
    421: "Misdirected request",
    422: "Not understood",
    429: "Too many requests",
    500: "Internal error",
    503: "Not available",
    504: "Took too long",
}


class Detail(BaseModel):
    """Problem with one field of a request."""

    field: str
    reason: str


class ProblemDetails(BaseModel):
    """An error, as RFC 9457 has it."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(default="about:blank", description="Always `about:blank`; see `code`.")
    title: str
    status: int
    detail: str = Field(description="What failed, why, and what to do about it.")
    code: str = Field(description="A short, stable name for the reason.")
    errors: list[Detail] | None = Field(default=None, description="Of a request not understood.")


class Problem(HTTPException):
    """A refusal by the server itself.

    An ``HTTPException``, because FastAPI lets no other kind pass that arises while it reads a body.

    Parameters
    ----------
    status : int
    detail : str
        What failed, why, and what to do about it.
    code : str
    headers : mapping, optional
    """

    def __init__(
        self, status: int, detail: str, code: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code = code


def busy(what: str) -> Problem:
    """Return the refusal of what does not fit into a queue any more."""
    return Problem(
        429, f"Too many {what} wait already. Try again in a second.", "busy", {"Retry-After": "1"}
    )


class ProblemResponse(JSONResponse):
    """A response with problem details."""

    media_type = "application/problem+json"


def respond(
    status: int,
    detail: str,
    code: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, str]] | None = None,
) -> ProblemResponse:
    """Return the response for an error."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors is not None:
        body["errors"] = list(errors)
    return ProblemResponse(body, status, headers=dict(headers or {}))


def status_of(error: SafelightError) -> int:
    """Return the status of an error that the library raised."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def for_clients(reason: str) -> str:
    """Return the reason why a photo failed, without advice that no client can follow."""
    return reason.replace(RAISE_LIMIT, "whoever runs the server can raise it")


def of_error(error: SafelightError) -> ProblemResponse:
    """Return the response for an error that the library raised."""
    status = status_of(error)
    headers = {"Retry-After": "5"} if status == 503 else None
    return respond(status, for_clients(str(error)), error.code, headers=headers)
