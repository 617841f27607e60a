"""Pictures of the library's photos: thumbnails kept in files, larger ones made when asked for."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING

from safelight.files import SMALL_FILE, read_bytes
from safelight.imaging.thumbnails import VERSION, thumbnails
from safelight.library.derived import thumbnails_folder
from safelight.library.originals import read_original
from safelight.server.uploads import part_name

if TYPE_CHECKING:
    from pathlib import Path

    from safelight.library.store import Library

SIDES = (160, 320, 640)


def kept_thumbnail(library: Library, photo_id: str, side: int) -> bytes | None:
    """Return a thumbnail that was made before, or None."""
    try:
        return read_bytes(_place(library, photo_id, side), limit=SMALL_FILE)
    except FileNotFoundError:
        return None


def make_thumbnail(
    library: Library,
    photo_id: str,
    side: int,
    namespaces: tuple[str, ...] | None,
    *,
    max_pixels: int,
) -> bytes:
    """Make all thumbnails of a photo from one decode, keep them, and return one.

    Raises
    ------
    LibraryError
        There is no such photo, or its file is not what it was.
    DecodeError
        It cannot be decoded any more: an extra is missing now.
    """
    data = read_original(library, photo_id, namespaces)
    made = thumbnails(data, SIDES, max_pixels=max_pixels)
    for each, picture in made.items():
        # A folder that cannot be written to costs time at each look, not the picture.
        with contextlib.suppress(OSError):
            _write(_place(library, photo_id, each), picture)
    return made[side]


def make_picture(
    library: Library,
    photo_id: str,
    side: int,
    namespaces: tuple[str, ...] | None,
    *,
    max_pixels: int,
) -> bytes:
    """Return a photo upright as WebP with at most `side` pixels on its longer side."""
    data = read_original(library, photo_id, namespaces)
    return thumbnails(data, (side,), max_pixels=max_pixels)[side]


def etag(picture: bytes) -> str:
    """Return a strong validator: equal for equal bytes only."""
    return f'"{hashlib.sha256(picture).hexdigest()[:32]}"'


def _place(library: Library, photo_id: str, side: int) -> Path:
    folder = thumbnails_folder(library) / photo_id[:2]
    return folder / f"{photo_id}.{side}.{VERSION}.webp"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(part_name())
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
