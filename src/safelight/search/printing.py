"""Parsed queries as text: for chips, ``--explain``, and to be read again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from safelight.library.expression import AllOf, AnyOf, Circle, Days, Match, Not, Range, Score

if TYPE_CHECKING:
    from safelight.library.expression import Expression, Value

#: Values and words that need no quotes.
_PLAIN = re.compile(r"[^\W_][\w*?.-]*")
_PLAIN_WORDS = re.compile(r"[a-z]+(?: [a-z]+)*")


def printed(expression: Expression) -> str:
    """Return an expression as the filters of a query.

    Examples
    --------
    >>> printed(Not(AnyOf((Match("camera", "Canon EOS R5"), Match("camera", "nikon")))))
    '-camera:"Canon EOS R5",nikon'
    >>> printed(AnyOf((Match("iso", Range(1600)), Match("is", "landscape"))))
    '(iso:>=1600 OR is:landscape)'
    """
    match expression:
        case Match(name, value):
            return f"{name}:{_value(name, value)}"
        case Not(part):
            return f"-{_group(part)}"
        case AllOf():
            return _group(expression)
        case _:
            same = _same_name(expression)
            if same is not None:
                return (
                    f"{same}:{','.join(_value(each.name, each.value) for each in expression.parts)}"  # type: ignore[union-attr]
                )
            return f"({' OR '.join(map(printed, expression.parts))})"


def _group(part: Expression) -> str:
    if isinstance(part, AllOf):
        return f"({' '.join(map(printed, part.parts))})"
    return f"({printed(part)})" if isinstance(part, Not) else printed(part)


def _same_name(expression: AnyOf) -> str | None:
    names = {each.name if isinstance(each, Match) else None for each in expression.parts}
    return names.pop() if len(names) == 1 and "near" not in names else None


def _value(name: str, value: Value) -> str:
    match value:
        case Range():
            return printed_range(value, fractions=name == "shutter")
        case Days(first, last):
            return first if first == last and first else f"{first or ''}..{last or ''}"
        case Circle(latitude, longitude, kilometres):
            return f'"{_number(latitude)},{_number(longitude)} {_number(kilometres)}km"'
        case Score(metric, bounds):
            spelled = printed_range(bounds)
            return metric + (spelled if spelled[0] in "<>" else f"={spelled}")
    return quoted_if_needed(value)


def quoted_if_needed(text: str) -> str:
    """Return a value of a filter, in quotes if it could be read as something else."""
    return text if _PLAIN.fullmatch(text) else _quoted(text)


def printed_range(bounds: Range, *, fractions: bool = False) -> str:
    """Return a range of numbers as a filter spells it."""

    def number(value: float) -> str:
        return _number(value, fraction=fractions)

    low, high = bounds.low, bounds.high
    if low is not None and low == high:
        return number(low)
    if low is not None and high is not None:
        return f"{number(low)}..{number(high)}"
    if low is not None:
        return f"{'>' if bounds.above else '>='}{number(low)}"
    return f"{'<' if bounds.below else '<='}{number(high or 0.0)}"


def printed_term(kind: str, value: str, weight: float) -> str:
    """Return a term without its sign."""
    is_plain = _PLAIN_WORDS.fullmatch(value) and not {"or", "and"} & set(value.split())
    body = value if is_plain and kind == "text" else _quoted(value)
    if kind != "text":
        body = f"{kind}:{body}"
    return body if weight == 1 else f"{body}:{_number(weight)}"


def _number(number: float, *, fraction: bool = False) -> str:
    if fraction and 0 < number < 1 and round(1 / round(1 / number), 12) == number:
        return f"1/{round(1 / number)}"
    text = f"{number:.12f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
