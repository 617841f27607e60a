"""Parse a request's query with the one grammar, and refuse what a server must not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.errors import QueryError
from safelight.search.query import Query, parse_query

if TYPE_CHECKING:
    from collections.abc import Sequence


def query_of(query: str | None, plus: Sequence[str], minus: Sequence[str]) -> Query:
    """Return a query with added and avoided terms; it may be empty.

    Raises
    ------
    QueryError
        They cannot be parsed.
    """
    found = parse_query(query) if query and query.strip() else Query()
    for body in plus:
        found = found.plus(body)
    for body in minus:
        found = found.plus(body, -1.0)
    return found


def refuse_files(query: Query) -> None:
    """Refuse a query that names a file: a client has no business in the server's folders.

    Raises
    ------
    QueryError
        It does.
    """
    for term in query.terms:
        if term.kind == "image":
            raise QueryError(
                f"{term.value!r} looks like a file, and a query to the server cannot name one. "
                f'Upload the photo, or write text:"{term.value}" to search for these words.',
                path=term.value,
            )
