"""Arguments of public functions: a list where a list belongs.

A text is a sequence of letters, so a function that takes texts would take ``"cat"`` for three. A
person who gives one value means that value.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from safelight.errors import UsageError


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


def _refused(name: str, kinds: tuple[type, ...], value: object) -> UsageError:
    wanted = " or ".join(kind.__name__ for kind in kinds)
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return UsageError(
        f"{name} takes a list of {wanted}, not {shown} ({type(value).__name__}).", argument=name
    )
