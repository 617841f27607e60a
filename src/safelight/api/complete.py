"""Completion of a query as it is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.arguments import as_count, as_kind
from safelight.search.completion import Completion
from safelight.search.completion import complete as completions

if TYPE_CHECKING:
    from safelight.api.opened import Opened

__all__ = ["Completion", "complete"]


def complete(
    library: Opened, query: str, *, namespace: str | None = None, limit: int = 10
) -> tuple[Completion, ...]:
    """Return how a query can go on: names of filters, or values with how many photos have them.

    Parameters
    ----------
    query : str
        Up to where it is typed: ``cam``, ``a dog camera:ca``, ``keyword:beach,su``.
    namespace : str, optional
        Only values of photos in it.
    limit : int
        Maximum number of completions.

    Raises
    ------
    LibraryError
        There is no such namespace.
    """
    from safelight.library.files import require_namespace

    as_kind(query, "query", "a text", str)
    require_namespace(library.database, namespace)
    return completions(
        library.database,
        query,
        namespaces=None if namespace is None else (namespace,),
        limit=as_count(limit, "limit"),
    )
