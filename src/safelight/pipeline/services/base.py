"""Common base of all services of the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Service(Protocol):
    """A step of the pipeline.

    Attributes
    ----------
    name : str
        Its event is ``NAME.completed``.
    """

    @property
    def name(self) -> str: ...

    def process(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Return the batch with what this service adds; `batch` itself is not changed.

        What is wrong with one photo is told in its place. Called from threads, again for a batch
        that was interrupted, and then with the same result.

        Raises
        ------
        UsageError
            The batch itself is wrong, and would be wrong another time.
        SafelightError, OSError
            It cannot be processed now.
        """
        ...
