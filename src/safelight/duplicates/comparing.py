"""Comparing what is new in a library with all that is in it; the edges are kept there.

Every pair that a signal proposes is related once, when the later of the two is new. Edges, and
which photos were compared, are kept for one version of hashes, limits and space, and are written
together: a run that is cut short loses a few seconds' work, and what it wrote is not done again.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.duplicates.candidates import candidates
from safelight.duplicates.frames import Frames
from safelight.duplicates.known import SIGNALS_VERSION, hashed, open_known
from safelight.duplicates.thresholds import DEFAULT
from safelight.hashing import HASH_VERSION
from safelight.library.edges import (
    EdgeRecord,
    compared,
    embedded_photos,
    forget_comparisons,
    hashed_photos,
    item_keys,
    photo_records,
    present_photos,
    write_comparisons,
)
from safelight.library.spaces import default_space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from safelight.duplicates.candidates import Candidates
    from safelight.duplicates.known import Known
    from safelight.duplicates.model import Edge
    from safelight.duplicates.seen import Look, Seen
    from safelight.duplicates.thresholds import Thresholds
    from safelight.library.store import Library

    Relate = Callable[[Seen, Seen, Look, Thresholds], Edge | None]

#: What is found is written at least so often, in seconds, and after each block of photos.
_WRITING = 2.0

#: Pairs that a thread relates at once.
_PAIRS = 64

PIXEL_LIMIT = 200_000_000

#: At the end of a photo's state: it could not be opened when it was to be looked at.
_AWAY = "?"


@dataclass(frozen=True, slots=True)
class Comparing:
    """How far comparing has come.

    Attributes
    ----------
    done, total : int
        New photos.
    pairs : int
        Pairs that were related.
    edges : int
        Of these, how many are.
    away : int
        Photos that were to be opened and could not be; they are compared again once they can.
    """

    done: int
    total: int
    pairs: int = 0
    edges: int = 0
    away: int = 0


def compare_new(
    library: Library,
    *,
    namespace: str | None = None,
    fingerprint: str | None = None,
    thresholds: Thresholds = DEFAULT,
    threads: int | None = None,
    pixel_limit: int = PIXEL_LIMIT,
    progress: Callable[[Comparing], None] = lambda _: None,
    relate: Relate | None = None,
) -> str:
    """Compare the photos that were not compared yet with all that were, and with each other.

    Parameters are those of :func:`safelight.duplicates.finding.find_groups`.

    Returns
    -------
    str
        The version of the edges.
    """
    if fingerprint is None:
        space = default_space(library)
        fingerprint = space.fingerprint if space else None
    version = _version(thresholds, fingerprint)
    embedded = embedded_photos(library, fingerprint)
    old, new = _divided(library, embedded, version, namespace)
    forget_comparisons(library, new)
    progress(Comparing(0, len(new)))
    if not new:
        return version
    hashes = hashed(library)
    there = set(hashes.keys.tolist())  # as it is now; another program may write meanwhile
    old, new = [key for key in old if key in there], [key for key in new if key in there]
    known = open_known(
        library,
        np.array([*old, *new], np.int64),
        hashes,
        fingerprint=fingerprint,
        thresholds=thresholds,
    )
    run = _Run(known, version, thresholds, Frames(pixel_limit), relate or related)
    # Not a with statement: that would wait for all that was begun, also after Ctrl-C.
    pool = ThreadPoolExecutor(threads or os.cpu_count() or 1)
    try:
        run.compare(len(old), pool, progress)
    finally:
        pool.shutdown(cancel_futures=True)
    return version


def related(a: Seen, b: Seen, look: Look, thresholds: Thresholds) -> Edge | None:
    """Return the edge of two photos; what opens them is imported when the first are."""
    from safelight.duplicates.relating import relate

    return relate(a, b, look, thresholds)


def _version(thresholds: Thresholds, fingerprint: str | None) -> str:
    space = (fingerprint or "")[:16]
    return f"{HASH_VERSION}-{SIGNALS_VERSION}-{thresholds.version}-{space}"


def _state(version: str, *, embedded: bool, away: bool = False) -> str:
    # Without its vector a photo is compared by the rest, and again when it has got one.
    return version + (" v" if embedded else " -") + (_AWAY if away else "")


def _divided(
    library: Library, embedded: set[int], version: str, namespace: str | None
) -> tuple[list[int], list[int]]:
    """Return the photos that were compared, and those that are to be, by row key."""
    states, able = compared(library), hashed_photos(library, HASH_VERSION)
    wanted = set(present_photos(library, namespace).keys.tolist())
    old, new, away = [], [], []
    for key in present_photos(library).keys.tolist():
        if key not in able:
            continue
        state = states.get(key, "")
        if state.rstrip(_AWAY) != _state(version, embedded=key in embedded):
            if key in wanted:
                new.append(key)
        elif state.endswith(_AWAY):
            away.append(key)
        else:
            old.append(key)
    back = {
        key
        for key, record in photo_records(library, away).items()
        if any(_has_size(path, record.size) for path in record.paths)
    }
    return sorted([*old, *(set(away) - back)]), sorted([*new, *back])


def _has_size(path: str, size: int) -> bool:
    try:
        return os.stat(path).st_size == size
    except (OSError, ValueError):
        return False


class _Run:
    """Relates the pairs of new photos, and writes what is found as it goes.

    Parameters
    ----------
    known : Known
        The photos that were compared, then the new ones.
    """

    def __init__(
        self, known: Known, version: str, thresholds: Thresholds, look: Frames, relate: Relate
    ) -> None:
        self._known, self._version, self._thresholds = known, version, thresholds
        self._look, self._relate = look, relate
        self._told_away: set[str] = set()  # the same by id and by key
        self._away: set[int] = set()
        self._written = 0

    def compare(
        self, start: int, pool: ThreadPoolExecutor, progress: Callable[[Comparing], None]
    ) -> None:
        """Compare the photos from position `start` on with those before them."""
        count = len(self._known.keys)
        pairs = edges = 0
        self._written = start
        for _, last, found in candidates(self._known.signals, start, count, pool):
            waiting: list[Edge] = []
            writing = time.monotonic() + _WRITING
            seen = self._known.seen(np.union1d(found.later, found.earlier).tolist())
            for done, part in self._related(found, last, seen, pool):
                waiting += part
                edges += len(part)
                if time.monotonic() > writing:
                    self._write(waiting, done)
                    waiting, writing = [], time.monotonic() + _WRITING
                    progress(Comparing(done - start, count - start, pairs, edges, len(self._away)))
            self._write(waiting, last)
            pairs += len(found)
            progress(Comparing(last - start, count - start, pairs, edges, len(self._away)))

    def _related(
        self, found: Candidates, last: int, seen: Mapping[int, Seen], pool: ThreadPoolExecutor
    ) -> Iterator[tuple[int, list[Edge]]]:
        """Yield the edges of some pairs, and before which position all photos are done by then."""
        pairs = list(zip(found.later.tolist(), found.earlier.tolist(), strict=True))
        parts = [pairs[at : at + _PAIRS] for at in range(0, len(pairs), _PAIRS)]
        # A photo whose pairs go on in the next part is not done with this one.
        ends = [*(part[0][0] for part in parts[1:]), last]

        def relate(part: Sequence[tuple[int, int]]) -> list[Edge]:
            two = ((seen.get(later), seen.get(earlier)) for later, earlier in part)
            edges = [self._of(a, b) for a, b in two if a is not None and b is not None]
            return [edge for edge in edges if edge is not None]

        yield from zip(ends, pool.map(relate, parts), strict=False)

    def _of(self, a: Seen, b: Seen) -> Edge | None:
        if b.id < a.id:
            a, b = b, a
        return self._relate(a, b, self._look, self._thresholds)

    def _write(self, edges: Sequence[Edge], done: int) -> None:
        """Write edges, and that the photos before position `done` are compared."""
        known = self._known
        newly = item_keys(known.library, self._look.away - self._told_away)
        self._told_away |= set(newly)
        self._away |= set(newly.values())
        # One that was compared before can be away by now, and is then marked as well.
        earlier = np.flatnonzero(np.isin(known.keys[: self._written], list(newly.values())))
        states = {
            int(known.keys[position]): _state(
                self._version,
                embedded=bool(known.with_vector[position]),
                away=int(known.keys[position]) in self._away,
            )
            for position in (*earlier, *range(self._written, done))
        }
        write_comparisons(
            known.library,
            self._version,
            [EdgeRecord(each.a, each.b, each.relation, each.evidence) for each in edges],
            states,
        )
        self._written = done
