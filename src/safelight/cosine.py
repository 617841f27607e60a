"""Cosines that depend on the vectors alone: neither on their rows nor on the processor.

BLAS adds up the products of a row in an order that differs by row, by block and by processor, so
that equal vectors get unequal single-precision scores. What is ordered, compared with a threshold
or shown is therefore computed again in double precision, where the products are exact and the
order of their sum shows in the 16th digit only, and then rounded to :data:`DECIMALS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safelight.errors import QueryError

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

#: Decimals of every cosine that is ordered, compared or shown.
DECIMALS = 6

#: Decimals of what is computed from cosines in several steps: probabilities of labels.
FINE_DECIMALS = 9

#: A single-precision cosine may be off by so much: measured at most 4e-7 for 4,096 numbers under
#: every OpenBLAS kernel, with a margin; and half a step of rounding on top.
SLACK = 1e-5 + 10**-DECIMALS

#: Numbers turned to double precision at once: 8 MB.
_AT_ONCE = 1_000_000


def rounded(values: npt.ArrayLike, decimals: int = DECIMALS) -> Numbers:
    """Round to the stated precision; a zero has no sign."""
    return np.asarray(np.round(np.asarray(values, np.float64), decimals) + 0.0, np.float64)


def unit_vector(numbers: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return a vector at unit length, (dimension,) float32.

    Raises
    ------
    QueryError
        With the code ``vector``: it is not a list of finite numbers, or all of them are 0.
    """
    try:
        given = np.asarray(numbers, np.float64)
    except (TypeError, ValueError, OverflowError):
        given = np.empty(0)
    if given.ndim != 1 or not len(given) or not np.isfinite(given).all():
        raise QueryError("A vector should be a list of finite numbers.", code="vector")
    most = float(np.abs(given).max())
    if most == 0:
        raise QueryError("A vector of zeros points nowhere.", code="vector")
    given = given / most  # the squares of very large or small numbers have no room
    return np.asarray(given / np.sqrt((given**2).sum()), np.float32)


def cosines(
    vectors: npt.NDArray[np.float32],
    query: npt.NDArray[np.float32],
    rows: npt.NDArray[np.integer] | None = None,
) -> Numbers:
    """Cosines of vectors with a query, or pair by pair, in double precision and rounded.

    Parameters
    ----------
    vectors : (n, d) float32
        Of unit length.
    query : (d,) float32, or one for each row
        Of unit length.
    rows : (m,) int, optional
        Only these rows of `vectors`.

    Returns
    -------
    (n,) or (m,) float64
    """
    count = len(vectors) if rows is None else len(rows)
    found = np.empty(count)
    step = max(1, _AT_ONCE // max(1, vectors.shape[1]))
    wide = query.astype(np.float64) if query.ndim == 1 else None
    for start in range(0, count, step):
        part = slice(start, start + step)
        chosen = vectors[part] if rows is None else vectors[rows[part]]
        other = query[part].astype(np.float64) if wide is None else wide
        found[part] = np.vecdot(chosen.astype(np.float64), other)
    return rounded(found)


def best(scores: Numbers, keys: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.intp]:
    """Return the positions of the `k` best, best first; ties go to the key that came first."""
    return np.lexsort((keys, -scores))[:k]


def candidates(
    scores: npt.NDArray[np.float32], k: int, slack: float = SLACK
) -> npt.NDArray[np.intp]:
    """Return the positions of all that may be among the `k` best, given rough scores."""
    if k >= len(scores):
        return np.arange(len(scores))
    reached = np.partition(scores, len(scores) - k)[len(scores) - k]
    return np.flatnonzero(scores >= reached - slack)
