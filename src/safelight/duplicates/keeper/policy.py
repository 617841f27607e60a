"""Keeper policy: the weight of each keeper criterion."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

from safelight.arguments import named_numbers
from safelight.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping


def _weight(about: str) -> Any:
    return field(default=0.0, metadata={"about": about})


@dataclass(frozen=True, slots=True, kw_only=True)
class CriteriaWeights:
    """Weights of the keeper criteria; each criterion is 0 to 1 within a group."""

    original: float = _weight("Nothing tells that it was made from another of the group.")
    resolution: float = _weight("Pixels, as far as they hold detail: an upscale has no more.")
    compression: float = _weight("How little was lost when it was saved.")
    metadata: float = _weight("Date, place, camera, labels.")
    folder: float = _weight("In a protected or preferred folder; in none of backups, downloads ...")
    name: float = _weight("Not named as copies, edits and exports are.")
    focus: float = _weight("The score, if the library has it.")
    exposure: float = _weight("The score, if the library has it.")
    noise: float = _weight("The score, if the library has it.")
    combined: float = _weight("The score, if the library has it.")
    age: float = _weight("The oldest file, by its time of change.")
    small: float = _weight("The fewest bytes.")

    def __post_init__(self) -> None:
        for weight in fields(self):
            if not 0 <= getattr(self, weight.name) < float("inf"):
                raise SettingsError(
                    f"The weight of {weight.name} is {getattr(self, weight.name)}; "
                    "it should be 0 or more.",
                    setting=weight.name,
                )

    @property
    def by_focus(self) -> bool:
        """Tell whether nothing weighs more than the score for focus."""
        return self.focus > 0 and all(getattr(self, w.name) <= self.focus for w in fields(self))

    def changed(self, given: Mapping[str, float]) -> Self:
        """Return the same with other weights for some.

        Raises
        ------
        SettingsError
            There is no such criterion, or a weight is negative.
        """
        return replace(self, **given)


@dataclass(frozen=True, slots=True)
class Policy:
    """Rule for choosing the keeper.

    Attributes
    ----------
    name : str
    copies : CriteriaWeights
        Among forms of one picture.
    shots : CriteriaWeights
        Among pictures of one subject: bursts, and what is similar. There the scores decide, and
        focus first: what else could be said about two shots of one camera is nearly the same.
    """

    name: str
    copies: CriteriaWeights
    shots: CriteriaWeights


_LAST = CriteriaWeights(resolution=0.1, original=0.1, metadata=0.05, folder=0.05, age=0.01)

#: The policies that have a name. The later a consideration, the less it weighs: none of them
#: should outweigh a clear difference in those before it.
PRESETS = {
    "original": Policy(
        "original",
        CriteriaWeights(
            original=16, resolution=16, compression=8, folder=6, metadata=4, name=3, age=1,
            focus=0.4, exposure=0.3, noise=0.2, combined=0.2,
        ),
        CriteriaWeights(
            focus=4, exposure=1, noise=0.5, combined=1, resolution=2, original=1, folder=0.5,
            metadata=0.1, age=0.01,
        ),
    ),
    "sharpest": Policy("sharpest", replace(_LAST, focus=16), replace(_LAST, focus=16)),
    "smallest": Policy("smallest", replace(_LAST, small=16), replace(_LAST, small=16)),
}  # fmt: skip

DEFAULT = "original"


def parse_policy(text: str) -> Policy:
    """Read a policy: a preset, and weights that differ, as in ``original,metadata=8``.

    Raises
    ------
    SettingsError
        A name or number is not usable.

    Examples
    --------
    >>> parse_policy("sharpest").copies.focus
    16
    >>> parse_policy("original, small=3").shots.small
    3.0
    """
    parts = [part.strip() for part in text.split(",")]
    weights = [weight.name for weight in fields(CriteriaWeights)]
    given = named_numbers((part for part in parts if "=" in part), "weight", weights)
    name = DEFAULT
    for part in parts:
        if part and "=" not in part:
            if part not in PRESETS:
                raise SettingsError(
                    f"Unknown policy {part!r}. Choose from: {', '.join(PRESETS)}, and weights as "
                    "NAME=NUMBER."
                )
            name = part
    preset = PRESETS[name]
    if not given:
        return preset
    return Policy(
        ",".join((name, *(f"{key}={number:g}" for key, number in given.items()))),
        preset.copies.changed(given),
        preset.shots.changed(given),
    )
