"""Ingest pipeline: entries through threads and the model into the library, in whole batches."""

from __future__ import annotations

import contextlib
import time
from collections import Counter, defaultdict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from safelight.hashing import HASH_VERSION
from safelight.imaging.containers.structure import STRUCTURE_VERSION
from safelight.ingest.embed import embed
from safelight.ingest.label import write_labelled
from safelight.ingest.load import Claims, Loaded, load, read_facts
from safelight.ingest.summary import Progress
from safelight.ingest.worklist import Worklist, as_record
from safelight.library.attributes.hashes import HashRecord, write_hashes
from safelight.library.attributes.scores import write_scores
from safelight.library.attributes.structures import write_structures
from safelight.library.items import is_embedded
from safelight.library.spaces import find_space, is_empty
from safelight.library.write import (
    FileRecord,
    ItemRecord,
    keep_vectors,
    write,
    write_facts,
)
from safelight.types import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from safelight.embedding.base import Embedder
    from safelight.ingest.load import KeepFrame
    from safelight.ingest.score import Scoring
    from safelight.ingest.sources.entry import Entry
    from safelight.labels import Classifier
    from safelight.library.database import Database

#: Records are written at least this often, so that little is lost when the process is killed.
SECONDS_BETWEEN_WRITES = 2.0


#: Photos whose facts are read between two writes.
_FACTS_AT_ONCE = 256


class Pipeline:
    """The state of one run: what waits for the model, and what waits to be written."""

    def __init__(
        self,
        library: Database,
        embedder: Embedder,
        namespace: str,
        batch_size: int,
        progress: Callable[[Progress], None],
        scoring: Scoring | None = None,
        classifier: Classifier | None = None,
        *,
        afresh: bool = False,
        keep_frame: KeepFrame | None = None,
    ) -> None:
        self._library = library
        self._afresh = afresh
        self._keep_frame = keep_frame
        self._embedder = embedder
        self._namespace = namespace
        self._batch_size = batch_size
        self._progress = progress
        self._scoring = scoring
        self._classifier = classifier
        self._waiting: list[Loaded] = []  # in order; those without an item wait with the others
        self._to_embed = 0
        self._broken: dict[str, tuple[str, str]] = {}  # content that failed, and why
        self._written_at = time.monotonic()
        self.tally: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.failures: list[Failure] = []
        self.known_at: list[str] = []  # paths at which content was seen that the library knew

    def write_plans(self, plans: Sequence[Worklist]) -> None:
        """Write the records that need no file to be opened."""
        records = [record for plan in plans for record in plan.records]
        with self.stage("write"):
            if records:
                write(self._library, self._namespace, records)
        self.known_at += [record.path for record in records if record.item_id is not None]
        told = [*records, *(record for plan in plans for record in plan.absent)]
        self.failures += [self._failure(record) for record in told if record.code is not None]

    def work(self, entries: Sequence[Entry], threads: int, pixel_limit: int) -> bool:
        """Load, embed and write `entries`; return whether Ctrl-C cut it short."""
        claims = Claims()
        # Two batches ahead: enough to keep the model busy, few enough to keep memory flat.
        ahead = max(2 * self._batch_size, 2 * threads)
        pool = ThreadPoolExecutor(threads, thread_name_prefix="safelight-load")
        source = iter(entries)
        pending: deque[Future[Loaded]] = deque()

        def submit(count: int) -> None:
            for entry in islice(source, count):
                pending.append(
                    pool.submit(
                        load,
                        entry,
                        self._library,
                        self._embedder,
                        claims,
                        pixel_limit,
                        self._scoring,
                        afresh=self._afresh,
                        keep_frame=self._keep_frame,
                    )
                )

        interrupted = False
        done = 0
        try:
            submit(ahead)
            while pending:
                loaded = pending.popleft().result()
                submit(1)
                self._take(loaded)
                done += 1
                self._progress(Progress(done, len(entries), len(self.failures)))
        except KeyboardInterrupt:
            interrupted = True
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        self._flush()
        return interrupted

    def refresh(self, entries: Sequence[Entry], threads: int, pixel_limit: int) -> int:
        """Read the facts of known photos again; return of how many they changed."""
        changed = 0
        for start in range(0, len(entries), _FACTS_AT_ONCE):
            part = entries[start : start + _FACTS_AT_ONCE]
            with ThreadPoolExecutor(threads, thread_name_prefix="safelight-facts") as pool:
                found = list(pool.map(partial(read_facts, pixel_limit=pixel_limit), part))
            records = [each for each in found if each is not None]
            changed += write_facts(self._library, self._namespace, records)
        return changed

    def _take(self, loaded: Loaded) -> None:
        for stage, seconds in loaded.seconds.items():
            self.seconds[stage] += seconds
        self._waiting.append(loaded)
        self._to_embed += loaded.item is not None
        late = time.monotonic() - self._written_at > SECONDS_BETWEEN_WRITES
        if self._to_embed >= self._batch_size or late:
            self._flush()

    def _is_proven(self) -> bool:
        """Tell whether the model has embedded anything, in this run or an earlier one."""
        if self.tally["new"]:
            return True
        space = find_space(self._library, self._embedder.fingerprint)
        return space is not None and not is_empty(self._library, space)

    def _flush(self) -> None:
        waiting, self._waiting, self._to_embed = self._waiting, [], 0
        if not waiting:
            return
        right = [each.item_id for each in waiting if each.was_right and each.item_id]
        if right:
            keep_vectors(self._library, right)
        with self.stage("encode"):
            items, broken = embed(self._embedder, waiting, proven=self._is_proven())
        embedded = {item.id for item in items}
        self._broken |= broken
        self._broken |= {
            loaded.item_id: (loaded.code, loaded.reason or "")
            for loaded in waiting
            if loaded.item_id and loaded.code
        }
        records = []
        for loaded in waiting:
            # A copy of content that failed fails likewise.
            code, reason = self._broken.get(loaded.item_id or "", (loaded.code, loaded.reason))
            if code is None and loaded.item is None and not self._is_written(loaded, embedded):
                self._waiting.append(loaded)  # a copy that came before what it is a copy of
                continue
            # What one model cannot take stays where another has it.
            item_id = loaded.item_id if code in (None, "model") else None
            records.append(_record(loaded, item_id, code, reason))
            self.tally["failed" if code else "known" if loaded.item is None else "new"] += 1
            if code is None and loaded.item is None:
                self.known_at.append(loaded.entry.path)
        with self.stage("write"):
            write(
                self._library,
                self._namespace,
                records,
                items,
                fingerprint=self._embedder.fingerprint,
            )
            write_hashes(
                self._library,
                {
                    loaded.item_id: HashRecord(
                        HASH_VERSION,
                        loaded.hashes.dct256,
                        loaded.hashes.words,
                        loaded.hashes.places,
                    )
                    for loaded in waiting
                    if loaded.item_id in embedded and loaded.hashes is not None
                },
            )
            write_structures(
                self._library,
                {
                    loaded.item_id: loaded.structure
                    for loaded in waiting
                    if loaded.item_id in embedded and loaded.structure is not None
                },
                STRUCTURE_VERSION,
            )
            if self._scoring is not None:
                self._write_scores(self._scoring, waiting, items)
            if self._classifier is not None:
                self._write_labels(self._classifier, items)
        self.failures += [self._failure(record) for record in records if record.code is not None]
        self._written_at = time.monotonic()

    def _write_scores(
        self, scoring: Scoring, waiting: Sequence[Loaded], items: Sequence[ItemRecord]
    ) -> None:
        vectors = {item.id: item.vector for item in items}
        scores = {
            loaded.item_id: scoring.records(
                loaded.measured, vectors[loaded.item_id], self._embedder.fingerprint
            )
            for loaded in waiting
            if loaded.item_id in vectors and loaded.measured is not None
        }
        write_scores(self._library, scores)
        self.tally["scored"] += len(scores)

    def _write_labels(self, classifier: Classifier, items: Sequence[ItemRecord]) -> None:
        vectors = {
            item.id: item.vector
            for item in items
            if item.kind == "photo" and item.vector is not None
        }
        if vectors:
            write_labelled(self._library, classifier, vectors)
            self.tally["labelled"] += len(vectors)

    def _is_written(self, loaded: Loaded, embedded: Container[str]) -> bool:
        item_id = loaded.item_id or ""
        return item_id in embedded or is_embedded(
            self._library, item_id, self._embedder.fingerprint
        )

    def _failure(self, record: FileRecord) -> Failure:
        return Failure(
            record.path,
            self._namespace,
            record.code or "",
            record.reason or "",
            datetime.now(UTC).isoformat(timespec="seconds"),
        )

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - started


def _record(
    loaded: Loaded, item_id: str | None, code: str | None, reason: str | None
) -> FileRecord:
    return as_record(loaded.entry, item_id, code=code, reason=reason, sidecars=loaded.stamp)
