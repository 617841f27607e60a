"""State that all requests share: the library, its model and vectors, threads, and limits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import threading
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from safelight.errors import LibraryError
from safelight.imaging.memory import LargePicture, small_only
from safelight.library.browse import matching
from safelight.library.listings import Listings
from safelight.library.name_index import NameBeginnings
from safelight.library.spaces import default_space, is_empty
from safelight.library.state.signing_key import signing_key
from safelight.library.state.tokens import PREFIX, find_token, tokens
from safelight.library.vector_index.flat import ExactIndex, index_state
from safelight.library.vector_index.open import clusters_made_at, open_fastest
from safelight.model_choice import choose_for_ingest, choose_for_search
from safelight.search import Answer, Encode, advance, search_filters, search_steps
from safelight.search import Scan as Look
from safelight.search.relevance import unrelated_to
from safelight.server.auth import bearer_token
from safelight.server.batching import Batches, Scan, embed, scan
from safelight.server.body_memory import Room
from safelight.server.cache import Freshness, Kept
from safelight.server.duplicates import Duplicates
from safelight.server.estimates import Estimates
from safelight.server.idempotency import Once
from safelight.server.job_runner import Jobs
from safelight.server.metrics import Metrics
from safelight.server.originals import Verified
from safelight.server.pools import WorkerPool, close_all, end

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from safelight.embedding.base import Embedder
    from safelight.library.browse import Filter
    from safelight.library.database import Database
    from safelight.library.state.tokens import Token
    from safelight.library.vector_index.base import Neighbours
    from safelight.library.vector_index.open import LocalIndex
    from safelight.model_choice import Choice
    from safelight.search import SearchOptions
    from safelight.search.query import Query
    from safelight.server.config import ServerConfig
    from safelight.settings import Settings

#: Seconds that threads are given to end what they work on when the server is stopped.
STOPPING = 5.0

_LOOKS_EVERY = 0.5  # seconds between looks whether another program has written
_LOOKS_APART = 0.02  # and at least, between those for tokens that nobody knows

#: Fewer vectors are scanned in full as quickly as they are estimated.
_MANY = 20_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """A model and the vectors that it made, as a search needs them together."""

    choice: Choice
    index: LocalIndex
    state: tuple[str, int, int]


class ServerState:
    """The server's state.

    Parameters
    ----------
    library : Database
    settings : Settings
    options : ServerConfig
    choice : Choice, optional
        The model to use, whatever the library's own is.
    """

    def __init__(
        self,
        library: Database,
        settings: Settings,
        options: ServerConfig,
        choice: Choice | None = None,
    ) -> None:
        self.library = library
        self.settings = settings
        # Where their links lead now counts for as long as we run.
        roots = tuple(os.path.realpath(root) for root in options.roots)
        self.options = options = replace(options, roots=roots)
        self.limits = options.limits
        self.metrics = Metrics()
        self._given = choice
        self._searched: Searched | None = None
        self._refreshing = threading.Lock()
        self._freshness = Freshness(library)
        self._started = secrets.token_hex(4)
        self.listings = Listings()
        # A list of 100,000 photos takes 0.8 MB.
        self._filtered = Kept(32)
        self._kept = Kept(32)
        self._tokens: tuple[int, list[Token]] = (-1, [])
        self._soon: asyncio.Task[None] | None = None
        limits = self.limits
        cores = os.cpu_count() or 1
        self.reading = WorkerPool("requests", max(4, cores), limits.waiting_reads)
        self.decoding = WorkerPool("photos", cores, limits.waiting_decodes)
        # One at a time, so that others' small pictures do not wait behind large ones.
        self._decoding_large = WorkerPool("large photos", 1, limits.waiting_decodes)
        self.writing = WorkerPool("changes", 2, limits.waiting_decodes)
        self.features = WorkerPool("batches", 1, limits.waiting_batches)
        self.bodies = Room("large requests", limits.bodies_bytes, limits.room_seconds)
        self.uploads = Room("uploads", limits.uploads, limits.room_seconds)
        self._looking = WorkerPool("looks", 1, 1)
        self._encoder = Batches(
            "queries", self._encode, waiting=limits.waiting_queries, tell=self.metrics.encoded
        )
        self._scanner = Batches(
            "searches", scan, waiting=limits.waiting_queries, tell=self.metrics.scanned
        )
        self.stopping = asyncio.Event()
        self.is_hung = False  # it was stopped, and a thread of it never ends
        self._for_model: dict[str, tuple[Any, Any]] = {}
        # By dimension: what clients brought, its state, and when that was looked at.
        self.brought: dict[int, tuple[int, tuple[int, int], ExactIndex]] = {}
        self._unrelated: tuple[str, Any] | None = None
        self._relating = threading.Lock()
        self._names: NameBeginnings | None = None
        self._estimates: tuple[Any, Estimates] | None = None
        self._hastening: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self.jobs = Jobs(library)
        self.once = Once(library, self.reading, limits.upload_files)
        self.comparing = WorkerPool("comparisons", 1, limits.waiting_batches)
        self.duplicates = Duplicates(
            library,
            settings,
            reading=self.reading,
            comparing=self.comparing,
            writing=self.writing,
            stopping=self.stopping,
        )
        self.originals = Verified()
        self.streams = 0  # clients that listen to jobs

    @cached_property
    def signing_key(self) -> bytes:
        """The key of signed addresses; read from the disk once."""
        return signing_key(self.library)

    # --- freshness -------------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """A number that grows when the library was written to."""
        return self._freshness.generation

    def revision(self) -> str:
        """Return a text that changes with every write to the library, and with every start."""
        # Microseconds: SQLite looks at a number in shared memory.
        return f"{self._started}-{self._freshness.look()}"

    async def start(self) -> None:
        """Load what the first search needs, and begin to watch the library."""
        with contextlib.suppress(LibraryError):  # nothing was ingested yet
            await self.reading.run(self.searched)
        await self.reading.run(self.jobs.start)
        self._watch = asyncio.create_task(self._look_again())

    async def stop(self) -> None:
        """Stop all threads; what is being worked on is finished."""
        self.stopping.set()
        if self._watch is not None:
            await end(self._watch)
        if self._hastening is not None:
            await self._hastening
        working = (
            self.jobs,
            self._encoder,
            self._scanner,
            self.reading,
            self.decoding,
            self._decoding_large,
            self.writing,
            self.features,
            self.comparing,
            self._looking,
        )
        if not await close_all([each.close for each in working], STOPPING):
            self.is_hung = True
            await close_all([self.jobs.abandon], STOPPING)

    async def decode(self, work: Callable[..., T], *args: Any, **named: Any) -> T:
        """Return what `work` returns, which decodes one photo, on a thread for that.

        It is called once more, on another thread, if the photo turns out to be large.

        Raises
        ------
        Problem
            With 429, if too many wait.
        """

        def work_on_small() -> T:
            with small_only():
                return work(*args, **named)

        try:
            return await self.decoding.run(work_on_small)
        except LargePicture:
            return await self._decoding_large.run(work, *args, **named)

    async def look(self) -> None:
        """Notice at once what we have just written ourselves."""
        before = self.generation
        if await self.reading.run(self._freshness.look) != before:
            await self._refresh()

    async def _look_again(self) -> None:
        refreshed = self.generation
        await self._refresh()
        while True:
            await asyncio.sleep(_LOOKS_EVERY)
            # Who looks for a token may have noticed a change before.
            generation = await self._looking.run(self._freshness.look)
            if generation != refreshed or await self._looking.run(self._has_faster):
                refreshed = generation
                await self._refresh()

    def _has_faster(self) -> bool:
        """Tell whether clusters were made in the background, of what is searched without."""
        known = self._searched
        if known is None:
            return False
        return clusters_made_at(self.library, known.choice.embedder.fingerprint) != known.state[2]

    async def _refresh(self) -> None:
        with contextlib.suppress(Exception):  # the next search says what is wrong
            await self.reading.run(self.searched)
            await self._looking.run(self._find_names)
            if self._searched is not None:
                embedder = self._searched.choice.embedder
                await self.reading.run(self._find_unrelated, embedder)
        # Beside the watch, since for a million vectors it takes a while.
        if self._hastening is None or self._hastening.done():
            self._hastening = asyncio.create_task(asyncio.to_thread(self._hasten))

    def _hasten(self) -> None:
        """Let scans be quick; until then they are slow."""
        searched = self._searched
        if searched is None or not isinstance(searched.index, ExactIndex):
            self._estimates = None
            return
        keys, vectors = searched.index.main
        if len(keys) < _MANY:
            return
        # What was added since lies in a block of its own, mostly.
        which = (searched.state[0], len(keys), int(keys[0]), int(keys[-1]))
        if self._estimates is None or self._estimates[0] != which:
            self._estimates = None  # the memory is needed for the next
            estimates = Estimates(vectors)
            for _ in estimates.prepare():
                if self.stopping.is_set():
                    return
            self._estimates = (which, estimates)
        searched.index.hasten(self._estimates[1])

    def kept(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what `make` returns, or returned before if the library is as it was then."""
        return self._kept.get(key, self.generation, make)

    def matching(self, where: Filter, order: str | None = None) -> npt.NDArray[np.int64]:
        """Return the keys of all to which a filter applies, in order; on a worker's thread."""
        found: npt.NDArray[np.int64] = self.kept(
            ("matching", where.key, order),
            lambda: np.asarray(matching(self.library, where, order), np.int64),
        )
        return found

    async def tokens(self, authorization: str) -> list[Token]:
        """Return the tokens that the library knows, as it knew them half a second ago.

        If what is offered is none of them, as it knows them now: it may have just been made.
        """
        known = await self._known_tokens()
        offered = bearer_token(authorization)
        if offered is None or not offered.startswith(PREFIX) or find_token(known, offered):
            return known
        await self._look_soon()
        return await self._known_tokens()

    async def tokens_now(self) -> list[Token]:
        """Return the tokens that the library knows at this moment."""
        # Beside the pools, so that a look does not wait behind searches.
        await asyncio.to_thread(self._freshness.look)
        return await self._known_tokens()

    async def is_valid(self, token_id: str | None) -> bool:
        """Tell whether a token that was valid still is; True of no token."""
        if token_id is None:
            return True
        known = await self._known_tokens()
        return any(each.id == token_id and each.revoked_at is None for each in known)

    async def _look_soon(self) -> None:
        """Look at the library after now; all who ask within a moment share one look."""
        if self._soon is None:
            self._soon = asyncio.create_task(self._look_in_a_moment())
        await asyncio.shield(self._soon)

    async def _look_in_a_moment(self) -> None:
        # So that a flood of wrong tokens costs fifty looks a second, and no more.
        await asyncio.sleep(_LOOKS_APART)
        self._soon = None  # who comes from now on may know what this look does not see
        await asyncio.to_thread(self._freshness.look)

    async def _known_tokens(self) -> list[Token]:
        if self._tokens[0] != self.generation:
            generation = self.generation
            self._tokens = (generation, await self.reading.run(tokens, self.library))
        return self._tokens[1]

    def for_model(self, name: str, choice: Choice, make: Callable[[], Any]) -> Any:
        """Return the object made for a model, made again for another model."""
        with self._refreshing:
            known = self._for_model.get(name)
            if known is None or known[0] is not choice.embedder:
                known = self._for_model[name] = (choice.embedder, make())
            return known[1]

    # --- searching -------------------------------------------------------------------------

    def searched(self) -> Searched:
        """Return model and vectors, as the library has them now; on a worker's thread.

        Raises
        ------
        LibraryError
            Nothing was ingested yet.
        ModelError
            The model cannot be loaded.
        """
        with self._refreshing:
            space = default_space(self.library)
            known = self._searched
            choice = self._given
            if (
                choice is None
                and known is not None
                and space is not None
                and known.choice.embedder.fingerprint == space.fingerprint
            ):
                choice = known.choice
            if choice is None:
                choice = choose_for_search(self.library, self.settings)
            fingerprint = choice.embedder.fingerprint
            made_at = clusters_made_at(self.library, fingerprint)
            state = (*index_state(self.library, fingerprint), made_at)
            if known is not None and known.choice is choice and known.state == state:
                return known
            index = open_fastest(
                self.library, fingerprint, clusters_from=self.settings.clusters_from
            )
            self._searched = Searched(choice, index, state)
            return self._searched

    def choice(self) -> Choice:
        """Return the model to ingest with; on a worker's thread, since it may be fetched."""
        if self._given is not None:
            return self._given
        space = default_space(self.library)
        if space is not None and not is_empty(self.library, space):
            return self.searched().choice
        return choose_for_ingest(self.library, self.settings)

    async def current(self) -> Searched:
        """Return model and vectors, read again only if the library changed."""
        known = self._searched
        return known if known is not None else await self.reading.run(self.searched)

    def _encode(self, batch: list[tuple[Any, Encode]]) -> list[Any]:
        # While the model of a library is being changed, two may be asked.
        answers: dict[int, Any] = {}
        by_model: dict[int, list[int]] = {}
        for number, (embedder, _) in enumerate(batch):
            by_model.setdefault(id(embedder), []).append(number)
        for numbers in by_model.values():
            embedder = batch[numbers[0]][0]
            found = embed(embedder, [batch[number][1] for number in numbers])
            answers |= dict(zip(numbers, found, strict=True))
        return [answers[number] for number in range(len(batch))]

    async def vectors(self, searched: Searched, step: Encode) -> npt.NDArray[np.float32]:
        """Return the vectors of texts and images, (n, dimension) float32."""
        vectors: npt.NDArray[np.float32] = await self._encoder.ask((searched.choice.embedder, step))
        return vectors

    async def search(
        self,
        searched: Searched,
        query: Query,
        options: SearchOptions,
        *,
        images: Sequence[Any] = (),
        visible: tuple[str, ...] | None = None,
    ) -> Answer:
        """Run a search with the shared model and index; see :mod:`safelight.search.engine`."""
        embedder = searched.choice.embedder
        if not query.terms and not images:
            return await self.reading.run(
                search_filters, self.library, query, embedder.fingerprint, options, visible
            )
        search = search_steps(
            self.library,
            query,
            embedder,
            options,
            images=images,
            may_name=self._may_name,
            visible=visible,
        )
        step = advance(search)
        while not isinstance(step, Answer):
            answer: Any
            if isinstance(step, Encode):
                answer = await self.vectors(searched, step)
            elif isinstance(step, Look):
                answer = await self.neighbours(searched, step.vector, step.count, step.where)
            else:
                answer = await self.reading.run(self._find_unrelated, embedder)
            step = await self.reading.run(advance, search, answer)
        return step

    def _may_name(self, text: str) -> bool:
        return self._names is None or self._names.may_name(text)

    def _find_names(self) -> None:
        """Note how the names of files and folders begin; those that are gone do no harm."""
        names = self._names or NameBeginnings()
        names.refresh(self.library)
        self._names = names

    async def neighbours(
        self,
        searched: Searched,
        vector: npt.NDArray[np.float32],
        top: int,
        where: Filter | None = None,
    ) -> Neighbours:
        """Return the nearest items to which a filter applies."""
        rows = None
        if where is not None:
            rows = await self.reading.run(self._rows, searched, where)
        return await self.scan(Scan(searched.index, vector, top, rows))

    async def scan(self, wanted: Scan) -> Neighbours:
        """Return the neighbours of a vector in any index."""
        found: Neighbours = await self._scanner.ask(wanted)
        return found

    def _rows(self, searched: Searched, where: Filter) -> Any:
        def make() -> Any:
            keys = np.asarray(matching(self.library, where), np.int64)
            return searched.index.rows(keys)

        return self._filtered.get((id(searched.index), where.key), self.generation, make)

    def _find_unrelated(self, embedder: Embedder) -> Any:
        """Return the vectors of unrelated words; made once for a model, which takes seconds."""
        with self._relating:
            if self._unrelated is None or self._unrelated[0] != embedder.fingerprint:
                self._unrelated = (embedder.fingerprint, unrelated_to(embedder))
            return self._unrelated[1]
