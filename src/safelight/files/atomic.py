"""Write a file so that it holds all of the new bytes, or what it held before."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_safely(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and have it on the disk when this returns.

    What a killed process leaves beside it is replaced by the next one that writes the same file.

    Raises
    ------
    OSError
        The file system refuses; what was there is as it was.
    """
    # Not the name itself with something added, which may become too long.
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    part = path.with_name(f".safelight-{digest}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
