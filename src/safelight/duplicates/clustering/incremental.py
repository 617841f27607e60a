"""Compare the new photos of a library with all of its photos, and store the edges.

Every pair that a signal proposes is related once, when the later of the two is new. Edges, and
which photos were compared, are kept for one version of hashes, limits and space, and are written
together: a run that is cut short loses a few seconds' work, and what it wrote is not done again.
"""

from __future__ import annotations

import os
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from loguru import logger

from safelight.duplicates.candidates.feature_store import (
    MOST,
    SIGNALS_VERSION,
    hashed,
    open_feature_store,
)
from safelight.duplicates.candidates.generate import BLOCK, candidates
from safelight.duplicates.candidates.redundant_pairs import (
    COPIES,
    MANY_COPIES,
    CopyTies,
    is_copy,
    ranked,
)
from safelight.duplicates.thresholds import DEFAULT
from safelight.duplicates.verification.frames import Frames
from safelight.errors import SafelightError
from safelight.hashing import HASH_VERSION
from safelight.library.attributes.edges import (
    UNRELATED,
    EdgeRecord,
    compared,
    copy_pairs,
    embedded_photos,
    forget_comparisons,
    hashed_photos,
    photo_records,
    present_photos,
    unrelated_pairs,
    write_comparisons,
)
from safelight.library.items import item_keys
from safelight.library.spaces import default_space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from safelight.duplicates.candidates.feature_store import FeatureStore
    from safelight.duplicates.candidates.generate import Candidates
    from safelight.duplicates.model import Edge
    from safelight.duplicates.photo_features import Look, PhotoFeatures
    from safelight.duplicates.thresholds import Thresholds
    from safelight.library.database import Database

    #: By position: a photo, and those that it may be compared with, as `ranked` returns them.
    _Photo = tuple[int, list[tuple[int, bool]]]

    Relate = Callable[[PhotoFeatures, PhotoFeatures, Look, Thresholds], Edge | None]

#: What is found is written at least so often, in seconds, and after each block of photos.
_WRITING = 2.0

#: Pairs that a thread relates at once, how many such parts are begun ahead, and into how many parts
#: the pairs of one photo are divided.
_PAIRS, _PARTS_AHEAD, _AT_A_TIME = 16, 4, 4

PIXEL_LIMIT = 200_000_000

#: At the end of a photo's state: it could not be opened when needed; it was compared
#: with some of many copies only; an edge of such a photo is gone, so that it needs others.
_AWAY, _THINNED, _LOST = "?", "~", "!"
_FLAGS = _AWAY + _THINNED + _LOST


@dataclass(frozen=True, slots=True)
class Comparing:
    """Progress of the comparison.

    Attributes
    ----------
    done, total : int
        New photos.
    pairs : int
        Pairs that were related.
    edges : int
        Of these, how many are.
    away : int
        Photos that could not be opened for a comparison; they are compared again once they can.
    """

    done: int
    total: int
    pairs: int = 0
    edges: int = 0
    away: int = 0


def compare_new(
    library: Database,
    *,
    namespace: str | None = None,
    fingerprint: str | None = None,
    thresholds: Thresholds = DEFAULT,
    threads: int | None = None,
    pixel_limit: int = PIXEL_LIMIT,
    progress: Callable[[Comparing], None] = lambda _: None,
    relate: Relate | None = None,
    block: int = BLOCK,
    most: Mapping[str, int] = MOST,
) -> str:
    """Compare the photos that were not compared yet with all that were, and with each other.

    Parameters
    ----------
    namespace, fingerprint, thresholds, threads, pixel_limit, progress, relate
        As for :func:`safelight.duplicates.find.find_groups`.
    block : int
        New photos of which all pairs are found, and written, before the next are looked at.
    most : mapping of str to int
        How many a photo proposes at most, of those before it, by each signal.

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
    forget_comparisons(library, thinned=_THINNED, lost=_LOST)
    divided = _divided(library, embedded, version, namespace)
    if forget_comparisons(library, divided.forgotten, thinned=_THINNED, lost=_LOST):
        divided = _divided(library, embedded, version, namespace)
    old, new = divided.old, divided.new
    progress(Comparing(0, len(new)))
    if not new:
        return version
    hashes = hashed(library)
    there = set(hashes.keys.tolist())  # as it is now; another program may write meanwhile
    old, new = [key for key in old if key in there], [key for key in new if key in there]
    known = open_feature_store(
        library,
        np.array([*old, *new], np.int64),
        hashes,
        fingerprint=fingerprint,
        thresholds=thresholds,
        most=most,
    )
    run = _Run(known, version, thresholds, Frames(pixel_limit), relate or related)
    thinned = [key for key, state in compared(library).items() if _THINNED in state[-len(_FLAGS) :]]
    run.continue_from(copy_pairs(library, version, COPIES), thinned)
    # Not a with statement: that would wait for all that was begun, also after Ctrl-C.
    pool = ThreadPoolExecutor(threads or os.cpu_count() or 1)
    try:
        run.compare(len(old), pool, progress, block)
    finally:
        pool.shutdown(cancel_futures=True)
    return version


def compare_pairs(
    library: Database,
    pairs: Iterable[tuple[str, str]],
    *,
    fingerprint: str | None = None,
    thresholds: Thresholds = DEFAULT,
    threads: int | None = None,
    pixel_limit: int = PIXEL_LIMIT,
    relate: Relate | None = None,
) -> int:
    """Compare pairs of photos that were compared by way of their copies only.

    Parameters
    ----------
    pairs : iterable of (str, str)
        Photo ids. A pair that was compared before is passed over.
    fingerprint, thresholds, threads, pixel_limit, relate
        As for :func:`compare_new`, which was called before.

    Returns
    -------
    int
        Pairs that are related after all; their edges are in the library.
    """
    if fingerprint is None:
        space = default_space(library)
        fingerprint = space.fingerprint if space else None
    version = _version(thresholds, fingerprint)
    wanted = {(min(pair), max(pair)) for pair in pairs} - unrelated_pairs(library, version)
    key_of = item_keys(library.connection, {photo for pair in wanted for photo in pair})
    hashes = hashed(library)
    keys = np.array(sorted(set(key_of.values()) & set(hashes.keys.tolist())), np.int64)
    if not len(keys):
        return 0
    known = open_feature_store(
        library, keys, hashes, fingerprint=fingerprint, thresholds=thresholds
    )
    seen = known.seen(range(len(keys)))
    position_of = {photo.id: position for position, photo in seen.items()}
    run = _Run(known, version, thresholds, Frames(pixel_limit), relate or related)
    chosen = [pair for pair in sorted(wanted) if all(photo in position_of for photo in pair)]
    found = 0
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for start in range(0, len(chosen), _PAIRS):
            part = chosen[start : start + _PAIRS]
            edges = list(pool.map(lambda pair: run.of(*(seen[position_of[i]] for i in pair)), part))
            records = [
                EdgeRecord(a, b, UNRELATED)
                if edge is None
                else EdgeRecord(a, b, edge.relation, edge.evidence)
                for (a, b), edge in zip(part, edges, strict=True)
            ]
            found += sum(edge is not None for edge in edges)
            write_comparisons(library, version, records, {})
    return found


def related(a: PhotoFeatures, b: PhotoFeatures, look: Look, thresholds: Thresholds) -> Edge | None:
    """Return the edge of two photos; None as well if they cannot be compared.

    What opens them is imported when the first are.
    """
    from safelight.duplicates.verification.classify import relate

    try:
        return relate(a, b, look, thresholds)
    except SafelightError:
        raise
    except Exception as error:  # noqa: BLE001 - one odd photo does not end a run over thousands
        logger.warning("Photos {} and {} cannot be compared: {!r}.", a.id[:12], b.id[:12], error)
        return None


def _version(thresholds: Thresholds, fingerprint: str | None) -> str:
    space = (fingerprint or "")[:16]
    return f"{HASH_VERSION}-{SIGNALS_VERSION}-{thresholds.version}-{space}"


def _state(version: str, *, embedded: bool, flags: str = "") -> str:
    # Without its vector a photo is compared by the rest, and again when it has got one.
    return version + (" v" if embedded else " -") + flags


@dataclass(frozen=True, slots=True)
class _Divided:
    """The photos that were compared, those that are to be, and the edges of which are void."""

    old: list[int]
    new: list[int]
    forgotten: list[int]


def _divided(
    library: Database, embedded: set[int], version: str, namespace: str | None
) -> _Divided:
    states, able = compared(library), hashed_photos(library, HASH_VERSION)
    wanted = set(present_photos(library, namespace).keys.tolist())
    old, new, away, lost = [], [], [], []
    for key in present_photos(library).keys.tolist():
        if key not in able:
            continue
        state = states.get(key, "")
        if state.rstrip(_FLAGS) != _state(version, embedded=key in embedded):
            if key in wanted:
                new.append(key)
        elif _AWAY in state[-len(_FLAGS) :]:
            away.append(key)
        elif _LOST in state[-len(_FLAGS) :] and key in wanted:
            lost.append(key)
        else:
            old.append(key)
    back = {
        key
        for key, record in photo_records(library, away).items()
        if any(_has_size(path, record.size) for path in record.paths)
    }
    return _Divided(
        sorted([*old, *(set(away) - back)]), sorted([*new, *back, *lost]), [*new, *back]
    )


def _has_size(path: str, size: int) -> bool:
    try:
        return os.stat(path).st_size == size
    except (OSError, ValueError):
        return False


class _Run:
    """Relates the pairs of new photos, and writes what is found as it goes.

    Parameters
    ----------
    known : FeatureStore
        The photos that were compared, then the new ones.
    """

    def __init__(
        self,
        known: FeatureStore,
        version: str,
        thresholds: Thresholds,
        look: Frames,
        relate: Relate,
    ) -> None:
        self._known, self._version, self._thresholds = known, version, thresholds
        self._look, self._relate = look, relate
        self._told_away: set[str] = set()  # the same by id and by key
        self._away: set[int] = set()
        self._thinned: set[int] = set()  # positions
        self._written = 0
        self._ties = CopyTies(known.sizes)

    def continue_from(self, copies: Iterable[tuple[int, int]], thinned: Iterable[int]) -> None:
        """Take over what earlier runs found, by row key.

        Parameters
        ----------
        copies : iterable of (int, int)
            Photos that are copies of each other.
        thinned : iterable of int
            Photos that were compared with some of their copies only.
        """
        position_of = {key: position for position, key in enumerate(self._known.keys.tolist())}
        self._ties = CopyTies(
            self._known.sizes,
            (
                (position_of[a], position_of[b])
                for a, b in copies
                if a in position_of and b in position_of
            ),
        )
        self._thinned = {position_of[key] for key in thinned if key in position_of}

    def compare(
        self,
        start: int,
        pool: ThreadPoolExecutor,
        progress: Callable[[Comparing], None],
        block: int,
    ) -> None:
        """Compare the photos from position `start` on with those before them."""
        count = len(self._known.keys)
        pairs = edges = 0
        self._written = start
        for _, last, found in candidates(self._known.signals, start, count, pool, block=block):
            waiting: list[Edge] = []
            writing = time.monotonic() + _WRITING
            seen = self._known.seen(np.union1d(found.later, found.earlier).tolist())
            for done, related_pairs, part in self._related(found, last, seen, pool):
                waiting += part
                edges += len(part)
                pairs += related_pairs
                if time.monotonic() > writing:
                    self._write(waiting, done)
                    waiting, writing = [], time.monotonic() + _WRITING
                    progress(Comparing(done - start, count - start, pairs, edges, len(self._away)))
            self._write(waiting, last)
            progress(Comparing(last - start, count - start, pairs, edges, len(self._away)))

    def _related(
        self,
        found: Candidates,
        last: int,
        seen: Mapping[int, PhotoFeatures],
        pool: ThreadPoolExecutor,
    ) -> Iterator[tuple[int, int, list[Edge]]]:
        """Yield edges, how many pairs were related, and before which position all are done.

        What is needed of a photo depends on what was found of those before it, so photos are done
        in their order. Threads work ahead on pairs that are needed whatever is found.
        """
        photos = deque(ranked(found))
        parts: deque[tuple[list[_Photo], Future[dict[tuple[int, int], Edge | None]]]] = deque()
        seen = dict(seen)

        def relate(pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Edge | None]:
            return {pair: self.of(*map(seen.get, pair)) for pair in pairs}

        def see(positions: Iterable[int]) -> None:
            # The best of many copies need not be among the candidates.
            lacking = [each for each in positions if each not in seen]
            if lacking:
                seen.update(self._known.seen(lacking))

        def begin_part() -> None:
            part: list[_Photo] = []
            pairs: list[tuple[int, int]] = []
            while photos and len(pairs) < _PAIRS:
                later, earlier = photos.popleft()
                # What is found meanwhile may make another one the best, and this one needless.
                settled = [each for each in earlier if each[0] < committed]
                # Nor is it needed where one is known that has many copies: it is one of them then.
                few = [each for each in earlier if each[0] >= committed][:1]
                if any(self._ties.copies(each) > MANY_COPIES for each, _ in settled):
                    few = []
                sure = self._ties.partners([*settled, *few]).positions
                see(sure)
                part.append((later, earlier))
                pairs += [(later, each) for each in sure]
            parts.append((part, pool.submit(relate, pairs)))

        committed = photos[0][0] if photos else last
        while photos or parts:
            while photos and len(parts) < _PARTS_AHEAD:
                begin_part()
            part, future = parts.popleft()
            known = future.result()
            edges, count = [], 0
            for later, earlier in part:
                partners = self._ties.partners(earlier)
                wanted = list(partners.positions)
                for step in (wanted, partners.instead):
                    if step is partners.instead:
                        more = [
                            other
                            for best, others in partners.instead
                            if not is_copy(known[later, best])
                            for other in others
                        ]
                        wanted += [each for each in more if each not in wanted]
                    rest = [(later, each) for each in wanted if (later, each) not in known]
                    see(each for _, each in rest)
                    chunks = (rest[at::_AT_A_TIME] for at in range(min(_AT_A_TIME, len(rest))))
                    for chunk in pool.map(relate, chunks):
                        known |= chunk
                if len(wanted) < len(earlier):
                    self._thinned.add(later)
                count += len(wanted)
                for each in wanted:
                    edge = known[later, each]
                    if edge is not None:
                        self._ties.add(later, each, edge)
                        edges.append(edge)
                committed = later + 1
            # A photo that has no candidates is done with those before it.
            following = parts[0][0][0][0] if parts else photos[0][0] if photos else last
            yield following, count, edges

    def of(self, a: PhotoFeatures | None, b: PhotoFeatures | None) -> Edge | None:
        """Relate two photos; None if they are unrelated, or another process removed one."""
        if a is None or b is None:
            return None
        if b.id < a.id:
            a, b = b, a
        return self._relate(a, b, self._look, self._thresholds)

    def _write(self, edges: Sequence[Edge], done: int) -> None:
        """Write edges, and that the photos before position `done` are compared."""
        known = self._known
        newly = item_keys(known.library.connection, self._look.away - self._told_away)
        self._told_away |= set(newly)
        self._away |= set(newly.values())
        # One that was compared before can be away by now, and is then marked as well.
        earlier = np.flatnonzero(np.isin(known.keys[: self._written], list(newly.values())))
        states = {
            int(known.keys[position]): _state(
                self._version,
                embedded=bool(known.with_vector[position]),
                flags=_THINNED * (position in self._thinned)
                + _AWAY * (int(known.keys[position]) in self._away),
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
