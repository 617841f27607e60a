"""Run on a cluster: list, embed, merge; every step resumes where an earlier run stopped."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.cluster.attempts import folder_of
from safelight.cluster.chunks import part_names
from safelight.cluster.flow import embed_chunks, merge_round
from safelight.cluster.manifest import RUN, path_digest, read_known, read_rounds, write_round
from safelight.cluster.merging import digits_for
from safelight.cluster.recipe import Recipe, check_same, read_recipe, write_recipe
from safelight.errors import ClusterError, UsageError
from safelight.exchange.parquet.description import (
    FAILURES,
    UNFINISHED,
    Description,
    Part,
    find_description,
    write_description,
)
from safelight.exchange.parquet.locations import open_place
from safelight.exchange.parquet.parts import read_failures
from safelight.files.bounded_json import parse_json
from safelight.hashing import HASH_VERSION
from safelight.ingest import Progress
from safelight.library.attributes.label_sets import LabelSet
from safelight.types import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from safelight.cluster.listing import Listing
    from safelight.cluster.manifest import Chunk, Round
    from safelight.cluster.merging import Merged
    from safelight.cluster.workers import Work
    from safelight.embedding.base import Embedder
    from safelight.exchange.parquet.locations import Place
    from safelight.ingest.score import Scoring
    from safelight.types import Space

#: What the model takes of a chunk is in memory, and on its way to a GPU, at once.
_A_CHUNK_BYTES, _MOST, _LEAST = 128 * 1024**2, 256, 16

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Summary:
    """Summary of a run.

    Attributes
    ----------
    output : str
        The data set.
    new : int
        Photos and texts that it had not.
    known : int
        Further files with content that it has: copies.
    unchanged, failing : int
        Files that were not opened; those that failed before and have not changed.
    failed : int
        Files that failed now.
    photos, failures : int or None
        All that the data set has of them; None if nothing was merged.
    continued : int
        Files among these that an earlier run had listed and not finished.
    workers : int
    device : str or None
        What the model ran on; None if there was nothing to embed.
    interrupted : bool
    seconds : float
    stages : dict
        Seconds by stage; ``work`` is those of processors, of all workers together.
    shown : list of (str, str)
        Path and reason of a few that failed.
    """

    output: str
    namespace: str
    space: str
    model: str
    new: int = 0
    known: int = 0
    unchanged: int = 0
    failing: int = 0
    failed: int = 0
    photos: int | None = None
    failures: int | None = None
    continued: int = 0
    workers: int = 0
    device: str | None = None
    interrupted: bool = False
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    shown: list[tuple[str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return asdict(self)


class Run:
    """One run into one data set; not two at a time.

    Parameters
    ----------
    work : Work
        What the workers are told; `work.output` is the data set.
    embedder : Embedder
        The model, as this process has it; only its names and numbers are used.
    space : Space
    scoring : Scoring or None
    connect : callable
        Returns a context in which there is a cluster; see
        :func:`safelight.cluster.engine.cluster`. It is not asked if there is nothing to do.
    workers : int, optional
        Actors that embed; one for each processor, or GPU, if not given.
    gpu : bool
    apart : bool, optional
        As of :func:`safelight.cluster.flow.embed_chunks`.
    progress : callable
        Told how far the run is.
    """

    def __init__(
        self,
        work: Work,
        embedder: Embedder,
        space: Space,
        scoring: Scoring | None,
        connect: Callable[[], Any],
        *,
        workers: int | None = None,
        gpu: bool = False,
        apart: bool | None = None,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._work, self._embedder, self._space = work, embedder, space
        self._connect, self._workers, self._gpu, self._apart = connect, workers, gpu, apart
        self._progress = progress
        self._place: Place = open_place(work.output)
        label_set = work.classifier.label_set.version if work.classifier else None
        scores = None if scoring is None else dict(scoring.versions)
        self._recipe = Recipe(embedder.fingerprint, scores, label_set, HASH_VERSION)
        self._stages: dict[str, float] = {}
        self._connected: Any = None

    def bring_up_to_date(
        self, listings: Sequence[Listing], namespace: str, *, retry_failed: bool = False
    ) -> Summary:
        """Finish what an earlier run has left; then list, embed and merge what is new.

        Ctrl-C stops it cleanly, and the summary says ``interrupted``; the next run goes on.

        Raises
        ------
        SourceError
            A source cannot be listed, or the data set not be read or written.
        UsageError
            The data set was made in another way.
        ClusterError
            The cluster cannot be reached, or fails.
        ModelError
            The model cannot be loaded, or fails on everything it is given.
        """
        started = time.perf_counter()
        self._summary = Summary(
            self._place.shown, namespace, self._embedder.fingerprint, self._embedder.name
        )
        interrupted = False
        try:
            with ExitStack() as stack:
                self._stack = stack
                self._bring(listings, namespace, retry_failed=retry_failed)
        except KeyboardInterrupt:
            interrupted = True
        return replace(
            self._summary,
            interrupted=interrupted,
            seconds=time.perf_counter() - started,
            stages=dict(self._stages),
        )

    def _bring(self, listings: Sequence[Listing], namespace: str, *, retry_failed: bool) -> None:
        there = read_recipe(self._place)
        if there is not None:
            check_same(self._place, there, self._recipe)
        elif find_description(self._place) is not None:
            raise UsageError(
                f"The data set at {self._place.shown} was not made by a cluster, which could not "
                "tell what is new. Give another output.",
                code="other-recipe",
            )
        rounds = read_rounds(self._place)
        for each in rounds[len(self._done()) :]:
            self._work_off(each, continued=True)
        with self._stage("list"):
            found = write_round(
                self._place,
                len(rounds),
                namespace,
                (each for listing in listings for each in listing.entries()),
                known=read_known(self._place, rounds),
                failing=self._failing() if rounds else frozenset(),
                retry_failed=retry_failed,
                most=self._most(),
            )
        self._add(unchanged=found.unchanged, failing=found.failing)
        if found.entries:
            self._work_off(found)
        totals = self._totals(self._done())
        if totals is not None:
            self._summary = replace(self._summary, photos=totals[0], failures=totals[1])

    def _work_off(self, this: Round, *, continued: bool = False) -> None:
        """Embed what is missing of a round, and merge it."""
        there = read_recipe(self._place)
        if there is None:
            there = replace(self._recipe, digits=digits_for(this.entries))
            write_recipe(self._place, there)
        described = find_description(self._place)
        if described is None:
            self._place.put_bytes(UNFINISHED, b"")
        parts = set(self._place.sizes(f"{RUN}/parts/{this.number:04}"))
        chunks = list(this.chunks())
        missing = [chunk for chunk in chunks if part_names(chunk)[1] not in parts]
        left = sum(chunk.entries for chunk in missing)
        if continued:
            self._add(continued=left)
        with self._stage("start"):
            ray = self._ray()
        if missing:
            with self._stage("embed"):
                self._embed(ray, missing, left)
        with self._stage("merge"):
            merged = list(
                merge_round(
                    self._place,
                    this,
                    output=self._work.output,
                    dimension=self._embedder.dimension,
                    digits=there.digits,
                )
            )
        write_description(self._place, self._described(described or Description(self._space)))
        self._place.remove([UNFINISHED])
        self._place.put_bytes(_done_name(this.number), _to_json(merged))
        self._place.remove(name for chunk in chunks for name in part_names(chunk))
        self._place.remove(self._place.sizes(folder_of(this.number)))
        added = sum(each.added for each in merged)
        self._add(
            new=added,
            known=sum(each.files for each in merged) - added,
            failed=sum(each.failed for each in merged),
        )
        shown = [pair for each in merged for pair in each.shown]
        self._summary = replace(
            self._summary,
            shown=sorted((str(path), str(why)) for path, why in [*self._summary.shown, *shown])[
                :_SHOWN
            ],
        )

    def _embed(self, ray: Any, missing: Sequence[Chunk], left: int) -> None:
        resources = ray.cluster_resources()
        have = resources.get("GPU", 0) if self._gpu else resources.get("CPU", 1) // self._work.cores
        if have < 1:
            what = "GPU" if self._gpu else f"machine with {self._work.cores} processors"
            raise ClusterError(f"The cluster has no {what} to give.", code="no-resources")
        workers = min(self._workers or int(have), len(missing))
        self._summary = replace(
            self._summary,
            workers=workers,
            device="GPUs" if self._gpu else "processors",
        )
        done = failed = 0
        for row in embed_chunks(
            ray, missing, self._work, workers, gpu=self._gpu, apart=self._apart
        ):
            done += int(row["entries"])
            failed += int(row["failed"])
            self._stages["work"] = self._stages.get("work", 0.0) + float(row["seconds"])
            self._progress(Progress(done, left, failed))

    def _ray(self) -> Any:
        """Return Ray; connected when it is first asked for."""
        if self._connected is None:
            self._connected = self._stack.enter_context(self._connect())
        return self._connected

    def _described(self, before: Description) -> Description:
        """Return the data set's description, with the label set of this run."""
        if self._work.classifier is None:
            return before
        found = self._work.classifier.label_set
        sets = {each.version: each for each in before.label_sets}
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        sets.setdefault(
            found.version,
            LabelSet(found.version, tuple(found.labels), tuple(found.templates), now),
        )
        return replace(before, label_sets=tuple(sets.values()))

    def _done(self) -> list[dict[str, tuple[int, int]]]:
        """Return of each round that is finished how many photos and failures prefixes had."""
        found = []
        for name in sorted(self._place.sizes(f"{RUN}/done")):
            data = self._place.read(name)
            if data is not None and name.endswith(".json"):
                said = parse_json(data)
                found.append({prefix: (each[0], each[1]) for prefix, each in said.items()})
        return found

    def _totals(self, rounds: Sequence[dict[str, tuple[int, int]]]) -> tuple[int, int] | None:
        latest: dict[str, tuple[int, int]] = {}
        for each in rounds:
            latest |= each
        if not rounds:
            return None
        return sum(each[0] for each in latest.values()), sum(each[1] for each in latest.values())

    def _failing(self) -> frozenset[tuple[int, int]]:
        return frozenset(
            path_digest(row.file.namespace, row.file.path)
            for name in self._place.sizes(FAILURES)
            if name.endswith(".parquet")
            for rows in read_failures(self._place, Part(name))
            for row in rows
        )

    def _most(self) -> int:
        """Return how many entries a chunk has at most."""
        side = self._embedder.min_side
        frame = Frame(np.zeros((side, side, 3), np.uint8), side, side, "PNG")
        takes = max(1, self._embedder.prepare(frame).nbytes)
        return max(_LEAST, min(_MOST, _A_CHUNK_BYTES // takes))

    def _add(self, **counts: int) -> None:
        self._summary = replace(
            self._summary,
            **{name: getattr(self._summary, name) + count for name, count in counts.items()},
        )

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self._stages[name] = self._stages.get(name, 0.0) + time.perf_counter() - started


def _done_name(number: int) -> str:
    return f"{RUN}/done/{number:04}.json"


def _to_json(merged: Sequence[Merged]) -> bytes:
    return json.dumps({each.prefix: (each.photos, each.failures) for each in merged}).encode()
