"""Sources of a library: list them, relocate them, and forget what came from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.ingest.forget import forget
from safelight.ingest.move_source import Moved, move_source
from safelight.library.files import require_namespace
from safelight.library.forget import Forgotten
from safelight.library.sources import SourceStatus, read_sources, source_status

if TYPE_CHECKING:
    from collections.abc import Collection

    from safelight.library.database import Database

__all__ = ["Forgotten", "Moved", "SourceStatus", "forget", "list_sources", "move_source"]


def list_sources(
    library: Database,
    namespace: str | None = None,
    *,
    allowed: Collection[str] | None = None,
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
    return [
        source_status(library, source)
        for source in read_sources(library, namespace)
        if allowed is None or source.namespace in allowed
    ]
