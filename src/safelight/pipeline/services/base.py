"""Common base of all services of the pipeline."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from safelight.imaging import DEFAULT_MAX_PIXELS
from safelight.pipeline.paths import PipelinePaths

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


@dataclass(frozen=True)
class OfPhotos:
    """Base of the services that read the files of photos.

    Parameters
    ----------
    places : PipelinePaths
        Where renditions lie, and what relative URIs are relative to.
    threads : int, optional
        Number that read and decode; one a processor core if not given.
    pixel_limit : int
        A photo with more is refused.
    """

    places: PipelinePaths = field(default_factory=PipelinePaths)
    _: KW_ONLY
    threads: int | None = None
    pixel_limit: int = DEFAULT_MAX_PIXELS
