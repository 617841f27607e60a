"""Feed a store from the library: send queued changes in batches until none is left."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from safelight.errors import StoreAway, StoreError, StoreRefused
from safelight.exchange.stores.address import parse_address
from safelight.exchange.stores.open import open_store
from safelight.exchange.stores.retry import insist
from safelight.library.database import as_database
from safelight.library.documents import read_documents
from safelight.library.outbox import (
    add_store,
    dropped_spaces,
    forget_space,
    library_id,
    next_queued,
    note_space,
    queue,
    queue_all,
    queued,
    sending,
    settle,
)
from safelight.library.spaces import all_spaces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.exchange.stores.base import VectorStore
    from safelight.library.database import AnyLibrary, Database
    from safelight.library.documents import Document
    from safelight.types import Space

Result = TypeVar("Result")

#: Items sent at once: 512 numbers and what is known about each come to some 3 MB of JSON.
_BATCH = 256

#: Seconds for which sending goes on while a store does not answer.
PATIENCE = 30.0

#: The same where it is not what the user asked for.
_SHORT = 2.0

#: Seconds to wait for another program that sends from this library.
_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Sent:
    """Result of sending queued changes to a store.

    Attributes
    ----------
    store : str
        Its address without passwords.
    sent, removed : int
        Items that it has now, or has no more.
    left : int
        Items that are still queued.
    refused : tuple of (str, str)
        Ids of those among them that it does not take, and why.
    seconds : float
    problem : StoreError or None
        Why not all was sent. Nothing is lost by it.
    """

    store: str
    sent: int = 0
    removed: int = 0
    left: int = 0
    refused: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    problem: StoreError | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {
            "store": self.store,
            "sent": self.sent,
            "removed": self.removed,
            "left": self.left,
            "refused": [{"photo_id": photo_id, "reason": why} for photo_id, why in self.refused],
            "seconds": round(self.seconds, 3),
            "error": None
            if self.problem is None
            else {"code": self.problem.code, "message": self.problem.message},
        }


def sync(
    library: AnyLibrary,
    store: VectorStore,
    *,
    everything: bool = False,
    take_over: bool = False,
    patience: float = PATIENCE,
    wait: float = _WAIT,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    tell: Callable[[str], None] = lambda _: None,
) -> Sent:
    """Send what is queued for `store`; the first time, that is all that the library has.

    It can be stopped and killed at any point: what was not sent stays queued, and what was sent
    twice is there once.

    Parameters
    ----------
    library : Library or Database
    store : VectorStore
    everything : bool
        Send all again, and remove what the library has not.
    take_over : bool
        Feed a store that another library has fed; implies `everything`.
    patience : float
        Seconds for which it is tried again while the store does not answer.
    wait : float
        Seconds to wait for another program that sends from this library.
    progress : callable
        Given the items done, and all that there are to do.
    tell : callable
        Given a sentence for the user when it begins to wait for the store.
    """
    library = as_database(library)
    started = time.perf_counter()
    key = add_store(library, store.shown)
    run = _Run(library, store, key, patience, tell)
    problem: StoreError | None = None
    with sending(library, patience=wait) as alone:
        if alone:
            try:
                run.send(everything=everything, take_over=take_over, progress=progress)
            except StoreError as exc:
                problem = exc
        else:
            problem = StoreAway(
                f"Another program sends from {library.path} to a store. Wait for it to end.",
                code="store-busy",
                store=store.shown,
            )
    return Sent(
        store.shown,
        run.sent,
        run.removed,
        queued(library, key),
        tuple(run.refused.items()),
        time.perf_counter() - started,
        problem,
    )


def feed(
    library: AnyLibrary,
    address: str,
    *,
    key: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Sent | None:
    """Send what is queued for the store at `address`, if there is anything.

    As :func:`sync`, but soon done with a store that does not answer, and with another program that
    sends: what an ingest does at its end.

    Returns
    -------
    Sent or None
        None if nothing was queued.
    """
    library = as_database(library)
    if not queued(library, add_store(library, parse_address(address).shown)):
        return None
    with contextlib.closing(open_store(address, key=key)) as store:
        return sync(library, store, patience=_SHORT, wait=_SHORT, progress=progress)


class _Run:
    """Progress of one call of :func:`sync`."""

    def __init__(
        self,
        library: Database,
        store: VectorStore,
        key: int,
        patience: float,
        tell: Callable[[str], None],
    ) -> None:
        self._library = library
        self._store = store
        self._key = key
        self._patience = patience
        self._tell = tell
        self.sent = 0
        self.removed = 0
        self.refused: dict[str, str] = {}

    def send(
        self, *, everything: bool, take_over: bool, progress: Callable[[int, int], None]
    ) -> None:
        library, store, key = self._library, self._store, self._key
        owner = library_id(library)
        spaces = [each.space for each in all_spaces(library) if each.embeddings]
        for space in spaces:
            self._insist(partial(store.prepare, space, owner, take_over=take_over))
            note_space(library, key, space.fingerprint)
        if everything or take_over:
            queue_all(library, key)
            for space in spaces:
                # Also what the library has not: of that, the store will then be rid.
                queue(library, key, self._insist(partial(_all_ids, store, space.fingerprint)))
        total, last = queued(library, key), 0
        progress(0, total)
        while rows := next_queued(library, key, after=last, limit=_BATCH):
            last = rows[-1][0]
            self._send_batch(spaces, rows)
            progress(self.sent + self.removed + len(self.refused), total)
        for fingerprint in dropped_spaces(library, key):
            self._insist(partial(store.drop, fingerprint))
            forget_space(library, key, fingerprint)
        for space in spaces:
            self._insist(partial(store.finish, space.fingerprint))

    def _send_batch(self, spaces: Sequence[Space], rows: Sequence[tuple[int, str]]) -> None:
        ids = [item_id for _, item_id in rows]
        there: set[str] = set()
        refused: dict[str, str] = {}
        for space in spaces:
            # Read after the queue was: at least as new as what it tells of.
            found = read_documents(self._library, space.fingerprint, ids)
            there |= found.keys()
            refused |= put_all(self._store, space.fingerprint, list(found.values()), self._insist)
            if absent := [each for each in ids if each not in found]:
                self._insist(partial(self._store.remove, space.fingerprint, absent))
        settle(self._library, (pk for pk, item_id in rows if item_id not in refused))
        self.refused |= refused
        self.sent += len(there - refused.keys())
        self.removed += len(ids) - len(there | refused.keys())

    def _insist(self, do: Callable[[], Result]) -> Result:
        return insist(do, patience=self._patience, tell=self._waiting)

    def _waiting(self, reason: StoreAway) -> None:
        self._tell(f"{reason} Trying again for {self._patience:.0f} s.")


def put_all(
    store: VectorStore,
    fingerprint: str,
    documents: list[Document],
    insist: Callable[[Callable[[], None]], None],
) -> dict[str, str]:
    """Put `documents`, but for those that the store does not take; return why, by id.

    Parameters
    ----------
    insist : callable
        Does what it is given, and again while the store does not answer.
    """
    parts = [documents] if documents else []
    refused = {}
    while parts:
        part = parts.pop()
        try:
            insist(partial(store.put, fingerprint, part))
        except StoreRefused as exc:
            if len(part) == 1:
                refused[part[0].photo_id] = str(exc)
            else:  # one may be at fault; the others must not suffer for it
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
    return refused


def _all_ids(store: VectorStore, fingerprint: str) -> list[str]:
    return list(store.ids(fingerprint))
