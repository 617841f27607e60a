"""Which of several files with the same bytes is the one to keep."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.library.copies import Copy

# Names that file managers and browsers give to copies.
_COPY_NAME = re.compile(
    r"(?i)(^copy[ _]of|[ _-]copy( ?\d+)?$|\(\d+\)$|[ _-](kopie|copie|copia)( ?\d+)?$|~\d*$)"
)


def in_order(copies: Sequence[Copy]) -> list[Copy]:
    """Return the files of one photo, the one to keep first.

    A file before a link to one, a plain name before that of a copy, the older before the newer.
    """
    return sorted(
        copies,
        key=lambda copy: (
            os.path.islink(copy.path),
            is_copy_name(copy.path),
            copy.mtime_ns,
            len(copy.path),
            copy.path,
        ),
    )


def is_copy_name(path: str) -> bool:
    """Tell whether a file is named as file managers and browsers name copies."""
    return _COPY_NAME.search(os.path.splitext(os.path.basename(path))[0]) is not None
