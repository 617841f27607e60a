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
    worth : callable
        Of a position: the photo of many copies that is worth most is the likeliest to be kept, so
        the others are compared with it.
    pairs : iterable of (int, int)
    """

    def __init__(
        self, worth: Callable[[int], tuple[int, ...]], pairs: Iterable[tuple[int, int]] = ()
    ) -> None:
        self._worth = worth
        self._components = Components[int]()
        self._best: dict[Hashable, int] = {}
        for later, earlier in pairs:
            self._join(later, earlier)

    def add(self, later: int, earlier: int, edge: Edge) -> None:
        """Tie two photos if an edge says that they are copies."""
        if is_copy(edge):
            self._join(later, earlier)

    def _join(self, a: int, b: int) -> None:
        best = max(self.best(a), self.best(b), key=self._worth)
        self._components.join(a, b)
        self._best[self._components.key(a)] = best

    def best(self, position: int) -> int:
        """Return the copy of a photo that is worth most."""
        return self._best.get(self._components.key(position), position)

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
