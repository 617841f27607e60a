"""The hub's cache as its own client fills it: blobs called by their digests, and links to them."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def put(cache: Path, repo: str, folder: Path) -> Path:
    """Put a folder into the cache as what the hub has under `repo`; returns its snapshot."""
    here = cache / f"models--{repo.replace('/', '--')}"
    snapshot = here / "snapshots" / COMMIT
    (here / "blobs").mkdir(parents=True, exist_ok=True)
    (here / "refs").mkdir(exist_ok=True)
    (here / "refs" / "main").write_text(COMMIT)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        blob = here / "blobs" / _digest(path.name, data)
        blob.write_bytes(data)
        link = snapshot / path.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return snapshot


def _digest(name: str, data: bytes) -> str:
    if name.endswith((".json", ".txt")) and name != "tokenizer.json":
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    return hashlib.sha256(data).hexdigest()
