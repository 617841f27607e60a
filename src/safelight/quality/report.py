"""Quality report of one photo."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.quality.combined import Combined
    from safelight.quality.metric import Measurement


@dataclass(frozen=True, slots=True)
class Report:
    """Measurements of one photo, with the combined score.

    Attributes
    ----------
    path : str or None
        The file, if there is one.
    photo_id : str or None
        sha256 of the file's bytes, hex.
    measurements : mapping
        By metric.
    versions : mapping
        Of each metric; with ``-full``, the photo was measured at its own size.
    combined : Combined
    """

    path: str | None
    photo_id: str | None
    measurements: Mapping[str, Measurement] = field(hash=False)
    versions: Mapping[str, str] = field(hash=False)
    combined: Combined

    def score(self, name: str) -> float | None:
        """Return the score of a metric, or ``combined``; None if there is none."""
        if name == "combined":
            return self.combined.score
        measurement = self.measurements.get(name)
        return None if measurement is None else measurement.score

    def to_dict(self, *, details: bool = False) -> dict[str, Any]:
        """Return it as JSON has it; the parts of each measurement only with `details`."""
        return {
            "path": self.path,
            "photo_id": self.photo_id,
            "metrics": {
                name: {
                    "value": measurement.value,
                    "score": measurement.score,
                    "status": measurement.status,
                    "reason": measurement.reason,
                    "version": self.versions[name],
                    **({"details": dict(measurement.details)} if details else {}),
                }
                for name, measurement in self.measurements.items()
            },
            "combined": {
                "score": self.combined.score,
                "parts": dict(self.combined.parts),
            },
        }
