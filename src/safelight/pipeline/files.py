"""Files of the pipeline, written whole or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from safelight.errors import SafelightError, UsageError
from safelight.files import LARGE_TEXT, read_bytes
from safelight.files.atomic import write_safely
from safelight.files.bounded_json import parse_json
from safelight.files.refusals import described

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file so that `path` holds all of it, or what it held before.

    Parameters
    ----------
    path : Path
        Its folder is made if it is not there.
    data : bytes
    sync : bool
        Wait until it is on the disk, so that not even a power cut leaves half of it.

    Raises
    ------
    SafelightError
        The file system refuses.
    """
    try:
        write_safely(path, data, durable=sync)
    except OSError as exc:
        raise SafelightError(f"{path} cannot be written: {described(exc)}.", code="output") from exc


def to_json(value: Mapping[str, Any], indent: int | None = None) -> bytes:
    """Return an object as JSON, in UTF-8 whatever its texts hold."""
    separators = (",", ":") if indent is None else None
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators).encode()
    except UnicodeEncodeError:  # half a character, which JSON can only escape
        return json.dumps(value, indent=indent, separators=separators).encode()


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write an object as JSON, as :func:`write_whole` does."""
    write_whole(path, to_json(value, indent=1) + b"\n")


def read_json(path: Path) -> dict[str, Any]:
    """Return the object that a file holds.

    Raises
    ------
    OSError
        It cannot be read.
    UsageError
        It holds no JSON object.
    """
    return parse_object(read_bytes(path, limit=LARGE_TEXT), str(path))


def parse_object(data: bytes | str, where: str) -> dict[str, Any]:
    """Return the object that JSON says.

    Parameters
    ----------
    data : bytes or str
    where : str
        What the message calls it.

    Raises
    ------
    UsageError
        It is not JSON, or no object.
    """
    try:
        value = parse_json(data)
    except ValueError as exc:
        raise UsageError(f"{where} is not JSON: {exc}.", code="bad-json") from exc
    if not isinstance(value, dict):
        raise UsageError(f"{where} is JSON, but not an object.", code="bad-json")
    return value
