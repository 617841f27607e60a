"""Files: opened safely, read up to a limit.

Everything that safelight reads goes through here: photos, sidecars, plans, lists, batches,
settings and model files.
"""

from safelight.files.digest import sha256, sha256_of
from safelight.files.opening import (
    LARGE_TEXT,
    PHOTO_FILE,
    SIDECAR,
    SMALL_FILE,
    open_regular,
    read_bytes,
    read_head,
    read_text,
    read_with_stat,
)

__all__ = [
    "LARGE_TEXT",
    "PHOTO_FILE",
    "SIDECAR",
    "SMALL_FILE",
    "open_regular",
    "read_bytes",
    "read_head",
    "read_text",
    "read_with_stat",
    "sha256",
    "sha256_of",
]
