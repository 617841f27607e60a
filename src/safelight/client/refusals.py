"""Errors of the server, turned into those that the library itself would raise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safelight.errors import LibraryError, SafelightError, ServerError, UsageError
from safelight.files.bounded_json import parse_json
from safelight.schemas.problems import known_code

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Of codes that a newer server has.
_BY_STATUS: dict[int, type[SafelightError]] = {
    **dict.fromkeys((400, 405, 406, 411, 413, 414, 415, 416, 417, 422, 431), UsageError),
    **dict.fromkeys((404, 409, 412), LibraryError),
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
    known = known_code(code)
    return _BY_STATUS.get(status, ServerError) if known is None else known.kind


def _problem(body: bytes) -> Mapping[str, Any]:
    try:
        found = parse_json(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
