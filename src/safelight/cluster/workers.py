"""Actors of a cluster: each loads the model once, and then takes chunk after chunk.

On processors one actor reads, decodes and embeds. A GPU is worth many processors that decode, so
there others do that and pass on what the model takes; Ray Data holds them back when it waits.
"""

from __future__ import annotations

import pickle
import time
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from safelight.cluster.attempts import loaded_despite
from safelight.cluster.chunks import THREADS, Embedding, Loading, part_names, write_rows
from safelight.cluster.manifest import Chunk, read_chunk
from safelight.embedding.load import load_embedder
from safelight.errors import ModelInvalid
from safelight.exchange.parquet.locations import open_place
from safelight.ingest.run import BATCH_SIZE
from safelight.ingest.score import usual_scoring

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from safelight.embedding.base import Embedder
    from safelight.exchange.parquet.locations import Place
    from safelight.ingest.load import Loaded
    from safelight.ingest.score import Scoring
    from safelight.labels import Classifier

    Row = dict[str, Any]
    Batch = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """Parameters that every worker needs.

    Attributes
    ----------
    output : str
        Where the data set lies.
    model, fingerprint : str
        What to load, and what it must turn out to be.
    dimension : int
    device : str
        As for ``--device``.
    batch_size : int or None
    pixel_limit : int
    cores : int
        Of each worker.
    score_weights : str or None
        None without scores.
    classifier : Classifier or None
    """

    output: str
    model: str
    fingerprint: str
    dimension: int
    device: str
    batch_size: int | None
    pixel_limit: int
    cores: int
    score_weights: str | None
    classifier: Classifier | None


class _Worker:
    def __init__(self, work: Work) -> None:
        self.work = work

    @cached_property
    def place(self) -> Place:
        return open_place(self.work.output)

    @cached_property
    def embedder(self) -> Embedder:
        """The model, once it is needed, for as long as the worker lives."""
        found = load_embedder(self.work.model, device=self.work.device, threads=self.work.cores)
        if found.fingerprint != self.work.fingerprint:
            raise ModelInvalid(
                f"The model {self.work.model} is not the same on all machines of the cluster: "
                "its files differ. Put the same ones everywhere.",
                code="other-weights",
            )
        return found

    @cached_property
    def scoring(self) -> Scoring | None:
        weights = self.work.score_weights
        return None if weights is None else usual_scoring(self.embedder, weights)

    @cached_property
    def load(self) -> Loading:
        return Loading(
            self.embedder, self.scoring, self.work.pixel_limit, THREADS * self.work.cores
        )

    @cached_property
    def embed(self) -> Embedding:
        size = self.work.batch_size
        if size is None:
            size = max(BATCH_SIZE, self.embedder.batch_size * self.embedder.workers)
        return Embedding(self.embedder, self.scoring, self.work.classifier, size)

    def loaded(self, chunk: Chunk) -> Iterator[Loaded]:
        return loaded_despite(self.place, chunk, read_chunk(self.place, chunk), self.load)

    def is_done(self, chunk: Chunk) -> bool:
        """Tell whether a worker that was lost had written all before."""
        return self.place.has(part_names(chunk)[1])

    def write(self, chunk: Chunk, loaded: Iterable[Loaded], spent: float = 0.0) -> Row:
        started = time.process_time() - spent
        rows = self.embed(chunk.namespace, loaded)
        write_rows(self.place, chunk, rows, self.work.dimension)
        return report(chunk, len(rows.failures), time.process_time() - started)


class Worker(_Worker):
    """Reads, decodes, embeds and writes chunks."""

    def __call__(self, batch: Batch) -> Batch:
        """Return a report of each chunk, for Ray Data."""
        rows = []
        for chunk in chunks_of(batch):
            if self.is_done(chunk):
                rows.append(report(chunk))
            else:
                rows.append(self.write(chunk, self.loaded(chunk)))
        return table(rows)


class Reader(_Worker):
    """Reads and decodes chunks, for a :class:`Writer`."""

    def __call__(self, batch: Batch) -> Iterator[Batch]:
        """Yield each chunk with what the model takes of it."""
        for chunk in chunks_of(batch):
            loaded, started = None, time.process_time()
            if not self.is_done(chunk):
                loaded = pickle.dumps([*self.loaded(chunk)], protocol=5)
            seconds = time.process_time() - started
            yield table([row_of(chunk) | {"loaded": loaded, "seconds": seconds}])


class Writer(_Worker):
    """Embeds and writes what a :class:`Reader` has decoded."""

    def __call__(self, batch: Batch) -> Batch:
        """Return a report of each chunk."""
        rows = []
        passed = zip(chunks_of(batch), batch["loaded"], batch["seconds"], strict=True)
        for chunk, loaded, seconds in passed:
            if loaded is None:
                rows.append(report(chunk))
            else:
                # What other workers of this cluster have written, and nobody else.
                rows.append(self.write(chunk, pickle.loads(loaded), float(seconds)))
        return table(rows)


def row_of(chunk: Chunk) -> Row:
    """Return a chunk as a row of Ray Data."""
    return asdict(chunk)


def chunks_of(batch: Batch) -> list[Chunk]:
    """Return the chunks of a batch of Ray Data."""
    names = [each.name for each in fields(Chunk)]
    columns = [batch[name] for name in names]
    return [
        Chunk(str(space), *(int(each) for each in numbers))
        for space, *numbers in zip(*columns, strict=True)
    ]


def report(chunk: Chunk, failed: int = 0, seconds: float = 0.0) -> Row:
    """Return the report of a finished chunk; the seconds are of processors."""
    return {"key": chunk.key, "entries": chunk.entries, "failed": failed, "seconds": seconds}


def table(rows: Sequence[Row]) -> Batch:
    """Return rows as a batch of Ray Data."""
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
