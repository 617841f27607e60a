"""Technical quality of a photo, in the metrics that the field has published.

>>> from safelight.quality import score
>>> score("beach.jpg").combined.score                            # doctest: +SKIP
0.71

Names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safelight.quality.combined import Weights
    from safelight.quality.files import score_files
    from safelight.quality.head import Head
    from safelight.quality.metric import Measurement, Metric
    from safelight.quality.picture import Picture
    from safelight.quality.registry import choose
    from safelight.quality.report import Report
    from safelight.quality.scoring import measure, score

_HOMES = {
    "Head": "head",
    "Measurement": "metric",
    "Metric": "metric",
    "Picture": "picture",
    "Report": "report",
    "Weights": "combined",
    "choose": "registry",
    "measure": "scoring",
    "score": "scoring",
    "score_files": "files",
}

__all__ = [
    "Head",
    "Measurement",
    "Metric",
    "Picture",
    "Report",
    "Weights",
    "choose",
    "measure",
    "score",
    "score_files",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'safelight.quality' has no attribute {name!r}")
    return getattr(import_module(f"safelight.quality.{home}"), name)
