"""JSON that others wrote: parsed within limits of size and depth.

Python's parser has no limits of its own: some thousand nested lists end it with a RecursionError,
which is not a ValueError, and in a deep call even a few hundred do.
"""

from __future__ import annotations

import json
import re
from typing import Any

#: A configuration, a plan or a line of a list is smaller; a tokenizer's vocabulary has 35 MB.
MAX_BYTES = 256 * 1024**2

#: Real files nest some ten levels.
MAX_DEPTH = 64

# A string as a whole, in which brackets mean nothing; or a bracket.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)


class JsonError(ValueError):
    """The text is not JSON, or beyond the limits."""


def parse_json(
    data: bytes | str,
    *,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    strict: bool = False,
) -> Any:
    """Return the value that JSON text holds.

    Parameters
    ----------
    data : bytes or str
        UTF-8, with or without a byte order mark, if it is bytes.
    max_bytes : int
        Of `data`; characters if it is a str.
    max_depth : int
        Of nested lists and objects.
    strict : bool
        Refuse an object that has a key twice, of which readers disagree which counts, and NaN,
        which is not JSON.

    Raises
    ------
    JsonError
        It is not JSON, or larger or deeper than that. The message continues a sentence.

    Examples
    --------
    >>> parse_json(b'{"a": [1, 2]}')
    {'a': [1, 2]}
    >>> parse_json("[" * 100_000)
    Traceback (most recent call last):
    safelight.files.bounded_json.JsonError: more than 64 nested lists and objects
    """
    if len(data) > max_bytes:
        raise JsonError(f"more than {max_bytes:,} bytes")
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 (byte {error.start})") from error
    text = text.removeprefix("\ufeff")
    _check_depth(text, max_depth)
    try:
        if not strict:
            return json.loads(text)
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise JsonError(str(error)) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has the key {twice[:40]!r} twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")


def _check_depth(text: str, limit: int) -> None:
    if text.count("[") + text.count("{") <= limit:
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        match token.group()[0]:
            case "[" | "{":
                depth += 1
                if depth > limit:
                    raise JsonError(f"more than {limit} nested lists and objects")
            case "]" | "}":
                depth -= 1
