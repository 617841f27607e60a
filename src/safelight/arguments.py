"""Arguments of public functions: a list where a list belongs, and the kind that is meant.

A text is a sequence of letters, so a function that takes texts would take ``"cat"`` for three. A
person who gives one value means that value. What is of another kind is refused where it is given:
further in, it would raise an error that names nothing the caller knows, or be stored.
"""

from __future__ import annotations

import inspect
import math
import numbers
import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from safelight.errors import SettingsError, UsageError


def as_list(value: Any, name: str, *kinds: type) -> list[Any]:
    """Return the values of an argument that takes several; a single one is a list of one.

    Parameters
    ----------
    value : object or iterable
    name : str
        Of the argument, for the message.
    *kinds : type
        What a value may be.

    Raises
    ------
    UsageError
        It is None, a mapping, or holds a value of another kind.

    Examples
    --------
    >>> as_list("cat", "texts", str), as_list(("a", "b"), "texts", str)
    (['cat'], ['a', 'b'])
    """
    if isinstance(value, kinds):
        return [value]
    if isinstance(value, str | bytes | bytearray | os.PathLike | Mapping) or not isinstance(
        value, Iterable
    ):
        raise _refused(name, kinds, value)
    values: list[Any] = list(value)
    for each in values:
        if not isinstance(each, kinds):
            raise _refused(name, kinds, each)
    return values


def as_path(value: Any, name: str) -> str:
    """Return the path that an argument names, as text.

    Raises
    ------
    UsageError
        It is neither a text nor a path, or holds a NUL.

    Examples
    --------
    >>> as_path("photos.db", "path")
    'photos.db'
    """
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    if not isinstance(text, str):
        raise refused(name, "a path", value)
    if "\0" in text:
        raise UsageError(f"{text!r} is not a possible path.", argument=name)
    return text


def as_kind(value: Any, name: str, wanted: str, *kinds: type) -> Any:
    """Return an argument that is of one of these kinds.

    Parameters
    ----------
    value : object
    name : str
    wanted : str
        The kinds in words, for the message, as in ``a text``.
    *kinds : type

    Raises
    ------
    UsageError
        It is of another kind.

    Examples
    --------
    >>> as_kind("cat", "query", "a text", str)
    'cat'
    """
    if not isinstance(value, kinds):
        raise refused(name, wanted, value)
    return value


def as_mapping(value: Any, name: str, wanted: str) -> dict[Any, Any]:
    """Return an argument that maps names to values, as a dict; an empty one for None.

    Raises
    ------
    UsageError
        It is of another kind.

    Examples
    --------
    >>> as_mapping({"focus": 0.6}, "least", "scores by metric")
    {'focus': 0.6}
    """
    return {} if value is None else dict(as_kind(value, name, wanted, Mapping))


def as_name(value: Any, name: str) -> str:
    """Return an argument that names something: a text that is not empty.

    Raises
    ------
    UsageError
        It is none, or empty.

    Examples
    --------
    >>> as_name("holiday", "namespace")
    'holiday'
    """
    if not isinstance(value, str):
        raise refused(name, "a text", value)
    if not value.strip():
        raise UsageError(f"{name} is empty. Is a variable unset?", argument=name)
    return value


#: As long as a name of a file may be, roughly; requests can name no longer ones.
_LONGEST_NAME = 200


def as_new_name(value: Any, name: str) -> str:
    """Return a name that is given to something: people have to be able to read and type it.

    Raises
    ------
    UsageError
        It is not a text, is empty, begins or ends with a blank, is longer than 200 characters, or
        has a line break or another character that cannot be seen.

    Examples
    --------
    >>> as_new_name("été / 2024", "namespace")
    'été / 2024'
    """
    text = as_name(value, name)
    problem = None
    if text != text.strip():
        problem = "begins or ends with a blank"
    elif len(text) > _LONGEST_NAME:
        problem = f"is longer than {_LONGEST_NAME} characters"
    elif not text.isprintable():
        problem = "has a character that cannot be seen"
    if problem:
        raise UsageError(f"{name} {text[:40]!r} {problem}.", argument=name)
    return text


def as_having(value: Any, name: str, wanted: str, *attributes: str) -> Any:
    """Return an argument that has these attributes: of a kind that callers may define themselves.

    Raises
    ------
    UsageError
        It lacks one.

    Examples
    --------
    >>> as_having("cat", "query", "a text", "upper")
    'cat'
    """
    if isinstance(value, type):
        raise refused(name, wanted, value)
    lacking = [attribute for attribute in attributes if not _has(value, attribute)]
    if len(lacking) == len(attributes):
        raise refused(name, wanted, value)
    if lacking:
        raise UsageError(
            f"{name} is a {type(value).__name__}, which lacks {', '.join(lacking)}. "
            f"It should be {wanted}, or have all that it has.",
            argument=name,
        )
    return value


def _has(value: Any, attribute: str) -> bool:
    # Without asking for its value, which may load a model's weights.
    missing = object()
    return inspect.getattr_static(value, attribute, missing) is not missing or hasattr(
        type(value), "__getattr__"
    )


def as_count(value: Any, name: str, least: int = 1) -> int:
    """Return an argument that counts something, as an integer of at least `least`.

    Raises
    ------
    UsageError
        It is not an integer, or too small.

    Examples
    --------
    >>> as_count(3, "top")
    3
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise refused(name, "an integer", value)
    if value < least:
        raise UsageError(f"{name} is {value}; it should be at least {least}.", argument=name)
    return int(value)


def as_number(value: Any, name: str) -> float:
    """Return an argument that is a finite number.

    Raises
    ------
    UsageError
        It is not.

    Examples
    --------
    >>> as_number(0.5, "min_score")
    0.5
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise refused(name, "a number", value)
    number = float(value)
    if not math.isfinite(number):
        raise UsageError(f"{name} is {number}; it should be a finite number.", argument=name)
    return number


def named_numbers(
    parts: Iterable[str], kind: str, choices: Collection[str] | None = None, signs: str = "="
) -> dict[str, float]:
    """Read numbers by name, each written as ``NAME=NUMBER``.

    Parameters
    ----------
    parts : iterable of str
        Empty ones are passed over, so that a text may be split at its commas.
    kind : str
        Of the names, for messages: ``"metric"``.
    choices : collection of str, optional
        The names that are known; None for any.
    signs : str
        What may stand between name and number; the last one in a part divides it.

    Raises
    ------
    SettingsError
        A part is not a name and a finite number, or its name is unknown.

    Examples
    --------
    >>> named_numbers("focus=2, noise=0".split(","), "weight")
    {'focus': 2.0, 'noise': 0.0}
    """
    found = {}
    for part in filter(None, map(str.strip, parts)):
        cut = max(map(part.rfind, signs))
        name, text = (part[:cut].strip(), part[cut + 1 :].strip()) if cut > 0 else ("", "")
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not name or not math.isfinite(number):
            raise SettingsError(f"{part[:60]!r} is not NAME{signs[0]}NUMBER.")
        if choices is not None and name not in choices:
            known = ", ".join(sorted(choices))
            raise SettingsError(f"Unknown {kind} {name[:60]!r}. Choose from: {known}.")
        found[name] = number
    return found


def refused(name: str, wanted: str, value: object) -> UsageError:
    """Return the error that says what an argument takes, and what it was given."""
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return UsageError(
        f"{name} takes {wanted}, not {shown} ({type(value).__name__}).", argument=name
    )


def _refused(name: str, kinds: tuple[type, ...], value: object) -> UsageError:
    wanted = " or ".join(kind.__name__ for kind in kinds)
    return refused(name, f"a list of {wanted}", value)
