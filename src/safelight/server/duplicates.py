"""Groups of duplicates, found in the background and cached in memory.

Finding them opens photos, which takes minutes the first time. A request waits for that a little,
and is then answered with what is known and how far the rest is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from safelight.duplicates.clustering.decided_groups import decided_groups
from safelight.duplicates.deduplicator import Deduplicator
from safelight.duplicates.model import KEPT_TOGETHER, Relation
from safelight.errors import LibraryError
from safelight.library.attributes.decisions import decide, decided_pairs, decisions, revoke
from safelight.library.attributes.edges import present_state
from safelight.library.cursors import list_query, read_cursor, write_cursor
from safelight.library.photos import read_photo
from safelight.library.spaces import default_space
from safelight.server.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from safelight.duplicates.clustering.decided_groups import DecidedGroup
    from safelight.duplicates.keeper import Suggestion
    from safelight.duplicates.model import Group
    from safelight.library.database import Database
    from safelight.server.pools import WorkerPool
    from safelight.settings import Settings

    Pairs = frozenset[tuple[str, str]]

#: How long a request waits for the groups, in seconds.
PATIENCE = 3.0

#: After how many seconds a client is to ask again, while photos are compared.
RETRY_AFTER = 1


@dataclass(frozen=True, slots=True)
class Comparing:
    """Progress of the search for duplicates."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class _Known:
    """Groups, and what they were found from."""

    state: tuple[object, ...]
    decided: Pairs
    suggestions: tuple[Suggestion, ...]


def still_comparing(comparing: Comparing) -> Problem:
    """Return the refusal of what needs groups that are not found yet."""
    return Problem(
        503,
        f"The photos are still being compared ({comparing.stage}: {comparing.done:,} of "
        f"{comparing.total:,}). Ask again in a moment.",
        "comparing",
        {"Retry-After": str(RETRY_AFTER)},
    )


class Duplicates:
    """The groups of a library, by namespace.

    Parameters
    ----------
    library : Database
    settings : Settings
    reading, comparing, writing : WorkerPool
        Threads for each.
    stopping : asyncio.Event
        Set when the server stops.
    patience : float
        Seconds that a request waits for the groups.
    """

    def __init__(
        self,
        library: Database,
        settings: Settings,
        *,
        reading: WorkerPool,
        comparing: WorkerPool,
        writing: WorkerPool,
        stopping: asyncio.Event,
        patience: float = PATIENCE,
    ) -> None:
        self._library = library
        self._settings = settings
        self._reading = reading
        self._comparing = comparing
        self._writing = writing
        self._stopping = stopping
        self._patience = patience
        self._known: dict[str | None, _Known] = {}
        self._running: dict[str | None, asyncio.Task[None]] = {}
        self._progress: dict[str | None, Comparing] = {}

    async def groups(
        self, namespaces: Iterable[str | None]
    ) -> tuple[list[tuple[str | None, Suggestion]], Comparing | None]:
        """Return the groups that nothing was decided on, each with its namespace.

        Parameters
        ----------
        namespaces : iterable of str or None
            Groups are of photos within each; None: of all photos.

        Returns
        -------
        list of (str or None, Suggestion), Comparing or None
            With the latter, the list is that of an earlier state of the library.
        """
        found: list[tuple[str | None, Suggestion]] = []
        comparing = None
        for namespace in namespaces:
            fresh = await self._reading.run(self._current, namespace)
            if fresh is None:
                comparing = await self._wait(namespace) or comparing
                fresh = await self._reading.run(self._current, namespace, stale=True)
            found += [(namespace, each) for each in fresh or ()]
        return found, comparing

    async def one(
        self, namespaces: Iterable[str | None], group_id: str
    ) -> tuple[str | None, Suggestion]:
        """Return a group, with its namespace.

        Raises
        ------
        LibraryError
            With the code ``no-group``: there is no such group.
        """
        found, comparing = await self.groups(namespaces)
        for namespace, each in found:
            if each.group.id == group_id:
                return namespace, each
        if comparing is not None:
            raise still_comparing(comparing)
        raise LibraryError(
            f"There is no group {group_id} any more: its photos changed, or you decided on it.",
            code="no-group",
            group=group_id,
        )

    def judged(
        self,
        found: Sequence[tuple[str | None, Suggestion]],
        *,
        prefer: Sequence[str] = (),
        protect: Sequence[str] = (),
        instead: Sequence[str] = (),
    ) -> list[Suggestion]:
        """Return suggestions for groups by other preferences, with reasons that fit these.

        Parameters
        ----------
        found : sequence of (str or None, Suggestion)
            With the namespace of each.
        prefer, protect : sequence of str
            Folders, in addition to those of the settings.
        instead : sequence of str
            Paths of files that the user chose to keep.
        """
        settings = self._settings
        finder = Deduplicator(
            self._library,
            pixel_limit=settings.pixel_limit,
            threads=settings.threads,
            limits=settings.duplicate_limits,
            prefer=(*prefer, *settings.prefer),
            protect=(*protect, *settings.protect),
            instead=tuple(instead),
        )
        again: dict[str, Suggestion] = {}
        for namespace in dict.fromkeys(where for where, _ in found):
            groups = [each.group for where, each in found if where == namespace]
            for each in finder.judged(groups, namespace=namespace):
                again[each.group.id] = each
        return [again.get(each.group.id, each) for _, each in found]

    async def _wait(self, namespace: str | None) -> Comparing | None:
        task = self._running.get(namespace)
        if task is None or task.done():
            task = asyncio.create_task(self._find(namespace))
            self._running[namespace] = task
        await asyncio.wait({task}, timeout=self._patience)
        if task.done():
            task.result()  # raises what went wrong
            return None
        return self._progress.get(namespace, Comparing("Comparing", 0, 0))

    async def _find(self, namespace: str | None) -> None:
        found = await self._comparing.run(self._compare, namespace)
        if len(self._known) > 16:
            self._known.clear()
        self._known[namespace] = found

    def _compare(self, namespace: str | None) -> _Known:
        library, settings = self._library, self._settings
        state, decided = self._state(), decided_pairs(library)

        def tell(stage: str, done: int, total: int) -> None:
            if self._stopping.is_set():
                raise LibraryError("The server is stopping.", code="stopped")
            self._progress[namespace] = Comparing(stage, done, total)

        finder = Deduplicator(
            library,
            pixel_limit=settings.pixel_limit,
            threads=settings.threads,
            limits=settings.duplicate_limits,
            prefer=settings.prefer,
            protect=settings.protect,
            progress=tell,
        )
        try:
            found = finder.groups(tuple(Relation), namespace=namespace)
            return _Known(state, decided, tuple(found))
        finally:
            self._progress.pop(namespace, None)

    def _state(self) -> tuple[object, ...]:
        space = default_space(self._library)
        return (*present_state(self._library), space and space.fingerprint)

    def _current(
        self, namespace: str | None, *, stale: bool = False
    ) -> tuple[Suggestion, ...] | None:
        """Return the groups that are known, without those decided on since; None if out of date."""
        known = self._known.get(namespace)
        if known is None or (known.state != self._state() and not stale):
            return None
        decided = decided_pairs(self._library)
        if not decided >= known.decided and not stale:
            return None  # a decision was taken back
        since = decided - known.decided
        open_: list[Suggestion] = []
        for each in known.suggestions:
            pairs = pairs_of(each.group)
            taken = pairs & since
            if not taken:
                open_.append(each)
            elif taken != pairs and not stale:
                return None  # what is left of it is another group
        return tuple(open_)

    async def decide(
        self, namespaces: Sequence[str | None], group_id: str, decision: str
    ) -> DecidedGroup:
        """Keep a decision on a group, also on one that was decided on before.

        Raises
        ------
        LibraryError
            With the code ``no-group``: there is no such group.
        """
        visible = _visible(namespaces)
        earlier = await self._reading.run(self.decided, visible, group_id)
        if earlier and all(each.decision == decision for each in earlier):
            return earlier[-1]
        if earlier:
            pairs = frozenset(pair for each in earlier for pair in each.pairs)
        else:
            _, found = await self.one(namespaces, group_id)
            pairs = pairs_of(found.group)
        made = await self._writing.run(decide, self._library, pairs, decision)
        return decided_groups(made)[0]

    async def take_back(self, namespaces: Sequence[str | None], group_id: str) -> None:
        """Take back what was decided on a group; of one that is open, nothing.

        Raises
        ------
        LibraryError
            With the code ``no-group``: there is no such group.
        """
        found = await self._reading.run(self.decided, _visible(namespaces), group_id)
        if not found:
            await self.one(namespaces, group_id)
        for each in found:
            await self._writing.run(revoke, self._library, each.pairs)

    def decided(
        self, visible: tuple[str, ...] | None, group_id: str | None = None
    ) -> list[DecidedGroup]:
        """Return the groups that were decided on, the oldest first.

        Parameters
        ----------
        visible : tuple of str or None
            Only groups of which all photos are in these namespaces, as far as a token can see: one
            photo that it cannot makes a group somebody else's.
        group_id : str, optional
            Only this one.
        """
        return [
            each
            for each in decided_groups(decisions(self._library))
            if group_id in (None, each.id)
            and (visible is None or self._can_see(each.photos, visible))
        ]

    def decisions_page(
        self, visible: tuple[str, ...] | None, limit: int, cursor: str | None
    ) -> tuple[list[DecidedGroup], str | None]:
        """Return a page of :meth:`decided`, the last first, and the cursor of the next one.

        Raises
        ------
        UsageError
            With the code ``cursor``: it is broken, or of another token.
        """
        query = list_query(self._library, "decisions", visible)
        found = sorted(self.decided(visible), key=_place, reverse=True)
        if cursor is not None:
            place = tuple(read_cursor(query, cursor, str, str))
            found = [each for each in found if _place(each) < place]
        following = write_cursor(query, _place(found[limit - 1])) if len(found) > limit else None
        return found[:limit], following

    def _can_see(self, photos: Sequence[str], visible: tuple[str, ...]) -> bool:
        try:
            for photo in photos:
                read_photo(self._library, photo, visible)
        except LibraryError:
            return False
        return True


def _place(found: DecidedGroup) -> tuple[str, str]:
    return found.decided_at, found.id


def _visible(namespaces: Sequence[str | None]) -> tuple[str, ...] | None:
    named = tuple(each for each in namespaces if each is not None)
    return named if len(named) == len(namespaces) else None


def pairs_of(group: Group) -> Pairs:
    """Return the pairs of photos that a decision on a group is about."""
    own = {(edge.a, edge.b) for edge in group.edges if edge.a == edge.b}
    return frozenset(own | {(min(p), max(p)) for p in combinations(group.photos, 2)})


def bytes_to_save(found: Suggestion, sizes: dict[str, int]) -> int:
    """Return how many bytes the files take that need not be kept."""
    if found.group.relation in KEPT_TOGETHER:
        return 0
    others = {photo.path: photo.photo_id for photo in found.others}
    return sum(sizes.get(photo, 0) for photo in others.values())
