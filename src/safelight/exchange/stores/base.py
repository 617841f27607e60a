"""Interface of every vector store: the seam between safelight and the engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from safelight.library.documents import Document
    from safelight.types import Space


class VectorStore(Protocol):
    """An engine that keeps items by space and finds the nearest.

    Every method raises :class:`~safelight.errors.StoreAway` if the engine does not answer, and
    :class:`~safelight.errors.StoreError` for what trying again does not cure. Each can be called
    again with the same arguments, and leaves what one call would have left.
    """

    @property
    def shown(self) -> str:
        """Its address without passwords: by this, libraries and messages know it."""
        ...

    def prepare(self, space: Space, owner: str, *, take_over: bool = False) -> None:
        """Make room for a space, unless it is there.

        Parameters
        ----------
        space : Space
        owner : str
            The library that feeds it.
        take_over : bool
            Feed it even if another library has fed it.

        Raises
        ------
        StoreError
            Another library feeds it, or it holds vectors of another dimension.
        """
        ...

    def put(self, fingerprint: str, documents: Sequence[Document]) -> None:
        """Keep `documents` in a space, in place of what it has of the same ids; all or none.

        Raises
        ------
        StoreRefused
            One of them is not to its taste.
        """
        ...

    def remove(self, fingerprint: str, photo_ids: Sequence[str]) -> None:
        """Remove items from a space; those that it has not are passed over."""
        ...

    def finish(self, fingerprint: str) -> None:
        """Do what is better done once much has been put; called when there is no more."""
        ...

    def count(self, fingerprint: str) -> int:
        """Count the items of a space."""
        ...

    def ids(self, fingerprint: str) -> Iterator[str]:
        """Yield the id of every item of a space."""
        ...

    def documents(self, fingerprint: str) -> Iterator[Document]:
        """Yield every item of a space, with its vector as exactly as it was kept.

        Raises
        ------
        StoreError
            It never received this space.
        """
        ...

    def nearest(
        self,
        fingerprint: str,
        query: npt.NDArray[np.float32],
        k: int,
        *,
        namespace: str | None = None,
        among: Sequence[str] | None = None,
    ) -> list[str]:
        """Return the ids of about the `k` items nearest to `query`, best first.

        Parameters
        ----------
        query : (dimension,) float32
            Of unit length.
        namespace : str, optional
            Only items with a file in it.
        among : sequence of str, optional
            Only these ids; then the answer is exact.

        Raises
        ------
        StoreError
            It never received this space.
        """
        ...

    def drop(self, fingerprint: str) -> None:
        """Remove a space with all that is in it."""
        ...

    def close(self) -> None:
        """Close connections and files."""
        ...
