"""Registry of metrics. A new one is one more file, and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safelight.arguments import as_list
from safelight.errors import UsageError
from safelight.quality.brisque import Brisque
from safelight.quality.clip_iqa import ALL_FIVE, ClipIqa
from safelight.quality.exposure import Exposure
from safelight.quality.focus import Focus
from safelight.quality.niqe import Niqe
from safelight.quality.noise import Noise
from safelight.quality.sharpness import Sharpness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.quality.head import Head
    from safelight.quality.metric import Metric
    from safelight.types import TextModel

#: Those that need the pixels only.
PIXEL_METRICS: tuple[Metric, ...] = (
    Sharpness(),
    Focus(),
    Exposure(),
    Noise(),
    Brisque(),
    Niqe(),
)

#: Every name, in the order of reports.
NAMES = (*(metric.name for metric in PIXEL_METRICS), ClipIqa.name, "head")


def choose(
    names: Sequence[str] | None = None,
    *,
    model: TextModel | None = None,
    head: Head | None = None,
    prompts: str = ALL_FIVE,
    pairs: Sequence[str] = (),
) -> tuple[Metric, ...]:
    """Return metrics by name, in the order of reports.

    Parameters
    ----------
    names : sequence of str, optional
        All if not given; ``head`` only if there is one.
    model, prompts, pairs
        See :class:`safelight.quality.clip_iqa.ClipIqa`.
    head : Head, optional

    Raises
    ------
    UsageError
        There is no metric of that name, or ``head`` is asked for and none is given.
    """
    every: tuple[Metric, ...] = (*PIXEL_METRICS, ClipIqa(model, prompts=prompts, pairs=pairs))
    if head is not None:
        every = (*every, head)
    if names is None:
        return every
    names = as_list(names, "names", str)
    known = {metric.name for metric in every}
    for name in names:
        if name not in NAMES:
            raise UsageError(f"Unknown metric {name!r}. Choose from: {', '.join(NAMES)}.")
        if name not in known:
            raise UsageError(f"The metric {name!r} needs a file of weights.", hint="head")
    return tuple(metric for metric in every if metric.name in names)


def chosen_metrics(metrics: Any) -> Sequence[Metric]:
    """Return metrics that were given as such, or by name; every one without a model for None."""
    if metrics is None:
        return choose()
    is_one = isinstance(metrics, str) or hasattr(metrics, "version")
    found: list[Metric] = []
    for each in [metrics] if is_one else metrics:
        found += choose([each]) if isinstance(each, str) else [each]
    return found
