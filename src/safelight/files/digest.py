"""sha256 of bytes and of files: the name of a photo, and the proof that a file still is one."""

from __future__ import annotations

import hashlib
from typing import IO, TYPE_CHECKING

from safelight.files.opening import chunks, open_regular

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
    with open_regular(path) as file:
        return sha256_of_open(file, path)


def sha256_of_open(file: IO[bytes], path: PathName) -> str:
    """Return the sha256 of what an open file holds from where it stands; `path` for messages."""
    digest = hashlib.sha256()
    for chunk in chunks(file, path):
        digest.update(chunk)
    return digest.hexdigest()
