"""sha256 of bytes and of files: the name of a photo, and the proof that a file still is one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from safelight.files.opening import chunks

if TYPE_CHECKING:
    from safelight.files.opening import PathName


def sha256(data: bytes) -> str:
    """Return the sha256 of bytes, hex."""
    return hashlib.sha256(data).hexdigest()


def sha256_of(path: PathName) -> str:
    """Return the sha256 of a regular file's bytes, hex.

    Raises
    ------
    FileError
        It is not a regular file, or grows while it is read.
    OSError
        It cannot be read.
    """
    digest = hashlib.sha256()
    for chunk in chunks(path):
        digest.update(chunk)
    return digest.hexdigest()
