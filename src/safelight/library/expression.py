"""Filter expressions: what a photo has to meet, as plain values.

One tree for every interface: :mod:`safelight.search.query` reads it from text,
:mod:`safelight.library.conditions` compiles it to SQL. All parts are frozen and can be hashed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers between two bounds; without one where it is None.

    Attributes
    ----------
    low, high : float or None
    above, below : bool
        The bound itself does not belong to it.
    """

    low: float | None = None
    high: float | None = None
    above: bool = False
    below: bool = False

    def has(self, number: float) -> bool:
        """Tell whether a number lies in it."""
        if self.low is not None and (number < self.low or (self.above and number == self.low)):
            return False
        return self.high is None or not (number > self.high or (self.below and number == self.high))


@dataclass(frozen=True, slots=True)
class Days:
    """Days between two, both included, in the camera's own time; ``YYYY-MM-DD``, None is open."""

    first: str | None = None
    last: str | None = None


@dataclass(frozen=True, slots=True)
class Circle:
    """Points within a distance of another; WGS 84 degrees and kilometres."""

    latitude: float
    longitude: float
    kilometres: float


@dataclass(frozen=True, slots=True)
class Score:
    """Scores of a metric in a range."""

    metric: str
    range: Range


Value: TypeAlias = str | Range | Days | Circle | Score


@dataclass(frozen=True, slots=True)
class Match:
    """One filter: its name, and the value that a photo has to have.

    Attributes
    ----------
    name : str
        One of :data:`safelight.search.filters.FILTERS`.
    value : str, Range, Days, Circle or Score
    """

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Not:
    """Negation of an expression."""

    part: Expression


@dataclass(frozen=True, slots=True)
class AllOf:
    """Conjunction: all parts hold."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Alternatives: at least one part holds."""

    parts: tuple[Expression, ...]


Expression: TypeAlias = Match | Not | AllOf | AnyOf


def together(*parts: Expression | None) -> Expression | None:
    """Return the conjunction of expressions, flat; None if there is none."""
    flat: list[Expression] = []
    for part in parts:
        if isinstance(part, AllOf):
            flat += part.parts
        elif part is not None:
            flat.append(part)
    if len(flat) < 2:
        return flat[0] if flat else None
    return AllOf(tuple(flat))


def conjuncts(expression: Expression | None) -> tuple[Expression, ...]:
    """Return the parts that must all hold."""
    if expression is None:
        return ()
    return expression.parts if isinstance(expression, AllOf) else (expression,)


def matches(expression: Expression | None) -> list[Match]:
    """Return every filter in an expression, in order, whether negated or not."""
    if expression is None:
        return []
    if isinstance(expression, Match):
        return [expression]
    if isinstance(expression, Not):
        return matches(expression.part)
    return [match for part in expression.parts for match in matches(part)]
