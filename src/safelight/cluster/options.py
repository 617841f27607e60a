"""Options of an ingest on a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.arguments import as_list

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """Options of an ingest on a cluster.

    Attributes
    ----------
    output : str
        The data set: a folder or URL, which all machines of the cluster reach by this name.
    address, workers
        See :func:`safelight.cluster.engine.cluster`; the number of actors.
    model : str, optional
        The data set's own, the setting, or the default if not given. All machines of the cluster
        must have it, or reach the hub.
    recursive, exclude, url_column, bytes_column
        See :func:`safelight.cluster.listing.parse_listing`.
    score : bool
        Also measure the quality.
    retry_failed : bool
        Also try files again that failed before and have not changed.
    apart : bool, optional
        Whether to decode in other workers than to embed; where there are GPUs if not given.
    """

    output: str
    address: str | None = None
    workers: int | None = None
    model: str | None = None
    recursive: bool = True
    exclude: Sequence[str] = ()
    url_column: str | None = None
    bytes_column: str | None = None
    score: bool = False
    retry_failed: bool = False
    apart: bool | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "exclude", tuple(as_list(self.exclude, "exclude", str)))
