"""Names of files as disks compare them."""

from __future__ import annotations

import unicodedata


def folded(name: str) -> str:
    """Return a name as a case-blind disk compares it: case-folded, in one form of Unicode."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
