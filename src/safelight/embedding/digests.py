"""sha256 of model files, computed once per file.

Hashing the 600 MB of a model takes as long as a whole search, so a digest is kept in the user's
cache folder, under the file's path, size, time of change and inode. In the hub's cache the
digest is the name of the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from pathlib import Path

_SHA256 = re.compile(r"[0-9a-f]{64}")

# A file written within the clock's resolution of being read could change and keep its time.
_SETTLED_NS = 2_000_000_000


def file_digest(path: Path) -> str:
    """Return the sha256 of a file, hex."""
    path = path.resolve()
    if path.parent.name == "blobs" and _SHA256.fullmatch(path.name):
        return path.name
    status = path.stat()
    identity = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}"
    key = hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()
    kept = _folder() / key
    with contextlib.suppress(OSError, ValueError):
        if _SHA256.fullmatch(digest := kept.read_text("ascii")):
            return digest
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if time.time_ns() - status.st_mtime_ns > _SETTLED_NS:
        _keep(kept, digest)
    return digest


def _folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("safelight", appauthor=False) / "digests"


def _keep(path: Path, digest: str) -> None:
    # A cache that cannot be written costs time, and nothing else.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(digest)
        Path(temporary).replace(path)
