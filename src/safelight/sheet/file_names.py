"""File names as people read them: short, and in the expected order."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from safelight.files.format import visible

if TYPE_CHECKING:
    from collections.abc import Sequence


def display_names(paths: Sequence[str], folder: str | None = None) -> list[str]:
    """Return each path, visible, as seen from a folder.

    Parameters
    ----------
    paths : sequence of str
    folder : str, optional
        The last that all of them lie in, if not given.

    Examples
    --------
    >>> display_names(["/home/me/a.jpg", "/home/me/trip/b.jpg"])
    ['a.jpg', 'trip/b.jpg']
    """
    full = [os.path.abspath(path) for path in paths]
    if not full:
        return []
    try:
        seen_from = folder or os.path.commonpath([os.path.dirname(path) for path in full])
        return [visible(os.path.relpath(path, seen_from)) for path in full]
    except ValueError:  # they lie on several drives
        return [visible(path) for path in full]


def by_name(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Return the sort key of a name: numbers in it by value, letters in any case.

    Examples
    --------
    >>> sorted(["img10.jpg", "IMG9.jpg", "b.jpg"], key=by_name)
    ['b.jpg', 'IMG9.jpg', 'img10.jpg']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name.casefold())
    return [(0, int(p), "") if p[0] in "0123456789" else (1, 0, p) for p in parts], name
