"""Errors as clients see them: problem details (RFC 9457), without internals."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.responses import Response
from starlette.exceptions import HTTPException

from safelight.schemas import ProblemDetails
from safelight.schemas.problems import code_of, known_code
from safelight.server import request_ids
from safelight.server.client_texts import for_clients

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.errors import SafelightError
    from safelight.schemas import FieldProblem, ProblemCode


#: Phrases that Python's versions do not agree on.
_PHRASES = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}


class Problem(HTTPException):
    """A refusal by the server itself.

    An ``HTTPException``, because FastAPI lets no other kind pass that arises while it reads a body.

    Parameters
    ----------
    status : int
        That of its code.
    detail : str
        What failed, why, and what to do about it.
    code : str
        One of :class:`safelight.schemas.ProblemCode`.
    headers : mapping, optional
    errors : sequence of FieldProblem, optional
        What is wrong with which field.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        code: str,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldProblem] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.errors = errors
        known = known_code(code)
        assert known is not None, f"unknown code {code}"
        assert known.status == status, f"{code} is {known.status}, not {status}"
        self.code = known


def busy(what: str) -> Problem:
    """Return the refusal of what does not fit into a queue any more."""
    return Problem(
        429, f"Too many {what} wait already. Try again in a second.", "busy", {"Retry-After": "1"}
    )


class ProblemResponse(Response):
    """A response with problem details."""

    media_type = "application/problem+json"


def respond(
    detail: str,
    code: ProblemCode,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldProblem] | None = None,
    restricted: bool = False,
) -> ProblemResponse:
    """Return the response for an error; its status is the code's unless another one is given."""
    status = code.status if status is None else status
    problem = ProblemDetails(
        title=_PHRASES.get(status) or HTTPStatus(status).phrase,
        status=status,
        detail=for_clients(detail, restricted=restricted),
        code=code.value,
        errors=None if errors is None else tuple(errors),
        request_id=request_ids.current.get(),
    )
    return ProblemResponse(problem.model_dump_json(), status, headers=dict(headers or {}))


def of_problem(problem: Problem, *, restricted: bool = False) -> ProblemResponse:
    """Return the response for a refusal by the server itself, as this client may read it."""
    return respond(
        problem.detail,
        problem.code,
        headers=problem.headers,
        errors=problem.errors,
        restricted=restricted,
    )


def of_error(error: SafelightError, *, restricted: bool = False) -> ProblemResponse:
    """Return the response for an error that the library raised, as this client may read it."""
    code = code_of(error)
    headers = {"Retry-After": "5"} if code.status == 503 else None
    return respond(str(error), code, headers=headers, restricted=restricted)
