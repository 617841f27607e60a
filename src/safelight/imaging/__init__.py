"""Imaging: bytes to frames. Imports Pillow and numpy only when something is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safelight.imaging.formats import available_extras, extra_for, is_photo
from safelight.imaging.reader import PhotoReader, read_photo, read_verified
from safelight.types import DEFAULT_MAX_PIXELS

if TYPE_CHECKING:
    from safelight.imaging.decoding import decode

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "PhotoReader",
    "available_extras",
    "decode",
    "extra_for",
    "is_photo",
    "read_photo",
    "read_verified",
]


def __getattr__(name: str) -> Any:
    if name == "decode":
        from safelight.imaging import decoding

        return decoding.decode
    raise AttributeError(f"module 'safelight.imaging' has no attribute {name!r}")
