"""IVF index: FAISS scans the clusters near the query, and the best are compared exactly."""

from __future__ import annotations

import mmap
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.cosine import SLACK, best, cosines
from safelight.library.vector_index.base import Neighbours
from safelight.library.vector_index.flat import ExactIndex, check_query
from safelight.library.vector_index.ivf_file import SPREAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from safelight.library.vector_index.flat import Rows
    from safelight.library.vector_index.ivf_file import Centres, Clusters

#: Rows that a search looks at, at least, if so many are allowed; measured in bench/scale.py.
SCANNED = 120_000

#: Of so few allowed rows each is compared exactly.
FEW = 10_000

#: What the codes rank among the first so many times k, and so many more, is compared exactly.
_TIMES, _MORE = 2, 30

#: So many standard deviations, in the direction of the query, a vector may stray from its centre.
REACH = 3.0


class ClusteredIndex:
    """All vectors of one space: most in clusters, those that are newer compared one by one.

    Every score is exact. Looked at are not all vectors, but the clusters nearest to the query,
    until they had `scanned` rows that are allowed, and those after them that can have something
    better than what was found. So a filter that leaves few looks into more clusters, and nothing
    is missed because something else stood before it.

    Parameters
    ----------
    clusters : Clusters
    exact : ExactIndex
        Of the same space. Its first block begins with the rows that `clusters` was made from.
    scanned : int
    few : int
        So few allowed rows are compared one by one.
    reach : float
        How many standard deviations a vector may stray from the centre of its cluster.
    """

    def __init__(
        self,
        clusters: Clusters,
        exact: ExactIndex,
        *,
        scanned: int = SCANNED,
        few: int = FEW,
        reach: float = REACH,
    ) -> None:
        (keys, vectors), *others = exact.blocks
        count = clusters.state.count
        mapped: Any = vectors.base
        if sys.platform != "win32" and isinstance(mapped, mmap.mmap):
            # Rows are read here and there: of what lies around them nothing is wanted.
            mapped.madvise(mmap.MADV_RANDOM)
        self._dimension = clusters.state.dimension
        self._clusters = clusters
        self._keys, self._vectors = keys[:count], vectors[:count]
        self._tail = ExactIndex(self._dimension, [(keys[count:], vectors[count:]), *others])
        self._scanned, self._few, self._reach = scanned, few, reach
        self._half = (clusters.chosen.centres**2).sum(axis=1) / 2
        self._faiss = _scanner(clusters)

    def __len__(self) -> int:
        return len(self._keys) + len(self._tail)

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

    def rows(self, allowed: npt.NDArray[np.int64]) -> Rows:
        """See :meth:`safelight.library.vector_index.flat.ExactIndex.rows`."""
        return [np.flatnonzero(np.isin(self._keys, allowed)), *self._tail.rows(allowed)]

    def search_many(
        self,
        queries: npt.NDArray[np.float32],
        tops: Sequence[int],
        rows: Sequence[Rows | None],
    ) -> list[Neighbours]:
        """See :meth:`safelight.library.vector_index.flat.ExactIndex.search_many`.

        What is in clusters is looked at for each query by itself: few of them share any.
        """
        tails = [None if each is None else each[1:] for each in rows]
        newer = self._tail.search_many(queries, tops, tails)
        return [
            self._merged(query, top, None if each is None else each[0], new)
            for query, top, each, new in zip(queries, tops, rows, newer, strict=True)
        ]

    def _merged(
        self,
        query: npt.NDArray[np.float32],
        k: int,
        rows: npt.NDArray[np.intp] | None,
        new: Neighbours,
    ) -> Neighbours:
        if rows is None or len(rows) > max(self._few, _first(k)):
            rows = self._nearest(query, k, rows)
        keys = np.concatenate([self._keys[rows], new.keys])
        scores = np.concatenate([cosines(self._vectors, query, rows), new.scores])
        order = best(scores, keys, k)
        return Neighbours(keys[order], scores[order])

    def _nearest(
        self, query: npt.NDArray[np.float32], k: int, rows: npt.NDArray[np.intp] | None
    ) -> npt.NDArray[np.int64]:
        """Return the rows, of all or of `rows`, that look best, and some more."""
        chosen, sizes = self._clusters.chosen, self._clusters.sizes
        selector = None
        if rows is not None:
            sizes = np.bincount(self._clusters.members[rows], minlength=len(sizes))
            selector = _selector(rows, len(self._keys))
        question = _Question(query, k, chosen, selector)
        # The nearest centres by distance: among vectors of one length the same as by what the
        # best of a cluster may score, given how far its vectors stray.
        # vecdot() everywhere here, and not @: for products of this size BLAS wakes its threads, and
        # then waits for whatever else the cores are busy with.
        middles = np.vecdot(chosen.centres, query)
        order = np.argsort(self._half - middles, kind="stable")
        order = order[sizes[order] > 0]
        enough = max(self._scanned, 4 * _first(k))
        near, rest = np.split(order, [1 + np.searchsorted(np.cumsum(sizes[order]), enough)])
        found, reached = self._best(question, near)
        # A filter may leave the clusters that are near with nothing but what is far in them. So
        # all are looked into that can have something better than the last of the best.
        stray = self._reach * float(np.sqrt(np.vecdot(np.vecdot(chosen.covariance, query), query)))
        rest = rest[middles[rest] + stray > reached]
        if len(rest):
            found = np.concatenate([found, self._best(question, rest)[0]])
        return found

    def _best(
        self, question: _Question, lists: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], float]:
        """Return the best rows of some clusters and some more, and what the k-th best scores."""
        wanted = min(_first(question.k), len(self._keys))
        while True:
            rows, about = self._scan(question, wanted, lists)
            if len(rows) < question.k:
                return rows, -2.0
            exact = cosines(self._vectors, question.query, rows)
            reached = float(np.partition(exact, -question.k)[-question.k]) - SLACK
            # Of those that codes cannot tell apart there may be more.
            if len(rows) < wanted or float(about[-1]) + question.error < reached:
                return rows, reached
            wanted = min(4 * wanted, len(self._keys))

    def _scan(
        self, question: _Question, wanted: int, lists: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return the rows that codes rank first, and about what they score."""
        import faiss

        lists = np.ascontiguousarray(lists, np.int64)
        near = np.zeros(len(lists), np.float32)
        scores, rows = np.empty(wanted, np.float32), np.empty(wanted, np.int64)
        # Parameters of their own for each search: several threads may search at once.
        parameters = faiss.SearchParametersIVF(nprobe=len(lists), sel=question.selector)
        self._faiss.search_preassigned_c(
            1,
            faiss.swig_ptr(question.code),
            wanted,
            faiss.swig_ptr(lists),
            faiss.swig_ptr(near),
            faiss.swig_ptr(scores),
            faiss.swig_ptr(rows),
            False,
            parameters,
        )
        # Row numbers come from a file: what is none is no answer.
        real = (rows >= 0) & (rows < len(self._keys))
        return rows[real], question.offset + scores[real] / question.scale


class _Question:
    """A query as a code: codes are compared with codes, as long as the numbers allow.

    ``error`` is how much a score by codes may be off, four standard deviations of what rounding
    the vectors and the query does.
    """

    def __init__(
        self, query: npt.NDArray[np.float32], k: int, chosen: Centres, selector: Any
    ) -> None:
        self.query, self.k, self.selector = query, k, selector
        steps = query * chosen.step
        self.scale = 127 / max(float(np.abs(steps).max()), 1e-30)
        self.code = np.ascontiguousarray(np.rint(steps * self.scale), np.float32)
        self.offset = float(query @ chosen.middle)
        usual = 127 / SPREAD  # a code is so long, in each dimension, as a rule
        variance = (float(steps @ steps) + len(query) * (usual / self.scale) ** 2) / 12
        self.error = 4 * variance**0.5


def _first(k: int) -> int:
    return _TIMES * k + _MORE


def _selector(rows: npt.NDArray[np.intp], count: int) -> Any:
    import faiss

    bits = np.zeros(count, bool)
    bits[rows] = True
    return faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))


def _scanner(clusters: Clusters) -> Any:
    """Return a FAISS index whose lists are the clusters, mapped where FAISS can do that."""
    import faiss

    state = clusters.state
    centres = faiss.IndexFlatIP(state.dimension)  # never asked: search() chooses the lists
    index = faiss.IndexIVFScalarQuantizer(
        centres,
        state.dimension,
        len(clusters.sizes),
        faiss.ScalarQuantizer.QT_8bit_direct_signed,
        faiss.METRIC_INNER_PRODUCT,
        False,
    )
    index.is_trained = True
    if hasattr(faiss, "OnDiskInvertedLists"):
        lists = _mapped(faiss, clusters)
    else:  # Windows
        lists = read_lists(clusters)
    index.replace_invlists(lists, True)
    lists.this.disown()
    index.ntotal = state.count
    return index


def _mapped(faiss: Any, clusters: Clusters) -> Any:
    lists = faiss.OnDiskInvertedLists(
        len(clusters.sizes), clusters.state.dimension, str(clusters.path)
    )
    lists.read_only = True
    lists.totsize = clusters.path.stat().st_size
    lists.prefetch_nthread = 0  # threads started for each search cost more than they bring
    sizes, starts = clusters.sizes.tolist(), clusters.starts.tolist()
    lists.lists.clear()
    each = faiss.OnDiskOneList()
    for size, start in zip(sizes, starts, strict=True):
        each.size = each.capacity = size
        each.offset = start
        lists.lists.push_back(each)
    lists.do_mmap()
    return lists


def read_lists(clusters: Clusters) -> Any:
    """Return the clusters as lists of FAISS that are in memory."""
    import faiss

    dimension = clusters.state.dimension
    lists = faiss.ArrayInvertedLists(len(clusters.sizes), dimension)
    everything = np.memmap(clusters.path, np.uint8, "r")
    sizes, starts = clusters.sizes.tolist(), clusters.starts.tolist()
    for number, (size, start) in enumerate(zip(sizes, starts, strict=True)):
        if size:
            middle = start + size * dimension
            codes = np.ascontiguousarray(everything[start:middle])
            rows = np.frombuffer(everything[middle : middle + 8 * size].tobytes(), "<i8")
            lists.add_entries(number, size, faiss.swig_ptr(rows), faiss.swig_ptr(codes))
    return lists
