"""Failures of files as commands print them; those that lack one extra share a line."""

from __future__ import annotations

import os
import re
from collections import Counter
from typing import TYPE_CHECKING

from safelight.api import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# How a decoder names the extra that reads a format.
_EXTRA = re.compile(r"safelight\[([a-z,]+)\]")


def failure_lines(
    failures: Iterable[tuple[str, str]], *, most: int | None = None, more: str = ""
) -> list[str]:
    """Return the lines that tell of failures.

    Parameters
    ----------
    failures : iterable of (str, str)
        Path, and the whole line.
    most : int, optional
        How many lines to print of failures for other reasons than a missing extra.
    more : str
        Where the rest is listed.
    """
    extras: set[str] = set()
    kinds: Counter[str] = Counter()
    lines: list[str] = []
    first = ""
    for path, line in failures:
        if (found := _EXTRA.search(line)) is None:
            lines.append(line)
            continue
        first = first or line
        extras.update(found.group(1).split(","))
        kinds[os.path.splitext(path)[1].lower() or "without an ending"] += 1
    shown = lines if most is None else lines[:most]
    if len(shown) < len(lines):
        rest = len(lines) - len(shown)
        shown = [*shown, f"{rest:,} more could not be read{more}"]
    return [visible(line) for line in (*shown, *_of_extras(extras, kinds, first))]


def _of_extras(extras: set[str], kinds: Counter[str], first: str) -> Sequence[str]:
    if not extras:
        return ()
    count = sum(kinds.values())
    if count == 1:
        return (first,)
    counted = ", ".join(f"{kind} {number:,}" for kind, number in kinds.most_common(8))
    needed = ",".join(sorted(extras))
    return (
        f"{count:,} files need pip install 'safelight[{needed}]' ({counted}); run the same command "
        "again afterwards",
    )
