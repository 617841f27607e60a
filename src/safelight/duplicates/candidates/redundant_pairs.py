"""Drop redundant candidate pairs: a photo is compared with a few of many copies, not all.

Copies of one picture propose each other, so that their pairs grow with the square of their number
(25, 50 and 100 copies: 2.2, 9.2 and 35.9 s of processor time, 2026-11-27). Once copies are known as
such, whatever is related to some of them is related to the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.duplicates.components import Components
from safelight.duplicates.model import Relation
from safelight.duplicates.thresholds import SAME_LOSS

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    import numpy.typing as npt

    from safelight.duplicates.candidates.generate import Candidates
    from safelight.duplicates.model import Edge

    Numbers = npt.NDArray[np.int64]

#: Relations of photos that show the same, pixel by pixel or scaled: what is related to one is
#: related to all.
COPIES = frozenset(
    {Relation.IDENTICAL, Relation.SAME_PIXELS, Relation.RE_ENCODED, Relation.RESIZED}
)

#: Up to so many copies of one picture are compared with each other, all pairs; a photo that comes
#: then is compared with the best of them, and if it is not a copy of that, with so many others, the
#: nearest.
MANY_COPIES, COMPARED_COPIES = 16, 4

#: Signals that order candidate pairs, the strongest first: their name, and whether more is nearer.
_ORDER = (
    ("hash", False),
    ("turned", False),
    ("words", True),
    ("mirrored words", True),
    ("vector", True),
    ("moment", False),
)


@dataclass(frozen=True, slots=True)
class Partners:
    """Photos to compare one photo with.

    Attributes
    ----------
    positions : tuple of int
    instead : tuple of (int, tuple of int)
        For the best of many copies: those to compare with if the photo is not a copy of it.
    """

    positions: tuple[int, ...]
    instead: tuple[tuple[int, tuple[int, ...]], ...] = ()


class CopyTies:
    """Photos that are known as copies of each other, by position.

    Parameters
    ----------
    sizes : callable
        Of a position: pixels and bytes.
    pairs : iterable of (int, int)
    """

    def __init__(
        self, sizes: Callable[[int], tuple[int, int]], pairs: Iterable[tuple[int, int]] = ()
    ) -> None:
        self._sizes = sizes
        self._components = Components[int]()
        # Of each set of copies, by position, those that may be the best: each has more bytes than
        # all before it.
        self._leading: dict[Hashable, list[int]] = {}
        for later, earlier in pairs:
            self._join(later, earlier)

    def add(self, later: int, earlier: int, edge: Edge) -> None:
        """Tie two photos if an edge says that they are copies."""
        if is_copy(edge):
            self._join(later, earlier)

    def _join(self, a: int, b: int) -> None:
        both = {*self._leaders(a), *self._leaders(b)}
        self._components.join(a, b)
        self._leading[self._components.key(a)] = self._led(both)

    def _leaders(self, position: int) -> list[int]:
        return self._leading.get(self._components.key(position), [position])

    def _led(self, positions: Iterable[int]) -> list[int]:
        sizes = {position: self._sizes(position) for position in positions}
        most_pixels = max(pixels for pixels, _ in sizes.values())
        large = {each: size for each, (pixels, size) in sizes.items() if pixels == most_pixels}
        least = max(large.values()) / SAME_LOSS
        leaders: list[int] = []
        for each in sorted(large):
            if large[each] >= least and (not leaders or large[each] > large[leaders[-1]]):
                leaders.append(each)
        return leaders

    def best(self, position: int) -> int:
        """Return the copy of a photo that is the likeliest keeper.

        Of those with most pixels and about as many bytes as any, the earliest: so it is kept if
        nothing else tells them apart, and others can be compared with it at once.
        """
        return self._leaders(position)[0]

    def copies(self, position: int) -> int:
        """Return how many copies a photo is known to have, itself included."""
        return len(self._components.of(position))

    def partners(self, earlier: Iterable[tuple[int, bool]]) -> Partners:
        """Return the candidates to compare a photo with.

        Parameters
        ----------
        earlier : iterable of (int, bool)
            Candidates, the nearest first, and whether each is compared in any case.
        """
        nearest: dict[Hashable, list[int]] = {}
        chosen: dict[int, None] = {}
        for position, always in earlier:
            if always:
                chosen[position] = None
                continue
            nearest.setdefault(self._components.key(position), []).append(position)
        instead = []
        for of_one in nearest.values():
            if self.copies(of_one[0]) > MANY_COPIES:
                best = self.best(of_one[0])
                chosen[best] = None
                others = [each for each in of_one if each != best]
                instead.append((best, tuple(others[:COMPARED_COPIES])))
            else:
                chosen |= dict.fromkeys(of_one)
        return Partners(tuple(chosen), tuple(instead))


def is_copy(edge: Edge | None) -> bool:
    """Tell whether an edge proves that two photos are copies of one picture."""
    # What could not be opened is not known well enough to stand for others.
    return edge is not None and edge.relation in COPIES and not edge.evidence.get("unchecked")


def ranked(found: Candidates) -> list[tuple[int, list[tuple[int, bool]]]]:
    """Return each later photo with its candidates, the nearest first.

    Returns
    -------
    list of (int, list of (int, bool))
        By position; for each candidate, whether it is compared however many copies it has: a
        RAW file's JPEG is known by its name, the next photo of a burst by its time.
    """
    nothing = np.full(len(found), np.nan, np.float32)
    columns = [found.proposed.get(name, nothing) for name, _ in _ORDER]
    keys = [
        np.where(np.isnan(column), np.inf, -column if more else column)
        for column, (_, more) in zip(columns, _ORDER, strict=True)
    ]
    always = ~np.isnan(found.proposed.get("name", nothing)) | (columns[-1] > 0)
    order = np.lexsort((found.earlier, *reversed(keys), found.later))
    later = found.later[order]
    pairs = list(zip(found.earlier[order].tolist(), always[order].tolist(), strict=True))
    starts = np.flatnonzero(np.r_[True, later[1:] != later[:-1]]) if len(later) else later
    ends = [*starts[1:].tolist(), len(pairs)]
    return [
        (int(later[start]), pairs[start:end])
        for start, end in zip(starts.tolist(), ends, strict=False)
    ]
