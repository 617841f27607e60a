"""Interface and result of every quality metric."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.quality.picture import Picture

Status = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Result of one metric for one photo.

    Attributes
    ----------
    value : float or None
        In the metric's published unit and direction; None unless `status` is ``ok``.
    score : float or None
        0 to 1, where 1 is better; None unless `status` is ``ok``.
    status : str
        ``ok``; ``skipped``: it means nothing for this photo; ``failed``: it should have worked.
    reason : str or None
        Why it is not ``ok``.
    details : mapping
        Parts of the measurement, JSON-ready.
    """

    value: float | None
    score: float | None
    status: Status = "ok"
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)


class Metric(Protocol):
    """One quality metric.

    Attributes
    ----------
    name : str
    version : str
        Changes whenever the same photo would get another value or score.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...

    def measure(self, picture: Picture) -> Measurement:
        """Measure one photo; what cannot be measured is returned as such, never raised."""
        ...
