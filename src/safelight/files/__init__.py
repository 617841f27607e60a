"""Files of every kind: opening them safely and reading what others wrote into them."""

from safelight.files.digest import sha256, sha256_of, sha256_of_open
from safelight.files.opening import (
    LARGE_TEXT,
    PHOTO_FILE,
    SIDECAR,
    SMALL_FILE,
    check_regular,
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
    "check_regular",
    "open_regular",
    "read_bytes",
    "read_head",
    "read_text",
    "read_with_stat",
    "sha256",
    "sha256_of",
    "sha256_of_open",
]
