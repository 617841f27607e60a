"""sha256 of model files, computed once per file.

Hashing the 600 MB of a model takes as long as a whole search, so a digest is kept in the user's
cache folder, under the file's path, size, time of change and inode. In the hub's cache the
digest is the name of the file.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path

from safelight.files import SMALL_FILE, read_text, sha256, sha256_of
from safelight.files.atomic import write_safely

_SHA256 = re.compile(r"[0-9a-f]{64}")

# A file written within the clock's resolution of being read could change and keep its time.
_SETTLED_NS = 2_000_000_000


def file_digest(path: Path) -> str:
    """Return the sha256 of a file, hex."""
    if (digest := _name_in_hub_cache(path)) is not None:
        return digest
    path = path.resolve()
    status = path.stat()
    identity = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}"
    key = sha256(identity.encode(errors="surrogateescape"))
    kept = _folder() / key
    with contextlib.suppress(OSError, ValueError):
        if _SHA256.fullmatch(digest := read_text(kept, limit=SMALL_FILE, encoding="ascii")):
            return digest
    digest = sha256_of(path)
    if time.time_ns() - status.st_mtime_ns > _SETTLED_NS:
        _keep(kept, digest)
    return digest


def _name_in_hub_cache(path: Path) -> str | None:
    """Return the sha256 that a file of the hub's cache has as its name, if it has."""
    if not path.is_symlink():
        return None
    # One step only: what a blob in turn may be a link to is named by another kind of hash.
    blob = Path(os.path.normpath(path.parent / path.readlink()))
    is_blob = blob.parent.name == "blobs" and blob.parent.parent.name.startswith("models--")
    return blob.name if is_blob and _SHA256.fullmatch(blob.name) else None


def _folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("safelight", appauthor=False) / "digests"


def _keep(path: Path, digest: str) -> None:
    # A cache that cannot be written costs time, and nothing else.
    with contextlib.suppress(OSError):
        write_safely(path, digest.encode(), durable=False)
