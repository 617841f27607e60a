"""What a file holds, told by its sha256."""

from __future__ import annotations

import hashlib


def sha256_of(path: str) -> str:
    """Return the sha256 of a file's bytes, hex.

    Raises
    ------
    OSError
        It cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
