"""Completion of a query as it is typed: names of filters, and values that photos have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.library.folding import folded
from safelight.library.value_counts import value_counts
from safelight.search.filters import FILTERS, known_filter
from safelight.search.printing import quoted_if_needed

if TYPE_CHECKING:
    from safelight.library.database import Database

#: The filter that a query ends in: its name, and what is typed of its last value.
_LAST = re.compile(
    r"(?:^|(?<=[\s(]))(?P<sign>[+-]?)(?P<name>[^\W\d_][\w-]*)"
    r'(?::(?P<former>(?:(?:"(?:[^"\\]|\\.)*"|[^\s",()]+),)*)(?P<value>"[^"]*|[^\s",()]*))?$'
)

#: Behind the name of a metric, what makes a filter of it.
_BOUND = ">=0.5"

#: Values that no photo has to have.
_PERIODS = ("today", "yesterday", "this week", "last week", "last month", "last year")


@dataclass(frozen=True, slots=True)
class Completion:
    """One way in which a query can go on.

    Attributes
    ----------
    text : str
        The whole query, completed.
    value : str
        What was completed: a filter's name with its colon, or a value.
    photos : int or None
        Number of photos with the value; None for a name, and for a period.
    meaning : str or None
        Of a filter's name, in words.
    """

    text: str
    value: str
    photos: int | None = None
    meaning: str | None = None


def complete(
    library: Database,
    text: str,
    *,
    namespaces: tuple[str, ...] | None = None,
    limit: int = 10,
) -> tuple[Completion, ...]:
    """Return the completions of a query that ends where it is being typed.

    Parameters
    ----------
    namespaces : tuple of str, optional
        Only values of photos in these.
    """
    found = _LAST.search(text)
    if found is None:
        return ()
    if found["value"] is None:
        return _names(text[: found.start("name")], found["name"], limit)
    name = known_filter(found["name"])
    if name is None:
        return ()
    typed = found["value"].removeprefix('"')
    values = value_counts(library, name, typed, namespaces)
    ranked = [(_rank(typed, value), value, count) for value, count in values]
    chosen = sorted((each for each in ranked if each[0] < _NO_MATCH), key=_first)[:limit]
    start = text[: found.start("value")]
    completions = [
        Completion(start + _written(name, value), value, count) for _, value, count in chosen
    ]
    if name == "taken":
        periods = [each for each in _PERIODS if folded(each).startswith(folded(typed))]
        completions += [Completion(start + quoted_if_needed(each), each) for each in periods]
    return tuple(completions[:limit])


def _names(start: str, typed: str, limit: int) -> tuple[Completion, ...]:
    wanted = typed.casefold()
    return tuple(
        Completion(f"{start}{name}:", f"{name}:", meaning=f"photos {kind.meaning}")
        for name, kind in FILTERS.items()
        if name.startswith(wanted)
    )[:limit]


_NO_MATCH = 3


def _rank(typed: str, value: str) -> int:
    wanted, plain = folded(typed), folded(value)
    if plain.startswith(wanted):
        return 0
    if any(word.startswith(wanted) for word in re.split(r"[\W_]+", plain)):
        return 1
    return 2 if len(wanted) > 1 and wanted in plain else _NO_MATCH


def _first(each: tuple[int, str, int]) -> tuple[int, int, str]:
    return each[0], -each[2], each[1]


def _written(name: str, value: str) -> str:
    return value + _BOUND if name == "score" else quoted_if_needed(value)
