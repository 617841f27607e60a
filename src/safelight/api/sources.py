"""Sources of a library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.arguments import as_list
from safelight.library.cursors import cut, list_query, read_cursor
from safelight.library.files import require_namespace
from safelight.library.sources import SourceStatus, read_sources, source_status

if TYPE_CHECKING:
    from safelight.library.database import Database

__all__ = ["SourceStatus", "list_sources", "page_of_sources"]


def list_sources(
    library: Database,
    namespace: str | None = None,
) -> list[SourceStatus]:
    """Return the sources of a namespace, or of all, and how much of each is there.

    Parameters
    ----------
    namespace : str, optional

    Raises
    ------
    LibraryError
        The library has no such namespace.
    """
    require_namespace(library, namespace)
    return [source_status(library, source) for source in read_sources(library, namespace)]


def page_of_sources(
    library: Database,
    namespaces: tuple[str, ...] | None = None,
    *,
    limit: int = 100,
    cursor: str | None = None,
) -> tuple[list[SourceStatus], str | None]:
    """Return a page of sources, in the order of their coming, and the cursor of the next one.

    Parameters
    ----------
    namespaces : tuple of str, optional
        Only their sources.

    Raises
    ------
    UsageError
        With the code ``cursor``: it is broken, or of other namespaces.
    """
    if namespaces is not None:
        namespaces = tuple(as_list(namespaces, "namespaces", str))
    query = list_query(library, "sources", namespaces)
    after = -1 if cursor is None else read_cursor(query, cursor, int)[0]
    sources = [
        source
        for source in read_sources(library)
        if source.key > after and (namespaces is None or source.namespace in namespaces)
    ]
    page, following = cut(query, sources, limit, lambda source: (source.key,))
    return [source_status(library, source) for source in page], following
