"""PhotoReader: read a photo's file whole, with proof by sha256 that it still is the photo.

Whatever is stored under a photo's id for good (hashes, scores, labels, derivations, thumbnails,
tags) has to be computed from that photo's bytes. A path tells nothing of that: files are edited,
renamed and exchanged while a run of hours goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safelight.errors import DecodeError, FileError
from safelight.files import PHOTO_FILE, read_bytes, read_head, read_with_stat, sha256
from safelight.imaging.formats import sniff

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from safelight.files.opening import PathName

# Beyond this a file is read only if it begins as an image: others would fill the memory first.
_GLANCE_BYTES = 64 * 1024**2

_HEAD_BYTES = 4096


def read_photo(path: PathName) -> bytes:
    """Return the bytes of a photo file.

    Raises
    ------
    FileError
        It is not a regular file, or larger than any photo.
    OSError
        It cannot be read.
    DecodeError
        It is large and not an image.
    """
    return read_photo_with_stat(path)[0]


def read_photo_with_stat(path: PathName) -> tuple[bytes, os.stat_result]:
    """Return the bytes of a photo file and the stat of just these, as :func:`read_photo`."""
    try:
        data, found = read_with_stat(path, limit=_GLANCE_BYTES)
    except FileError as exc:
        if exc.code != "too-large":
            raise
    else:
        return data, found
    head = read_head(path, _HEAD_BYTES)
    if sniff(head) is None:
        from safelight.imaging.damage import no_image

        raise no_image(head)
    return read_with_stat(path, limit=PHOTO_FILE)


def read_verified(photo_id: str, paths: Iterable[str]) -> bytes:
    """Return the bytes of a photo from the first of its files that still holds them.

    Parameters
    ----------
    photo_id : str
        sha256 of the bytes, hex.
    paths : iterable of str
        Where the photo was seen.

    Raises
    ------
    OSError
        None of the files can be read.
    DecodeError
        With the code ``missing``: those that can be read hold other bytes by now.
    """
    errors: list[OSError] = []
    has_changed = False
    for path in paths:
        try:
            data = read_bytes(path, limit=PHOTO_FILE)
        except OSError as exc:
            errors.append(exc)
            continue
        if sha256(data) == photo_id:
            return data
        has_changed = True
    if errors and not has_changed:
        raise errors[-1]
    raise _away(photo_id)


@dataclass(frozen=True, slots=True)
class PhotoReader:
    """Reader of verified photos that remembers which it could not read.

    What is derived from several photos may be stored only if all of them were read.

    Attributes
    ----------
    away : set of str
        Ids of photos none of whose files could be read, or had the photo's bytes.
    """

    away: set[str] = field(default_factory=set)

    def read(self, photo_id: str, paths: Iterable[str]) -> bytes:
        """Return the bytes of a photo, as :func:`read_verified`; ask once for one that is away.

        Raises
        ------
        OSError, DecodeError
            As :func:`read_verified`.
        """
        if photo_id in self.away:
            raise _away(photo_id)
        try:
            return read_verified(photo_id, paths)
        except (DecodeError, OSError):
            self.away.add(photo_id)
            raise


def _away(photo_id: str) -> DecodeError:
    return DecodeError("is not where it was, or has changed", code="missing", photo_id=photo_id)
