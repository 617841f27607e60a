"""Look-ups of many texts at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# SQLite's JSON ends a text at its first NUL: "a\0b" would find "a", and never itself.
_NUL, _ONE = "\1\3", "\1\2"


def among(column: str, texts: Iterable[str]) -> tuple[str, str]:
    """Return the condition that a column is one of some texts, and its value."""
    wanted = list(texts)
    if not any("\0" in text for text in wanted):
        return f"{column} IN (SELECT value FROM json_each(?))", json.dumps(wanted)
    decoded = "replace(replace(value, char(1, 3), char(0)), char(1, 2), char(1))"
    return (
        f"{column} IN (SELECT {decoded} FROM json_each(?))",
        json.dumps([text.replace("\1", _ONE).replace("\0", _NUL) for text in wanted]),
    )
