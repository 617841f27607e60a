"""Search a space of a library in a vector store instead of its own index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safelight.cosine import best, cosines
from safelight.errors import SpaceError
from safelight.exchange.stores.retry import insist
from safelight.library.database import as_database
from safelight.library.items import item_ids, item_keys, vectors_by_key
from safelight.library.spaces import find_space
from safelight.library.vector_index.base import Neighbours
from safelight.library.vector_index.flat import check_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from safelight.exchange.stores.base import VectorStore
    from safelight.library.database import AnyLibrary

#: So many more than wanted are asked for, to be ranked again by the library's own vectors.
_MARGIN = 16

#: So many ids are named to an engine at once.
NAMED = 10_000

#: So many neighbours are asked for before ids are named instead.
MOST = 10_000

#: Seconds for which a search tries again; somebody is waiting.
_PATIENCE = 1.5


class StoreIndex:
    """A :class:`~safelight.library.vector_index.base.VectorIndex` whose vectors are in a store.

    The store says which items are near; how near, the library's vectors say. So scores are those
    of any other index, whatever precision the store keeps, and what the store has and the library
    has no more is left out. What the store was not told yet is not found.

    Parameters
    ----------
    library : Library or Database
    store : VectorStore
    fingerprint : str
        Of the space.
    namespace : str, optional
        Only items with a file in it, as far as the store knows. A filter by ``allowed`` asks for
        the less, the more the store leaves out by itself.
    named : int
        Of so many items and fewer that a search may find, the ids are named to the store.
    most : int
        So many neighbours are asked for before more ids than that are named, a part at a time.

    Raises
    ------
    SpaceError
        The library has no such space.
    """

    def __init__(
        self,
        library: AnyLibrary,
        store: VectorStore,
        fingerprint: str,
        *,
        namespace: str | None = None,
        named: int = NAMED,
        most: int = MOST,
    ) -> None:
        library = as_database(library)
        space = find_space(library, fingerprint)
        if space is None:
            raise SpaceError(
                f"The library has no space {fingerprint[:12]}.", fingerprint=fingerprint
            )
        self._library = library
        self._store = store
        self._space = space
        self._namespace = namespace
        self._named, self._most = named, most

    def __len__(self) -> int:
        return insist(lambda: self._store.count(self._space.fingerprint), patience=_PATIENCE)

    def search(
        self,
        query: npt.NDArray[np.float32],
        k: int,
        *,
        allowed: npt.NDArray[np.int64] | None = None,
    ) -> Neighbours:
        """See :meth:`safelight.library.vector_index.base.VectorIndex.search`.

        Raises
        ------
        StoreError
            The store does not answer, or never received this space.
        """
        check_query(query, self._space.dimension)
        if allowed is not None and len(allowed) <= self._named:
            return self._ranked(query, k, self._among(query, k, allowed))
        wanted = k + _MARGIN
        while True:
            ids = self._nearest(query, wanted)
            keys = self._keys(ids)
            if allowed is not None:
                keys = keys[np.isin(keys, allowed)]
            enough = len(keys) >= k
            if enough:
                ranked = self._ranked(query, len(keys), keys)
                # Of those that are as near as the k-th the store may have left out some.
                enough = len(ranked.scores) < k or ranked.scores[-1] < ranked.scores[k - 1]
            if enough or len(ids) < wanted or wanted >= self._most:
                break
            wanted = min(8 * wanted, max(self._most, k + _MARGIN))
        if allowed is not None and len(keys) < k:
            # What is allowed is far from the query: named, it cannot be missed.
            return self._ranked(query, k, self._among(query, k, allowed))
        return self._ranked(query, k, keys)

    def _nearest(
        self, query: npt.NDArray[np.float32], k: int, among: Sequence[str] | None = None
    ) -> list[str]:
        return insist(
            lambda: self._store.nearest(
                self._space.fingerprint,
                query,
                k,
                namespace=self._namespace if among is None else None,
                among=among,
            ),
            patience=_PATIENCE,
        )

    def _among(
        self, query: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Return the keys of the nearest among `allowed`; of each part of it, its nearest."""
        found = [np.empty(0, np.int64)]
        for start in range(0, len(allowed), self._named):
            ids = item_ids(self._library, allowed[start : start + self._named].tolist())
            if ids:
                found.append(self._keys(self._nearest(query, k + _MARGIN, ids)))
        return np.concatenate(found)

    def _ranked(
        self, query: npt.NDArray[np.float32], k: int, keys: npt.NDArray[np.int64]
    ) -> Neighbours:
        """Return the best `k` of `keys` by the library's vectors."""
        kept = vectors_by_key(self._library, keys.tolist(), self._space.fingerprint)
        if not kept:
            return Neighbours(np.empty(0, np.int64), np.empty(0))
        found = np.asarray(list(kept), np.int64)
        scores = cosines(np.stack(list(kept.values())), query)
        order = best(scores, found, k)
        return Neighbours(found[order], scores[order])

    def _keys(self, ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the item keys of `ids` in their order; those that the library lacks left out."""
        found = item_keys(self._library.connection, ids)
        return np.asarray([found[each] for each in ids if each in found], np.int64)
