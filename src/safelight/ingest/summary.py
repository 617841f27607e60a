"""Progress and summary of an ingest."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safelight.types import Failure


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of an ingest.

    Attributes
    ----------
    done, total : int
        Entries to open.
    failed : int
    """

    done: int
    total: int
    failed: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Summary of an ingest, or, if ``dry_run``, of what it would do.

    Attributes
    ----------
    new : int
        Photos and texts that were embedded.
    known : int
        Files whose content the library had already: copies, renamed and moved files.
    unchanged : int
        Files that were not opened.
    failed, failing : int
        Files that failed now; that failed before and have not changed.
    gone : int
        Files that are missing now.
    moved : int
        Files whose content was found at another path.
    excluded : int
        Files that their source passes over now; they are no longer found.
    kept : int
        Files that are not there, and kept: most of their source is missing.
    scored : int
        Photos whose quality was measured.
    labelled : int
        Photos that were given labels, or found to have none.
    device : str or None
        Where the model ran; None if there was nothing to embed.
    interrupted : bool
        Whether it was stopped before its end.
    seconds : float
        Wall-clock time.
    stages : dict
        Seconds by stage, summed over threads.
    failures : list of Failure
        Of this run.
    unread : dict
        Pictures of kinds that are not read, by suffix, that the sources passed over.
    unmatched : list of str
        Exclusions that matched nothing.
    notes : list of str
        What the user should be told besides.
    """

    namespace: str
    space: str
    model: str
    dry_run: bool = False
    new: int = 0
    known: int = 0
    unchanged: int = 0
    failed: int = 0
    failing: int = 0
    gone: int = 0
    moved: int = 0
    excluded: int = 0
    kept: int = 0
    scored: int = 0
    labelled: int = 0
    device: str | None = None
    interrupted: bool = False
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict, hash=False)
    failures: list[Failure] = field(default_factory=list, hash=False)
    notes: list[str] = field(default_factory=list, hash=False)
    unread: dict[str, int] = field(default_factory=dict, hash=False)
    unmatched: list[str] = field(default_factory=list, hash=False)

    @property
    def is_empty(self) -> bool:
        """True if the sources listed nothing and the library knew no file of them."""
        counts = (self.new, self.known, self.unchanged, self.failed, self.failing, self.gone)
        return not any((*counts, self.moved, self.excluded, self.kept))

    @property
    def readable(self) -> int:
        """Files that could be read, now or before."""
        return self.new + self.known + self.unchanged

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return asdict(self)
