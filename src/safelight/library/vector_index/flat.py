"""Flat index: exact search that compares the query with every vector of a space."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np

from safelight.cosine import SLACK, best, candidates, cosines
from safelight.errors import QueryError, SpaceError
from safelight.library.vector_index import flat_file
from safelight.library.vector_index.base import Neighbours
from safelight.library.vector_index.flat_file import Matrix, State

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from safelight.library.database import Database

    #: Row numbers in each block of an index.
    Rows = list[npt.NDArray[np.intp]]

    #: Given queries (q, dimension), returns about what a block's vectors score (q, n), and how far
    #: off that can be at most, (q,).
    Estimate = Callable[
        [npt.NDArray[np.float32]], tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
    ]

#: The matrix file is rewritten when more than this, and more than an eighth of it, is missing;
#: until then the missing vectors are read from the library at each opening.
TAIL = 1000

#: Rows scored at once. Small enough that the pages of a large file are let go as the scan moves on.
_BLOCK = 16_384

#: Rows are scored alone, not with all others, if there are fewer than one in so many: indexing
#: copies them, which takes several times as long as multiplying.
_SPARSE = 8


def check_query(query: npt.NDArray[np.float32], dimension: int) -> None:
    """Check that a vector can be compared with those of a space.

    Raises
    ------
    SpaceError
        It has another dimension.
    QueryError
        A number in it is none, or all are 0.
    """
    if query.shape != (dimension,):
        raise SpaceError(
            f"The query has shape {query.shape}, but the vectors of this space have "
            f"{dimension} numbers."
        )
    if not np.isfinite(query).all() or not query.any():
        raise QueryError(
            "A vector needs finite numbers, at least one of them not 0.", code="vector"
        )


class ExactIndex:
    """All vectors of one space, in blocks of which most are a memory-mapped file.

    Parameters
    ----------
    dimension : int
    blocks : list of (keys (n,) int64, vectors (n, dimension) float32)
    """

    def __init__(
        self,
        dimension: int,
        blocks: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]],
    ) -> None:
        self._dimension = dimension
        self._blocks = [(keys, vectors) for keys, vectors in blocks if len(keys)]
        self._estimates: dict[int, Estimate] = {}

    def __len__(self) -> int:
        return sum(len(keys) for keys, _ in self._blocks)

    @property
    def blocks(self) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
        """Item keys and vectors, for those who compare all with all; not to be written to."""
        return list(self._blocks)

    def search(
        self,
        query: npt.NDArray[np.float32],
        k: int,
        *,
        allowed: npt.NDArray[np.int64] | None = None,
    ) -> Neighbours:
        """See :meth:`safelight.library.vector_index.base.VectorIndex.search`."""
        check_query(query, self._dimension)
        rows = None if allowed is None else self.rows(allowed)
        return self.search_many(query[None], [k], [rows])[0]

    @property
    def main(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The keys and vectors of the largest block, which stays as it is for long."""
        empty = np.empty(0, np.int64), np.empty((0, self._dimension), np.float32)
        return max(self._blocks, key=lambda block: len(block[0]), default=empty)

    def hasten(self, estimate: Estimate) -> None:
        """Let searches score in full only those of the largest block that need it."""
        sizes = [len(keys) for keys, _ in self._blocks]
        self._estimates[sizes.index(max(sizes))] = estimate

    def rows(self, allowed: npt.NDArray[np.int64]) -> Rows:
        """Return where the allowed item keys stand, to be used for many searches."""
        return [np.flatnonzero(np.isin(keys, allowed)) for keys, _ in self._blocks]

    def search_many(
        self,
        queries: npt.NDArray[np.float32],
        tops: Sequence[int],
        rows: Sequence[Rows | None],
    ) -> list[Neighbours]:
        """Return for each query what :meth:`search` would; all share one pass over the vectors.

        Parameters
        ----------
        queries : (q, dimension) float32
            Of unit length.
        tops : sequence of int
        rows : sequence of Rows or None
            From :meth:`rows`, of this index; None for all.
        """
        if queries.shape[1:] != (self._dimension,):
            raise SpaceError(
                f"The queries have shape {queries.shape}, but the vectors of this space have "
                f"{self._dimension} numbers."
            )
        found: list[list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]] = [
            [(np.empty(0, np.int64), np.empty(0))] for _ in tops
        ]
        for block, (keys, vectors) in enumerate(self._blocks):
            whole = [
                number
                for number, each in enumerate(rows)
                if each is None or _SPARSE * len(each[block]) > len(keys)
            ]
            estimate = self._estimates.get(block)
            if estimate is None or not whole:
                shared = dict(zip(whole, _scores_of_all(vectors, queries[whole]), strict=True))
                errors = {}
            else:
                about, off = estimate(queries[whole])
                shared = dict(zip(whole, about, strict=True))
                errors = dict(zip(whole, off.tolist(), strict=True))
            for number, top in enumerate(tops):
                each = rows[number]
                some = None if each is None else each[block]
                if number not in shared:
                    scores = _scores(vectors, some, queries[number])
                else:
                    scores = shared[number] if some is None else shared[number][some]
                if number in errors:
                    at = _candidates(vectors, some, queries[number], scores, errors[number], top)
                else:
                    likely = candidates(scores, top)
                    at = likely if some is None else some[likely]
                found[number].append((keys[at], cosines(vectors, queries[number], at)))
        return [_merge(parts, top) for parts, top in zip(found, tops, strict=True)]


def _merge(
    parts: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]], top: int
) -> Neighbours:
    keys = np.concatenate([keys for keys, _ in parts])
    scores = np.concatenate([scores for _, scores in parts])
    order = best(scores, keys, top)
    return Neighbours(keys[order], scores[order])


def _scores_of_all(
    vectors: npt.NDArray[np.float32], queries: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return (q, n) float32. One query is multiplied as a vector, which is twice as fast."""
    if len(queries) == 1:
        return np.asarray(vectors @ queries[0])[None]
    return np.asarray(queries @ vectors.T)


def _candidates(
    vectors: npt.NDArray[np.float32],
    rows: npt.NDArray[np.intp] | None,
    query: npt.NDArray[np.float32],
    about: npt.NDArray[np.float32],
    error: float,
    k: int,
) -> npt.NDArray[np.intp]:
    """Return all rows that can be among the `k` best, given about what each scores."""
    if k < len(about):
        # As many are known to reach what the worst of the seemingly best really has.
        likely = candidates(about, k, 0.0)
        reached = vectors[likely if rows is None else rows[likely]] @ query
        found = np.flatnonzero(about >= reached.min() - error - SLACK)
    else:
        found = np.arange(len(about))
    return found if rows is None else rows[found]


def _scores(
    vectors: npt.NDArray[np.float32],
    rows: npt.NDArray[np.intp] | None,
    query: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    if rows is None:
        return np.asarray(vectors @ query)
    scores = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _BLOCK):  # indexing copies the rows: a block at a time
        part = rows[start : start + _BLOCK]
        scores[start : start + _BLOCK] = vectors[part] @ query
    return scores


def open_index(library: Database, fingerprint: str) -> ExactIndex:
    """Open the exact index of a space, bringing its matrix file up to date where that is due.

    Raises
    ------
    SpaceError
        The library has no such space.
    """
    return open_with_state(library, fingerprint)[0]


def open_with_state(library: Database, fingerprint: str) -> tuple[ExactIndex, State | None]:
    """Open the exact index of a space, and tell which embeddings its matrix file holds.

    With a state, the first block is the matrix file; without one there is none, or it is empty.

    Raises
    ------
    SpaceError
        The library has no such space.
    """
    path = matrix_path(library, fingerprint)
    connection = library.connection
    connection.execute("BEGIN")  # one view of the library for all reads below
    try:
        space, dimension, epoch = _space(connection, fingerprint)
        kept = flat_file.read(path)
        if kept is not None and not _is_current(connection, kept.state, epoch, dimension):
            kept = None
        after = kept.state.last if kept else 0
        count = kept.state.count if kept else 0
        last, keys, vectors = _read_after(connection, space, after, dimension)
        last_id = item_of(connection, last) if len(keys) else ""
    finally:
        connection.execute("COMMIT")
    if len(keys) > max(TAIL, count // 8) or (kept is None and len(keys)):
        state = State(epoch, dimension, count + len(keys), last, last_id)
        # A folder that cannot be written to costs time at each opening, not the answer.
        with contextlib.suppress(OSError):
            flat_file.write(
                path,
                state,
                [kept.keys, keys] if kept else [keys],
                [kept.vectors, vectors] if kept else [vectors],
            )
            written = flat_file.read(path)
            if written is not None and written.state == state:
                return ExactIndex(dimension, [(written.keys, written.vectors)]), state
    blocks = [(kept.keys, kept.vectors)] if isinstance(kept, Matrix) else []
    return ExactIndex(dimension, [*blocks, (keys, vectors)]), kept.state if count and kept else None


def index_state(library: Database, fingerprint: str) -> tuple[str, int]:
    """Return a state that changes when an open index goes out of date.

    Raises
    ------
    SpaceError
        The library has no such space.
    """
    space, _, epoch = _space(library.connection, fingerprint)
    (last,) = library.connection.execute(
        "SELECT coalesce(max(pk), 0) FROM embeddings WHERE space_pk = ?", (space,)
    ).fetchone()
    return epoch, last


def matrix_path(library: Database, fingerprint: str) -> Path:
    """Return where the matrix file of a space lies: a folder beside the library."""
    return library.path.with_name(library.path.name + ".vectors") / f"{fingerprint[:32]}.matrix"


def _space(connection: sqlite3.Connection, fingerprint: str) -> tuple[int, int, str]:
    row = connection.execute(
        "SELECT pk, dimension, epoch FROM spaces WHERE fingerprint = ?", (fingerprint,)
    ).fetchone()
    if row is None:
        raise SpaceError(f"The library has no space {fingerprint[:12]}.", fingerprint=fingerprint)
    return row[0], row[1], row[2]


def _is_current(connection: sqlite3.Connection, state: State, epoch: str, dimension: int) -> bool:
    return (
        state.epoch == epoch
        and state.dimension == dimension
        and state.last_id == item_of(connection, state.last)
    )


def item_of(connection: sqlite3.Connection, embedding: int) -> str:
    """Return the id of an embedding's item; nothing if there is none."""
    row = connection.execute(
        "SELECT i.id FROM embeddings e JOIN items i ON i.pk = e.item_pk WHERE e.pk = ?",
        (embedding,),
    ).fetchone()
    return "" if row is None else str(row[0])


def _read_after(
    connection: sqlite3.Connection, space: int, after: int, dimension: int
) -> tuple[int, npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    (count,) = connection.execute(
        "SELECT count(*) FROM embeddings WHERE space_pk = ? AND pk > ?", (space, after)
    ).fetchone()
    keys = np.empty(count, np.int64)
    vectors = np.empty((count, dimension), np.float32)
    last = after
    rows = connection.execute(
        "SELECT pk, item_pk, vector FROM embeddings WHERE space_pk = ? AND pk > ? ORDER BY pk",
        (space, after),
    )
    for row, (pk, item, vector) in enumerate(rows):
        keys[row] = item
        vectors[row] = np.frombuffer(vector, "<f4")
        last = pk
    return last, keys, vectors
