"""Thumbnails of photos, cached in files; larger pictures, made on request."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from safelight.files import read_bytes
from safelight.files.atomic import write_safely
from safelight.imaging.thumbnails import VERSION, of_frame, thumbnails
from safelight.library.derived import thumbnails_folder
from safelight.library.originals import read_original

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from safelight.library.database import Database
    from safelight.types import Frame

#: What a tile of the grid shows.
USUAL_SIDE = 320

# A WebP file and, behind its end, where no decoder looks, the digest of what it is of and holds:
# one that a full disk, a lost write or anybody else broke is made again, and never handed out.
_SEAL = 32
_LARGEST = 16 * 1024**2


def kept_thumbnail(library: Database, photo_id: str, side: int) -> bytes | None:
    """Return a thumbnail that was made before, or None if there is none that is whole."""
    try:
        kept = read_bytes(_place(library, photo_id, side), limit=_LARGEST)
    except OSError:
        return None
    picture, seal = kept[:-_SEAL], kept[-_SEAL:]
    return picture if seal == _sealed(picture, photo_id, side) else None


def keep_thumbnails(library: Database, photo_id: str, made: Mapping[int, bytes]) -> None:
    """Keep the thumbnails of a photo, by side, as far as their folder can be written to."""
    for side, picture in made.items():
        # A folder that cannot be written to costs time at each look, not the picture.
        with contextlib.suppress(OSError):
            sealed = picture + _sealed(picture, photo_id, side)
            write_safely(_place(library, photo_id, side), sealed, durable=False)


def keep_frame(library: Database, photo_id: str, frame: Frame) -> None:
    """Keep the thumbnail of a tile, of a photo that has just been decoded."""
    with contextlib.suppress(Exception):  # what cannot be made now is made when it is asked for
        keep_thumbnails(library, photo_id, of_frame(frame, (USUAL_SIDE,)))


def is_kept(library: Database, photo_id: str) -> bool:
    """Tell whether a photo has a thumbnail of the size that is asked for most."""
    return _place(library, photo_id, USUAL_SIDE).exists()


def make_thumbnail(
    library: Database,
    photo_id: str,
    side: int,
    namespaces: tuple[str, ...] | None,
    *,
    max_pixels: int,
) -> bytes:
    """Make a thumbnail of a photo, keep it, and return it.

    The other sizes are left to those who ask: all three cost 30 ms of a processor, that of a tile
    11 (60 JPEG files, 2026-11-27).

    Raises
    ------
    LibraryError
        There is no such photo, or its file is not what it was.
    DecodeError
        It cannot be decoded any more: an extra is missing now.
    """
    data = read_original(library, photo_id, namespaces)
    made = thumbnails(data, (side,), max_pixels=max_pixels)
    keep_thumbnails(library, photo_id, made)
    return made[side]


def make_picture(
    library: Database,
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


def _sealed(picture: bytes, photo_id: str, side: int) -> bytes:
    return hashlib.sha256(f"{photo_id} {side} ".encode() + picture).digest()


def _place(library: Database, photo_id: str, side: int) -> Path:
    folder = thumbnails_folder(library) / photo_id[:2]
    return folder / f"{photo_id}.{side}.{VERSION}.webp"
