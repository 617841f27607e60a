"""Conditions on metadata, as filters of a search spell them.

Three spellings, which may be mixed::

    [{"field": "year", "operator": ">=", "value": 2020}]
    {"year": {"gte": 2020}}
    {"label": "beach"}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from safelight.errors import UsageError

#: What each operator is called, in either spelling.
OPERATORS = {
    "=": "eq",
    "==": "eq",
    "eq": "eq",
    "!=": "neq",
    "neq": "neq",
    "ne": "neq",
    "<": "lt",
    "lt": "lt",
    "<=": "lte",
    "lte": "lte",
    ">": "gt",
    "gt": "gt",
    ">=": "gte",
    "gte": "gte",
    "in": "in",
    "not_in": "not_in",
    "nin": "not_in",
    "between": "between",
    "contains": "contains",
    "exists": "exists",
}

_MOST = 50

_PARTS = {"field", "operator", "value"}


@dataclass(frozen=True, slots=True)
class Condition:
    """Condition on one field.

    Attributes
    ----------
    field : str
    operator : str
        A value of :data:`OPERATORS`.
    value : object
        A scalar; a list for ``in``, ``not_in`` and ``between``.
    """

    field: str
    operator: str
    value: Any

    def holds(self, metadata: Mapping[str, str]) -> bool:
        """Tell whether it is so.

        A number is compared as a number with what reads as one; everything else as text. A field
        that is not there is equal to nothing.
        """
        found = metadata.get(self.field)
        if self.operator == "exists":
            return (found is not None) == bool(self.value)
        if self.operator in ("neq", "not_in"):
            return found is None or not _among(found, _listed(self.value))
        if found is None:
            return False
        match self.operator:
            case "eq" | "in":
                return _among(found, _listed(self.value))
            case "contains":
                return _text(self.value).casefold() in found.casefold()
            case "between":
                low, high = self.value
                return _compare(found, low) >= 0 and _compare(found, high) <= 0
            case "lt":
                return _compare(found, self.value) < 0
            case "lte":
                return _compare(found, self.value) <= 0
            case "gt":
                return _compare(found, self.value) > 0
            case _:
                return _compare(found, self.value) >= 0


def hold(conditions: Sequence[Condition], metadata: Mapping[str, str]) -> bool:
    """Tell whether all conditions hold."""
    return all(each.holds(metadata) for each in conditions)


def parse_conditions(given: object) -> list[Condition]:
    """Return the conditions that a filter spells; none for None.

    Raises
    ------
    UsageError
        It is spelled in no known way.

    Examples
    --------
    >>> parse_conditions({"label": "beach", "year": {"gte": 2020, "lt": 2022}})[1]
    Condition(field='year', operator='gte', value=2020)
    """
    if given is None:
        return []
    found: list[Condition] = []
    if isinstance(given, Mapping) and {"field", "value"} <= given.keys() <= _PARTS:
        given = [given]
    if isinstance(given, Mapping):
        for field, value in given.items():
            if isinstance(value, Mapping):
                found += [_condition(field, name, each) for name, each in value.items()]
            else:
                found.append(_condition(field, "in" if isinstance(value, list) else "eq", value))
    elif isinstance(given, list | tuple):
        for each in given:
            if not isinstance(each, Mapping) or "field" not in each or "value" not in each:
                raise _no_filter('each needs "field", "operator" and "value"')
            for name in each.keys() - _PARTS:
                raise _no_filter(f"a condition has no {str(name)[:40]!r}")
            found.append(_condition(each["field"], each.get("operator", "="), each["value"]))
    else:
        raise _no_filter("it is neither a list nor an object")
    if len(found) > _MOST:
        raise _no_filter(f"it has more than {_MOST} conditions")
    return found


def _condition(field: object, name: object, value: object) -> Condition:
    if not isinstance(field, str) or not field:
        raise _no_filter("a field is called by a text")
    operator = OPERATORS.get(name.lower()) if isinstance(name, str) else None
    if operator is None:
        known = ", ".join(dict.fromkeys(OPERATORS))
        raise _no_filter(f"unknown operator {str(name)[:30]!r}; choose from: {known}")
    if operator in ("in", "not_in", "between"):
        is_list = isinstance(value, list) and all(_is_scalar(each) for each in value)
        if not is_list or (operator == "between" and len(value) != 2):  # type: ignore[arg-type]
            wanted = "two values" if operator == "between" else "a list of values"
            raise _no_filter(f"{name} needs {wanted}")
    elif not _is_scalar(value):
        raise _no_filter(f"{name} needs one value")
    return Condition(field, operator, value)


def _no_filter(why: str) -> UsageError:
    return UsageError(
        f"The filter cannot be read: {why}. Write "
        '[{"field": "label", "operator": "=", "value": "beach"}], {"year": {"gte": 2020}} or '
        '{"label": "beach"}.',
        code="filter",
    )


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _among(found: str, values: list[Any]) -> bool:
    return any(
        found == value if isinstance(value, str) else _compare(found, value) == 0
        for value in values
    )


def _compare(found: str, value: object) -> int:
    """Return -1, 0 or 1: as numbers if both read as such, else as texts."""
    left, right = _number(found), _number(value)
    if left is not None and right is not None:
        return (left > right) - (left < right)
    text = _text(value)
    return (found > text) - (found < text)


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number == number else None  # a text may read "nan"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
