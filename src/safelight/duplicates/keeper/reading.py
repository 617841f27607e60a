"""The bytes of photos, proven: nothing is told of a file that holds another photo by now."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from safelight.errors import FileError
from safelight.files import PHOTO_FILE, read_bytes

if TYPE_CHECKING:
    from safelight.library.copies import PhotoFacts

#: Of files that are compared with each other, so many bytes are held at a time.
KEPT_BYTES = 128 * 2**20


class ProvenBytes:
    """Reads photos for one thread: ``read(photo)``.

    Attributes
    ----------
    missing : set of str
        Photos of which no file could be read, or none has the photo's bytes any more.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self.missing: set[str] = set()
        self._kept_bytes, self._bytes = kept_bytes, 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def __call__(self, photo: PhotoFacts) -> bytes | None:
        """Return all bytes of a photo, whose sha256 is its id; None if no file has them."""
        if photo.id in self._kept:
            self._kept.move_to_end(photo.id)
            return self._kept[photo.id]
        if photo.id in self.missing:
            return None
        for copy in photo.copies:
            try:
                data = read_bytes(copy.path, limit=PHOTO_FILE)
            except (FileError, OSError, ValueError):
                continue
            if hashlib.sha256(data).hexdigest() == photo.id:
                self._keep(photo.id, data)
                return data
        self.missing.add(photo.id)
        return None

    def _keep(self, photo_id: str, data: bytes) -> None:
        self._kept[photo_id] = data
        self._bytes += len(data)
        while self._bytes > self._kept_bytes and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= len(dropped)
