"""Decoder of the server's JSON."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from safelight.errors import ServerError

T = TypeVar("T")


def build(kind: type[T], data: Any) -> T:
    """Return JSON as what a type describes.

    >>> from safelight.schemas import Count
    >>> build(Count, {"name": "beach", "count": 3, "newer": None})
    Count(name='beach', count=3)

    Raises
    ------
    ServerError
        It is something else.
    """
    try:
        answer: T = _adapter(kind).validate_python(data)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise ServerError(
            f"The server's answer does not fit {kind.__name__} ({where}: {first['msg']}). Is it "
            "safelight, and as new as this client?",
            code="bad-answer",
        ) from error
    return answer


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
