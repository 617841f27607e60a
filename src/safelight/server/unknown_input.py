"""Unknown, repeated and empty input: one check for parameters, bodies and forms of all calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args, get_origin

from fastapi import Request
from starlette.datastructures import UploadFile

from safelight.files.bounded_json import JsonError, parse_json
from safelight.schemas import FieldProblem
from safelight.server.errors import Problem
from safelight.server.messages import sentence, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fastapi.dependencies.models import Dependant
    from starlette.datastructures import FormData

#: What clients send as the body of a call that takes none.
_NO_BODY = (b"", b"{}", b"null")


class StrictRequest(Request):
    """Request whose JSON is read strictly: no key twice, no NaN, not too deep."""

    async def json(self) -> Any:
        """Return the JSON of the body."""
        return strict_json(await self.body())


def strict_json(body: bytes) -> Any:
    """Return what JSON says, of which all readers agree what it says.

    Raises
    ------
    Problem
        With 422.
    """
    try:
        return parse_json(body, strict=True)
    except JsonError as error:
        raise invalid(
            [FieldProblem(pointer="#", field="body", reason=f"is not JSON: {error}")]
        ) from error


def invalid(problems: Sequence[FieldProblem]) -> Problem:
    """Return the refusal of a request for problems of its fields."""
    detail = sentence(problems[0])
    if len(problems) > 1:
        detail += f" {len(problems) - 1} more in `errors`."
    return Problem(422, detail, "invalid", errors=problems)


def parameters_of(dependant: Dependant) -> dict[str, bool]:
    """Return the query parameters of a call, and of each whether it may be given several times."""
    found = {field.alias: _is_list(field.field_info.annotation) for field in dependant.query_params}
    for each in dependant.dependencies:
        found |= parameters_of(each)
    return found


def check_query(request: Request, known: Mapping[str, bool]) -> None:
    """Refuse query parameters that a call does not have, that come twice, or that are empty.

    Raises
    ------
    Problem
        With 422.
    """
    if not request.scope["query_string"]:
        return
    problems = []
    seen = set()
    for name, value in request.query_params.multi_items():
        if name not in known:
            problems.append(unknown(name, known, "query"))
        elif name in seen and not known[name]:
            problems.append(FieldProblem(field=f"query.{name}", reason="is given twice"))
        elif not value.strip():
            reason = "is empty. Leave it out to have all, or what is usual"
            problems.append(FieldProblem(field=f"query.{name}", reason=reason))
        seen.add(name)
    if problems:
        raise invalid(problems)


async def refuse_body(request: Request) -> None:
    """Refuse the body of a call that takes none: what it asks for would be passed over.

    Raises
    ------
    Problem
        With 422.
    """
    headers = request.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return
    if (await request.body()).strip() not in _NO_BODY:
        reason = "has a body, and this call takes none"
        raise invalid([FieldProblem(pointer="#", field="body", reason=reason)])


def check_form(form: FormData, *, files: Iterable[str] = (), texts: Iterable[str] = ()) -> None:
    """Refuse parts of a form that a call does not have, of another kind, or that come twice.

    Parameters
    ----------
    files, texts : iterable of str
        Names of parts; one that ends in ``*`` may come several times.

    Raises
    ------
    Problem
        With 422.
    """
    kinds = {name.rstrip("*"): "a file" for name in files}
    kinds |= {name.rstrip("*"): "a text" for name in texts}
    several = {name.rstrip("*") for name in (*files, *texts) if name.endswith("*")}
    problems = []
    seen = set()
    for name, value in form.multi_items():
        pointer = f"#/{name}"
        kind = "a file" if isinstance(value, UploadFile) else "a text"
        if name not in kinds:
            problems.append(unknown(name, kinds, "body", pointer))
        elif kind != kinds[name]:
            problems.append(
                FieldProblem(
                    pointer=pointer,
                    field=f"body.{name}",
                    reason=f"should be {kinds[name]}, not {kind}"
                    + (": its part needs a filename" if kind == "a text" else ""),
                )
            )
        elif name in seen and name not in several:
            problems.append(
                FieldProblem(pointer=pointer, field=f"body.{name}", reason="is given twice")
            )
        seen.add(name)
    if problems:
        raise invalid(problems)


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return True
    return any(map(_is_list, get_args(annotation)))
