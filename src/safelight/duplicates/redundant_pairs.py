"""Redundant candidate pairs: a photo is looked at beside a few of many copies, not beside all.

Copies of one picture propose each other, so that their pairs grow with the square of their number
(25, 50 and 100 copies: 2.2, 9.2 and 35.9 s of processor time, 2026-11-27). Once copies are known as
such, whatever is related to some of them is related to the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safelight.duplicates.components import Components
from safelight.duplicates.model import Relation

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    import numpy.typing as npt

    from safelight.duplicates.candidates import Candidates
    from safelight.duplicates.model import Edge

    Numbers = npt.NDArray[np.int64]

#: Relations of photos that show the same, pixel by pixel or scaled: what is related to one is
#: related to all.
COPIES = frozenset(
    {Relation.IDENTICAL, Relation.SAME_PIXELS, Relation.RE_ENCODED, Relation.RESIZED}
)

#: A photo is compared with so many of the copies of one picture. Up to five copies all pairs are
#: compared; beyond, each is tied to four others, so that a group holds together when some go.
COMPARED_COPIES = 4

#: Signals that order candidate pairs, the strongest first: their name, and whether more is nearer.
_ORDER = (
    ("hash", False),
    ("turned", False),
    ("words", True),
    ("mirrored words", True),
    ("vector", True),
    ("moment", False),
)


class CopyTies:
    """Photos that are known as copies of each other, by position.

    Parameters
    ----------
    pairs : iterable of (int, int)
    """

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._components = Components(pairs)

    def add(self, later: int, earlier: int, edge: Edge) -> None:
        """Tie two photos if an edge says that they are copies."""
        # What could not be opened is not known well enough to stand for others.
        if edge.relation in COPIES and not edge.evidence.get("unchecked"):
            self._components.join(later, earlier)

    def copies(self, position: int) -> int:
        """Return how many copies a photo is known to have, itself included."""
        return len(self._components.of(position))

    def needed(self, earlier: Iterable[tuple[int, bool]]) -> list[int]:
        """Return the photos with which one is to be compared.

        Parameters
        ----------
        earlier : iterable of (int, bool)
            Candidates, the nearest first, and whether each is to be compared in any case.
        """
        counts: dict[Hashable, int] = {}
        chosen = []
        for position, always in earlier:
            key = self._components.key(position)
            if always:
                chosen.append(position)
                continue
            count = counts.get(key, 0)
            if count < COMPARED_COPIES:
                counts[key] = count + 1
                chosen.append(position)
        return chosen


def ranked(found: Candidates) -> list[tuple[int, list[tuple[int, bool]]]]:
    """Return each later photo with its candidates, the nearest first.

    Returns
    -------
    list of (int, list of (int, bool))
        By position; for each candidate, whether it is to be compared however many copies it has: a
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
