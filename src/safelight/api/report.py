"""Files that pages of duplicates and plans may be written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.arguments import as_path
from safelight.files.names import expanded

if TYPE_CHECKING:
    import os


def check_report(path: str | os.PathLike[str], *, force: bool = False) -> str:
    """Return the path of a page; raise unless one may be written there.

    Raises
    ------
    UsageError
        Something else is there, and `force` is not given.
    """
    from safelight.duplicates.report.page import check_report as check

    target = expanded(as_path(path, "path"))
    check(target, force=force)
    return target
