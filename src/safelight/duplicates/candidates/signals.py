"""Signals that propose candidate pairs: one for each way to be related.

A signal compares a photo with those that stand before it, and proposes at most so many of them, the
nearest. So every pair is looked at once, what is added to a library later changes nothing for those
before it, and the pairs grow with the number of photos, even among ten thousand black frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from safelight.cosine import cosines
from safelight.duplicates.candidates.hamming_index import HashIndex
from safelight.duplicates.candidates.inverted_index import WordIndex
from safelight.duplicates.candidates.pairs import CandidatePairs, nearest
from safelight.duplicates.candidates.time_window_index import MomentIndex
from safelight.hashing import dihedral, mirrored

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from safelight.duplicates.candidates.cosine_index import CosineIndex

    Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A photo that is not part of a library, as the signals see it.

    Attributes
    ----------
    dct256 : (4,) uint64
    words : (k,) uint32
    vector : (d,) float32 or None
    moment : (int, int) or None
        Camera and seconds, as the library's photos have them.
    """

    dct256: npt.NDArray[np.uint64]
    words: npt.NDArray[np.uint32]
    vector: npt.NDArray[np.float32] | None = None
    moment: tuple[int, int] | None = None


class Signal(Protocol):
    """One way to find pairs. Photos are known by their positions, 0 to n - 1."""

    name: str

    def propose(self, start: int, stop: int) -> CandidatePairs:
        """Return photos before each of those from `start` to `stop`, by their positions."""
        ...

    def propose_to(self, asked: Asked) -> CandidatePairs:
        """Return photos for one that is not part of the library; ``asked`` is 0."""
        ...


class HashSignal:
    """Whole pictures that look the same, as they are, or turned and mirrored.

    Parameters
    ----------
    hashes : (n, 4) uint64
    radius, most : int
    turned : bool
        The seven turned and mirrored ways, or the photo as it is.
    """

    def __init__(
        self, hashes: npt.NDArray[np.uint64], radius: int, most: int, *, turned: bool
    ) -> None:
        self.name = "turned" if turned else "hash"
        self._hashes, self._most, self._turned = hashes, most, turned
        # What has nothing to hash looks like no other photo.
        self._rows = np.flatnonzero(hashes.any(axis=1))
        self._index = HashIndex(hashes[self._rows], radius)

    def propose(self, start: int, stop: int) -> CandidatePairs:
        """See :class:`Signal`."""
        near = self._near(self._hashes[start:stop], np.arange(start, stop))
        return CandidatePairs(near.asked + start, near.found, near.measured)

    def propose_to(self, asked: Asked) -> CandidatePairs:
        """See :class:`Signal`."""
        return self._near(asked.dct256[None], np.array([len(self._hashes)]))

    def _near(self, hashes: npt.NDArray[np.uint64], before: Numbers) -> CandidatePairs:
        asked = np.flatnonzero(hashes.any(axis=1))
        ways = dihedral(hashes[asked])[:, 1:] if self._turned else hashes[asked, None]
        near = self._index.near(ways, np.searchsorted(self._rows, before[asked]), self._most)
        return CandidatePairs(asked[near.asked], self._rows[near.found], near.measured)


class VectorSignal:
    """Photos whose content is the same to the model.

    Parameters
    ----------
    index : CosineIndex
        Its places are positions.
    rows : (n,) int64
        Of each photo, its row in the index; -1 without a vector.
    most : int
    """

    def __init__(self, index: CosineIndex, rows: Numbers, most: int) -> None:
        self.name = "vector"
        self._index, self._rows, self._most = index, rows, most

    def propose(self, start: int, stop: int) -> CandidatePairs:
        """See :class:`Signal`."""
        positions = start + np.flatnonzero(self._rows[start:stop] >= 0)
        near = self._index.near(self._index.rows(self._rows[positions]), positions, self._most)
        return CandidatePairs(positions[near.asked], near.found, near.measured)

    def propose_to(self, asked: Asked) -> CandidatePairs:
        """See :class:`Signal`."""
        if asked.vector is None:
            return CandidatePairs.none()
        return self._index.near(asked.vector[None], np.array([len(self._rows)]), self._most)


class WordSignal:
    """Photos that have details in common: parts of each other, framed, captioned, tilted.

    Parameters
    ----------
    index : WordIndex
        Its sets are positions.
    words, most : int
        Enough in common by themselves.
    vectors : (CosineIndex, rows, cosine), optional
        Of fewer words in common, those pairs are kept that have this cosine.
    mirror : bool
        The photo mirrored, or as it is.
    """

    def __init__(
        self,
        index: WordIndex,
        words: int,
        most: int,
        vectors: tuple[CosineIndex, Numbers, float] | None = None,
        *,
        mirror: bool,
    ) -> None:
        self.name = "mirrored words" if mirror else "words"
        self._index, self._words, self._most, self._vectors = index, words, most, vectors
        self._mirror = mirror

    def propose(self, start: int, stop: int) -> CandidatePairs:
        """See :class:`Signal`."""
        words, rows = self._index.rows(start, stop)
        return self._near(words, rows, rows, None)

    def propose_to(self, asked: Asked) -> CandidatePairs:
        """See :class:`Signal`."""
        none = np.zeros(len(asked.words), np.int64)
        return self._near(asked.words, none, none + len(self._index), asked)

    def make_lists(self) -> None:
        """Make what :meth:`propose_to` is quick with."""
        self._index.make_lists()

    def _near(
        self, words: npt.NDArray[np.uint32], of: Numbers, before: Numbers, asked: Asked | None
    ) -> CandidatePairs:
        found = []
        for near in self._index.near(mirrored(words) if self._mirror else words, of, before):
            enough = near.measured >= self._words
            fewer = np.flatnonzero(~enough)
            enough[fewer[self._have_cosine(near.where(fewer), asked)]] = True
            near = near.where(enough)
            found.append(nearest(near, -near.measured, self._most))
        return CandidatePairs.joined(found)

    def _have_cosine(self, near: CandidatePairs, asked: Asked | None) -> npt.NDArray[np.bool_]:
        if self._vectors is None or (asked is not None and asked.vector is None):
            return np.zeros(len(near), bool)
        index, rows, least = self._vectors
        others = rows[near.found]
        if asked is None:
            found = index.cosines(rows[near.asked], others)
        else:
            vector = np.asarray(asked.vector, np.float32)
            found = cosines(index.rows(np.maximum(others, 0)), vector)
            found[others < 0] = -1
        return found >= least


class MomentSignal:
    """Photos of one camera within seconds.

    Parameters
    ----------
    positions : (m,) int64, ascending
        Of the photos that say when and with what they were taken.
    cameras, seconds : (m,) int64
    window, most : int
    """

    def __init__(
        self, positions: Numbers, cameras: Numbers, seconds: Numbers, window: int, most: int
    ) -> None:
        self.name = "moment"
        self._positions, self._cameras, self._seconds = positions, cameras, seconds
        self._most = most
        self._index = MomentIndex(cameras, seconds, window)

    def propose(self, start: int, stop: int) -> CandidatePairs:
        """See :class:`Signal`."""
        first, last = np.searchsorted(self._positions, [start, stop])
        near = self._index.near(
            self._cameras[first:last],
            self._seconds[first:last],
            np.arange(first, last),
            self._most,
        )
        return CandidatePairs(
            self._positions[near.asked + first], self._positions[near.found], near.measured
        )

    def propose_to(self, asked: Asked) -> CandidatePairs:
        """See :class:`Signal`."""
        if asked.moment is None:
            return CandidatePairs.none()
        camera, second = asked.moment
        before = np.array([len(self._positions)])
        near = self._index.near(np.array([camera]), np.array([second]), before, self._most)
        return CandidatePairs(near.asked, self._positions[near.found], near.measured)


class NameSignal:
    """A RAW file and another photo that have one name, in one folder.

    Parameters
    ----------
    raw : (n,) bool
    named : sequence of (int, int)
        Position of a photo, and a number for a name that one of its files has.
    most : int
    """

    def __init__(
        self,
        raw: npt.NDArray[np.bool_],
        named: Sequence[tuple[int, int]],
        most: int,
    ) -> None:
        self.name = "name"
        self._raw, self._most = raw, most
        pairs = np.unique(np.array(named, np.int64).reshape(-1, 2), axis=0)
        bounds = np.searchsorted(pairs[:, 0], np.arange(len(raw) + 1))
        self._index = WordIndex(pairs[:, 1].astype(np.uint32), bounds, least=1, common=len(raw) + 1)

    def propose(self, start: int, stop: int) -> CandidatePairs:
        """See :class:`Signal`."""
        found = []
        words, rows = self._index.rows(start, stop)
        for near in self._index.near(words, rows, rows):
            near = near.where(self._raw[near.asked] != self._raw[near.found])
            found.append(nearest(near, np.zeros(len(near), np.float32), self._most))
        return CandidatePairs.joined(found)

    def propose_to(self, asked: Asked) -> CandidatePairs:  # noqa: ARG002 - it has no name in the library
        """See :class:`Signal`."""
        return CandidatePairs.none()
