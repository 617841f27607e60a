"""Interface of nearest-vector search: the seam for exact, approximate and remote indexes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The nearest items of a query, best first.

    Attributes
    ----------
    keys : (k,) int64
        Item keys.
    scores : (k,) float64
        Cosines, -1 to 1, of :func:`safelight.cosine.cosines`: rounded, and of equal ones the
        item that came first comes first.
    """

    keys: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]


class VectorIndex(Protocol):
    """The vectors of one space, searchable."""

    def __len__(self) -> int:
        """Return how many vectors there are."""
        ...

    def search(
        self,
        query: npt.NDArray[np.float32],
        k: int,
        *,
        allowed: npt.NDArray[np.int64] | None = None,
    ) -> Neighbours:
        """Return the `k` items nearest to `query`, or all if there are fewer.

        Parameters
        ----------
        query : (dimension,) float32
            Of unit length.
        k : int
        allowed : (m,) int64, sorted, optional
            Only these item keys may be returned. The answer is then as exact as without it.

        Raises
        ------
        SpaceError
            `query` has another dimension.
        """
        ...
