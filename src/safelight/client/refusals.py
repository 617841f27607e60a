"""Errors of the server, turned into those that the library itself would raise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safelight.errors import (
    ClusterError,
    DecodeError,
    LibraryError,
    LibraryTooNew,
    ModelError,
    ModelInvalid,
    ModelUnavailable,
    PlanError,
    QueryError,
    SafelightError,
    ServerError,
    SourceError,
    SpaceError,
    StoreAway,
    StoreError,
    StoreRefused,
    UsageError,
)
from safelight.files.bounded_json import parse_json
from safelight.types import FAILURE_CODES

if TYPE_CHECKING:
    from collections.abc import Mapping

_BY_CODE: dict[str, type[SafelightError]] = {
    kind.code: kind
    for kind in (
        ClusterError,
        LibraryError,
        LibraryTooNew,
        ModelError,
        ModelInvalid,
        ModelUnavailable,
        PlanError,
        QueryError,
        SourceError,
        SpaceError,
        StoreAway,
        StoreError,
        StoreRefused,
        UsageError,
    )
}
_BY_CODE |= dict.fromkeys(("no-scores", "no-label"), LibraryError)
_BY_CODE["no-plan"] = PlanError

_UNPROCESSABLE = 422

_BY_STATUS: dict[int, type[SafelightError]] = {
    **dict.fromkeys((400, 405, 406, 415, _UNPROCESSABLE), UsageError),
    **dict.fromkeys((404, 409), LibraryError),
}


def error_of(status: int, body: bytes) -> SafelightError:
    """Return the error for an answer that is none.

    Its context has the ``status``, and ``errors`` if fields of the request were not understood.
    """
    problem = _problem(body)
    code, detail = problem.get("code"), problem.get("detail")
    if not isinstance(code, str) or not isinstance(detail, str):
        return ServerError(
            f"The server answered {status}, and not as safelight does. Is it behind another one, "
            "or is this not its address?",
            code="bad-answer",
            status=status,
        )
    context: dict[str, Any] = {"status": status}
    if isinstance(problem.get("errors"), list):
        context["errors"] = problem["errors"]
    return _kind(status, code)(detail, code=code, **context)


def _kind(status: int, code: str) -> type[SafelightError]:
    # A photo and a request can both be too large.
    if status == _UNPROCESSABLE and code in FAILURE_CODES:
        return DecodeError
    return _BY_CODE.get(code) or _BY_STATUS.get(status, ServerError)


def _problem(body: bytes) -> Mapping[str, Any]:
    try:
        found = parse_json(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
