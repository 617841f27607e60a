"""Processing of a chunk, on any machine: entries to rows, with the code of an ordinary ingest."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from safelight.cluster.manifest import RUN
from safelight.cluster.reading import read, with_cells
from safelight.errors import SpaceError
from safelight.exchange.parquet.columns import failure_schema, photo_schema
from safelight.exchange.parquet.parts import write_part
from safelight.exchange.parquet.to_arrow import failures_to_arrow, photos_to_arrow
from safelight.hashing import HASH_VERSION
from safelight.ingest.embed import embed
from safelight.ingest.label import as_record
from safelight.ingest.load import Claims, Loaded, load_bytes
from safelight.library.attributes.hashes import HashRecord
from safelight.library.rows import FailureRow, FileRow, PhotoRow, Provenance
from safelight.quality.files import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from safelight.cluster.listing import Listed
    from safelight.cluster.manifest import Chunk
    from safelight.embedding.base import Embedder
    from safelight.exchange.parquet.description import Part
    from safelight.exchange.parquet.locations import Place
    from safelight.ingest.score import Scoring
    from safelight.labels import Classifier
    from safelight.library.attributes.labels import LabelledPhoto
    from safelight.library.attributes.scores import ScoreRecord
    from safelight.library.write import ItemRecord

#: Threads of a worker that read and decode: of one core, enough to wait for stores meanwhile.
THREADS = 4


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows and failures of some entries.

    Attributes
    ----------
    photos : list of PhotoRow
        Each content once, with the files among these entries that have it.
    failures : list of FailureRow
    """

    photos: list[PhotoRow] = field(default_factory=list)
    failures: list[FailureRow] = field(default_factory=list)


class Loading:
    """Entries to what the model takes; the first half of the work.

    Parameters
    ----------
    embedder : Embedder
        Whose weights are not needed for it.
    scoring : Scoring or None
    pixel_limit, threads : int
    """

    def __init__(
        self,
        embedder: Embedder,
        scoring: Scoring | None,
        pixel_limit: int,
        threads: int = THREADS,
    ) -> None:
        self._embedder, self._scoring = embedder, scoring
        self._pixel_limit, self._threads = pixel_limit, threads

    def __call__(self, listed: Sequence[Listed]) -> Iterator[Loaded]:
        """Yield each entry in order; only a few are held at a time."""
        claims = Claims()

        def load(each: tuple[Listed, bytes | None]) -> Loaded:
            found = read(*each)
            if isinstance(found, Loaded):
                return found
            data, item_id, entry = found
            if not claims.take(item_id):
                return Loaded(entry, item_id)
            return load_bytes(
                entry, item_id, data, self._embedder, self._pixel_limit, self._scoring
            )

        with closing(in_order(load, with_cells(listed), self._threads)) as results:
            yield from results


class Embedding:
    """Embedding stage: from decoded photos to rows.

    Parameters
    ----------
    embedder : Embedder
    scoring : Scoring or None
    classifier : Classifier or None
        Of the embedder's space.
    batch_size : int
        Photos given to the model at once.

    Raises
    ------
    SpaceError
        The classifier is for the vectors of another model.
    """

    def __init__(
        self,
        embedder: Embedder,
        scoring: Scoring | None,
        classifier: Classifier | None,
        batch_size: int,
    ) -> None:
        if classifier is not None and classifier.fingerprint != embedder.fingerprint:
            raise SpaceError(f"The labels are for another model than {embedder.name}.")
        self._embedder, self._scoring, self._classifier = embedder, scoring, classifier
        self._batch_size = batch_size
        self._proven = False

    def __call__(self, namespace: str, loaded: Iterable[Loaded]) -> Rows:
        """Return the rows of entries."""
        photos: dict[str, PhotoRow] = {}
        broken: dict[str, tuple[str, str]] = {}
        read: list[Loaded] = []  # without what only the model needs
        waiting: dict[str, Loaded] = {}
        for each in loaded:
            read.append(Loaded(each.entry, each.item_id, code=each.code, reason=each.reason))
            if each.item is not None:
                waiting[each.item.id] = each
            elif each.item_id is not None and each.code is not None:
                broken[each.item_id] = (each.code, each.reason or "")
            if len(waiting) >= self._batch_size:
                self._embed(waiting, photos, broken)
        self._embed(waiting, photos, broken)
        return self._rows(namespace, read, photos, broken)

    def _embed(
        self,
        waiting: dict[str, Loaded],
        photos: dict[str, PhotoRow],
        broken: dict[str, tuple[str, str]],
    ) -> None:
        items, refused = embed(self._embedder, waiting.values(), proven=self._proven)
        self._proven = self._proven or bool(items)
        labels = {}
        vectors = {
            item.id: item.vector
            for item in items
            if item.kind == "photo" and item.vector is not None
        }
        if self._classifier is not None and vectors:
            found = self._classifier.classify(np.stack([*vectors.values()]))
            label_set = self._classifier.label_set.version
            labels = {
                photo_id: {label_set: as_record(each)}
                for photo_id, each in zip(vectors, found, strict=True)
            }
        for item in items:
            photos[item.id] = self._photo(item, waiting[item.id], labels.get(item.id, {}))
        broken |= refused
        waiting.clear()

    def _photo(
        self, item: ItemRecord, loaded: Loaded, labels: dict[str, LabelledPhoto]
    ) -> PhotoRow:
        where, now = self._embedder.where, datetime.now(UTC).isoformat(timespec="seconds")
        scores: tuple[ScoreRecord, ...] = ()
        if self._scoring is not None and loaded.measured is not None:
            fingerprint = self._embedder.fingerprint
            scores = tuple(self._scoring.records(loaded.measured, item.vector, fingerprint))
        hashes = None
        if (looks := loaded.hashes) is not None:
            hashes = HashRecord(HASH_VERSION, looks.dct256, looks.words, looks.places)
        taken_at = item.exif.get("taken_at")
        return PhotoRow(
            item.id,
            item.kind,
            item.size,
            item.vector,
            format=item.format,
            width=item.width,
            height=item.height,
            taken_at=None if taken_at is None else str(taken_at),
            exif=json.dumps(dict(item.exif), ensure_ascii=False),
            text=item.text,
            added_at=now,
            scores=scores,
            labels=labels,
            hashes=hashes,
            provenance=Provenance(
                self._embedder.fingerprint,
                self._embedder.name,
                f"{where.runtime}:{where.name}",
                version("safelight"),
                now,
            ),
        )

    def _rows(
        self,
        namespace: str,
        read: Sequence[Loaded],
        photos: dict[str, PhotoRow],
        broken: dict[str, tuple[str, str]],
    ) -> Rows:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        files: dict[str, list[FileRow]] = {}
        failures = []
        for each in read:
            code, reason = broken.get(each.item_id or "", (each.code, each.reason))
            if code is None and each.item_id is not None:
                files.setdefault(each.item_id, []).append(_file(namespace, each))
                continue
            # What one model cannot take may be known about another.
            photo_id = each.item_id if code == "model" else None
            failures.append(FailureRow(_file(namespace, each), photo_id, code, reason, now))
        return Rows(
            [replace(row, files=tuple(files[photo_id])) for photo_id, row in photos.items()],
            failures,
        )


def _file(namespace: str, loaded: Loaded) -> FileRow:
    entry = loaded.entry
    stat = entry.stat
    return FileRow(
        namespace,
        entry.path,
        entry.source_path,
        None if stat is None else stat.size,
        # Of 0 a store has told nothing.
        (stat and stat.mtime_ns) or None,
        (stat and stat.ctime_ns) or None,
        (stat and stat.inode) or None,
        metadata=dict(entry.metadata or {}),
    )


def part_names(chunk: Chunk) -> tuple[str, str]:
    """Return where the failures and the photos of a chunk are written."""
    folder = f"{RUN}/parts/{chunk.round:04}"
    return f"{folder}/{chunk.key}.failures.parquet", f"{folder}/{chunk.key}.photos.parquet"


def write_rows(place: Place, chunk: Chunk, rows: Rows, dimension: int) -> tuple[Part, Part]:
    """Write the rows of a chunk; the photos last, so that their file says that all is there."""
    failures, photos = part_names(chunk)
    batches = [failures_to_arrow(rows.failures)] if rows.failures else []
    one = write_part(place, failures, failure_schema(), batches)
    some = [photos_to_arrow(rows.photos, dimension)] if rows.photos else []
    return one, write_part(place, photos, photo_schema(dimension), some)
