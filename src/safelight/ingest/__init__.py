"""Ingest: the one pipeline from sources to the library.

Threads read, hash and decode ahead; this thread gives batches to the model and writes them, one
transaction a batch. Whatever kills the process, the library holds whole batches, and the next run
goes on with the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safelight.ingest.forget import forget
from safelight.ingest.move_source import move_source
from safelight.ingest.summary import Progress, Summary

if TYPE_CHECKING:
    from safelight.ingest.run import ingest, preview

__all__ = ["Progress", "Summary", "forget", "ingest", "move_source", "preview"]


def __getattr__(name: str) -> Any:
    # Decoders and models are for those who ingest: listing sources takes a third without them.
    if name in ("ingest", "preview"):
        from safelight.ingest import run

        return getattr(run, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
