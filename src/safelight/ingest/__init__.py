"""Ingest: the one pipeline from sources to the library.

Threads read, hash and decode ahead; this thread gives batches to the model and writes them, one
transaction a batch. Whatever kills the process, the library holds whole batches, and the next run
goes on with the rest.
"""

from __future__ import annotations

from safelight.ingest.forget import forget
from safelight.ingest.move_source import move_source
from safelight.ingest.run import ingest, preview
from safelight.ingest.summary import Progress, Summary

__all__ = ["Progress", "Summary", "forget", "ingest", "move_source", "preview"]
