"""Candidate generation: the pairs that the signals propose, each once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    import numpy.typing as npt

    from safelight.duplicates.candidates.pairs import CandidatePairs
    from safelight.duplicates.candidates.signals import Asked, Signal

    Numbers = npt.NDArray[np.int64]

#: Photos whose pairs are sought at once. More make each search cheaper, and the memory larger.
BLOCK = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pairs of positions, sorted; each once.

    Attributes
    ----------
    later, earlier : (p,) int64
        ``earlier < later``; of a photo that is not part of the library, ``later`` is 0.
    proposed : mapping of str to (p,) float32
        What each signal measured; NaN where it did not propose the pair.
    """

    later: Numbers
    earlier: Numbers
    proposed: Mapping[str, npt.NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.later)


def candidates(
    signals: Sequence[Signal], start: int, stop: int, pool: Executor, *, block: int = BLOCK
) -> Iterator[tuple[int, int, Candidates]]:
    """Yield the pairs of the photos from `start` to `stop` with those before them, in blocks.

    The signals are asked on the threads of `pool`.

    Yields
    ------
    int, int, Candidates
        The block's first position, the one after its last, and the pairs of which the later is
        in it.
    """
    for first in range(start, stop, block):
        last = min(first + block, stop)
        asked = [(each.name, pool.submit(each.propose, first, last)) for each in signals]
        yield first, last, _merged({name: found.result() for name, found in asked})


def candidates_for(signals: Sequence[Signal], asked: Asked) -> Candidates:
    """Return the pairs of a photo that is not part of the library."""
    return _merged({each.name: each.propose_to(asked) for each in signals})


def _merged(proposals: Mapping[str, CandidatePairs]) -> Candidates:
    keys = {name: near.asked << 32 | near.found for name, near in proposals.items()}
    pairs = np.unique(np.concatenate([np.empty(0, np.int64), *keys.values()]))
    proposed = {}
    for name, near in proposals.items():
        measured = np.full(len(pairs), np.nan, np.float32)
        measured[np.searchsorted(pairs, keys[name])] = near.measured
        proposed[name] = measured
    return Candidates(pairs >> 32, pairs & 0xFFFFFFFF, proposed)
