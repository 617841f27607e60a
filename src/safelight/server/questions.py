"""From what a request asks to what is embedded: the one grammar, and what a server must not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.errors import QueryError
from safelight.library.items import vectors_by_id
from safelight.query import Query, parse_query
from safelight.server.asking import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from safelight.library.store import Library
    from safelight.query import Term
    from safelight.server.service import Service


def query_of(query: str | None, plus: Sequence[str], minus: Sequence[str]) -> Query:
    """Return a query with what is to be added and avoided; it may be empty.

    Raises
    ------
    QueryError
        They cannot be parsed, or name a file: a client has no business in the server's folders.
    """
    found = parse_query(query) if query and query.strip() else Query()
    for body in plus:
        found = found.plus(body)
    for body in minus:
        found = found.plus(body, -1.0)
    for term in found.terms:
        if term.kind == "image":
            raise QueryError(
                f"{term.value!r} looks like a file, and a query to the server cannot name one. "
                f'Upload the photo, or write text:"{term.value}" to search for these words.',
                path=term.value,
            )
    return found


def question_of(
    library: Library,
    terms: Sequence[Term],
    fingerprint: str,
    namespaces: tuple[str, ...] | None = None,
) -> Question:
    """Return the question that terms make up, with the vectors of photos that they name.

    Parameters
    ----------
    namespaces : tuple of str, optional
        Only photos in these can be named.

    Raises
    ------
    QueryError
        A photo is not known, or its id is not given in full enough.
    """
    question = Question()
    for term in terms:
        if term.kind == "text":
            question.texts.append((term.value, term.weight))
        else:
            question.vectors.append(
                (_vector(library, term.value, fingerprint, namespaces), term.weight)
            )
    return question


async def question_for(
    served: Service,
    terms: Sequence[Term],
    fingerprint: str,
    namespaces: tuple[str, ...] | None = None,
) -> Question:
    """Return what :func:`question_of` does; on a thread, if it has to ask the library."""
    if all(term.kind == "text" for term in terms):
        return question_of(served.library, terms, fingerprint, namespaces)
    return await served.reading.run(question_of, served.library, terms, fingerprint, namespaces)


def _vector(
    library: Library, photo_id: str, fingerprint: str, namespaces: tuple[str, ...] | None
) -> npt.NDArray[np.float32]:
    found = vectors_by_id(library, photo_id, fingerprint, namespaces=namespaces)
    if len(found) != 1:
        problem = (
            "Several photos have ids that begin" if found else "No photo has an id that begins"
        )
        raise QueryError(f"{problem} with {photo_id!r}.", photo_id=photo_id)
    return found[0][1]
