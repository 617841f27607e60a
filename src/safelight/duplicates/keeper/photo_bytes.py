"""Proven bytes of photos that are compared, a few of them held at a time."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from safelight.errors import DecodeError
from safelight.imaging import PhotoReader

if TYPE_CHECKING:
    from safelight.library.photo_facts import PhotoFacts

#: Of files that are compared with each other, so many bytes are held at a time.
KEPT_BYTES = 128 * 2**20


class ProvenBytes:
    """Reads photos for one thread: ``read(photo)``."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._reader = PhotoReader()
        self._kept_bytes, self._bytes = kept_bytes, 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    @property
    def missing(self) -> set[str]:
        """Photos of which no file could be read, or none has the photo's bytes any more."""
        return self._reader.away

    def __call__(self, photo: PhotoFacts) -> bytes | None:
        """Return all bytes of a photo, whose sha256 is its id; None if no file has them."""
        if photo.id in self._kept:
            self._kept.move_to_end(photo.id)
            return self._kept[photo.id]
        try:
            data = self._reader.read(photo.id, (copy.path for copy in photo.copies))
        except (DecodeError, OSError):
            return None
        self._keep(photo.id, data)
        return data

    def _keep(self, photo_id: str, data: bytes) -> None:
        self._kept[photo_id] = data
        self._bytes += len(data)
        while self._bytes > self._kept_bytes and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= len(dropped)
