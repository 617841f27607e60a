"""Sources of a library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.arguments import as_list
from safelight.library.files import require_namespace
from safelight.library.sources import SourceStatus, read_sources, source_status

if TYPE_CHECKING:
    from collections.abc import Collection

    from safelight.library.database import Database

__all__ = ["SourceStatus", "list_sources"]


def list_sources(
    library: Database,
    namespace: str | None = None,
    *,
    allowed: str | Collection[str] | None = None,
) -> list[SourceStatus]:
    """Return the sources of a namespace, or of all, and how much of each is there.

    Parameters
    ----------
    namespace : str, optional
    allowed : collection of str, optional
        Namespaces that the caller may see; all if None.

    Raises
    ------
    LibraryError
        The library has no such namespace.
    """
    require_namespace(library, namespace)
    names = None if allowed is None else as_list(allowed, "allowed", str)
    return [
        source_status(library, source)
        for source in read_sources(library, namespace)
        if names is None or source.namespace in names
    ]
