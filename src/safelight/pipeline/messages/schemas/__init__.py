"""JSON Schemas (draft 2020-12) of the features service's input and output."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from safelight.errors import UsageError

NAMES = ("features-input", "features-output")


def read_schema(name: str) -> dict[str, Any]:
    """Return a schema by name, one of :data:`NAMES`.

    Raises
    ------
    UsageError
        There is no such schema.

    Examples
    --------
    >>> read_schema("features-output")["title"]
    'Batch with features'
    """
    if name not in NAMES:
        raise UsageError(f"Unknown schema {name!r}. Choose from: {', '.join(NAMES)}.")
    text = files(__name__).joinpath(f"{name}.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
