"""Combined score: the weighted mean of several scores, with its parts."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

from safelight.arguments import named_numbers
from safelight.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.quality.metric import Measurement


def _weight(default: float, about: str) -> Any:
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights of the metrics; a metric without a field here counts nothing.

    Only the proportions matter: the weights of the metrics that took part are scaled to add up
    to 1.
    """

    clip_iqa: float = _weight(0.35, "Nearest to people's judgement of those that need no training.")
    head: float = _weight(0.35, "What the user trained, or chose, for this.")
    focus: float = _weight(0.25, "Out of focus is what most rejected photos are.")
    exposure: float = _weight(0.20, "Easily seen, and in part easily mended.")
    noise: float = _weight(0.10, "Seldom decisive.")
    brisque: float = _weight(0.05, "Sees artefacts; agrees little with people on real photos.")
    niqe: float = _weight(0.05, "As brisque.")
    sharpness: float = _weight(0.0, "Nearly 1 for most photos, and told better by focus.")

    def __post_init__(self) -> None:
        for weight in fields(self):
            if not 0 <= getattr(self, weight.name) < float("inf"):
                raise SettingsError(
                    f"The weight of {weight.name} is {getattr(self, weight.name)}; "
                    "it should be 0 or more.",
                    setting=weight.name,
                )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read weights that differ from the usual, as in ``focus=2,noise=0``.

        Raises
        ------
        SettingsError
            A name or number is not usable.

        Examples
        --------
        >>> Weights.parse("noise=0.3, niqe=0").noise
        0.3
        """
        known = {weight.name for weight in fields(cls)}
        return replace(cls(), **named_numbers(text.split(","), "metric", known))


@dataclass(frozen=True, slots=True)
class Combined:
    """The weighted mean of a photo's scores.

    Attributes
    ----------
    score : float or None
        0 to 1, where 1 is better; None if nothing that has a weight could be measured.
    parts : mapping
        What took part, with its share of the whole; the shares add up to 1.
    """

    score: float | None
    parts: Mapping[str, float] = field(default_factory=dict, hash=False)


def combine(measurements: Mapping[str, Measurement], weights: Weights) -> Combined:
    """Combine what was measured; what was not takes no part, and the others its share.

    Examples
    --------
    >>> from safelight.quality.metric import Measurement
    >>> sharp, unknown = Measurement(9e4, 0.9), Measurement(None, None, "skipped", "is flat")
    >>> combine({"focus": sharp, "noise": unknown}, Weights())
    Combined(score=0.9, parts={'focus': 1.0})
    """
    counted = {
        name: (measurement.score, weight)
        for name, measurement in measurements.items()
        if measurement.status == "ok"
        and measurement.score is not None
        and (weight := getattr(weights, name, 0.0)) > 0
    }
    total = sum(weight for _, weight in counted.values())
    if not total:
        return Combined(None)
    return Combined(
        sum(score * weight for score, weight in counted.values()) / total,
        {name: weight / total for name, (_, weight) in counted.items()},
    )
