"""Batches as files: for batches too large for a bus, and for resuming a killed run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from safelight.errors import UsageError
from safelight.pipeline.bus.events import Event, token
from safelight.pipeline.files import read_json, write_json
from safelight.pipeline.messages.uris import to_path, to_uri

if TYPE_CHECKING:
    from pathlib import Path

    from safelight.pipeline.paths import PipelinePaths


def batch_path(places: PipelinePaths, name: str, batch_id: str) -> Path:
    """Return where the batch of an event of this name is kept."""
    return places.batches / f"{token(batch_id)}.{name}.json"


def output_path(places: PipelinePaths, batch_id: str) -> Path:
    """Return where a batch goes that is through."""
    return places.output / f"{token(batch_id)}.json"


def pack(event: Event, places: PipelinePaths, limit: int) -> Event:
    """Return the event as a bus can carry it: with its batch in a file if it is too large.

    Parameters
    ----------
    event : Event
    places : PipelinePaths
    limit : int
        Bytes of the largest event; 0 puts every batch in a file.

    Raises
    ------
    SafelightError
        The file cannot be written.
    """
    if event.batch is None or len(event.encode()) <= limit:
        return event
    path = batch_path(places, event.name, event.batch_id)
    write_json(path, event.batch)
    return replace(event, batch=None, batch_uri=to_uri(path, places.root))


def unpack(event: Event, places: PipelinePaths) -> dict[str, Any]:
    """Return the batch of an event.

    Raises
    ------
    OSError
        Its file cannot be read.
    UsageError
        The file is not among the batches, or holds another batch.
    """
    if event.batch is not None:
        return dict(event.batch)
    path = to_path(event.batch_uri or "", places.root)
    # Whoever may publish could otherwise have any file of this machine read and published.
    if not path.resolve().is_relative_to(places.batches.resolve()):
        raise UsageError(
            f"{event.batch_uri} does not lie in {places.batches}, where batches are.",
            code="bad-uri",
        )
    batch = read_json(path)
    if batch.get("batch_id") != event.batch_id:
        raise UsageError(f"{path} does not hold batch {event.batch_id}.", code="bad-event")
    return batch
