"""Attempts at each chunk, counted to find the photo that kills its worker.

Ray gives a chunk to another worker when one is lost, and would do so forever. Each attempt leaves
a note. When several came to nothing, the photos are taken one by one, each noted before; the one
that was noted last when a worker was lost is a failure from then on.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from safelight.cluster.manifest import RUN
from safelight.errors import ClusterError
from safelight.ingest.load import Loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from safelight.cluster.listing import Listed
    from safelight.cluster.manifest import Chunk
    from safelight.exchange.parquet.locations import Place

#: Attempts at a chunk as a whole; machines are taken away, too.
_WHOLE = 3

#: Attempts at all: what is lost then is lost after its photos were read.
_MOST = 20

_REASON = "ended every process that decoded it"


def loaded_despite(
    place: Place,
    chunk: Chunk,
    listed: Sequence[Listed],
    load: Callable[[Sequence[Listed]], Iterator[Loaded]],
) -> Iterator[Loaded]:
    """Load the entries of a chunk, whatever became of those who tried before.

    Raises
    ------
    ClusterError
        Workers were lost with it too often.
    """
    folder = folder_of(chunk.round)
    attempt = 1
    while place.has(f"{folder}/{chunk.key}.{attempt}"):
        attempt += 1
    if attempt > _MOST:
        raise ClusterError(
            f"{_MOST} workers were lost with the same {chunk.entries} photos, the first of them "
            f"{listed[0].entry.path}. Their memory may be too small: fewer workers, or a smaller "
            "batch size.",
            code="workers-lost",
        )
    place.put_bytes(f"{folder}/{chunk.key}.{attempt}", b"")
    if attempt <= _WHOLE:
        yield from load(listed)
        return
    note = f"{folder}/{chunk.key}.at"
    deadly: list[int] = json.loads(place.read(note) or b"[]")
    for number, each in enumerate(listed):
        if number in deadly:
            entry = replace(each.entry, code="corrupt", reason=_REASON)
            yield Loaded(entry, code=entry.code, reason=entry.reason)
            continue
        place.put_bytes(note, json.dumps([*deadly, number]).encode())
        yield from load([each])
    place.put_bytes(note, json.dumps(deadly).encode())


def folder_of(number: int) -> str:
    """Return where the notes of a round are."""
    return f"{RUN}/attempts/{number:04}"
