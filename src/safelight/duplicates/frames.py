"""Opening photos for a closer look: the right bytes, each file once in a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from safelight.imaging import PhotoReader, decode

if TYPE_CHECKING:
    from safelight.duplicates.seen import Seen
    from safelight.model import Frame

#: Frames are kept for the next pair while they take no more than this together.
KEPT_BYTES = 256 * 2**20


class Frames:
    """Opens photos for any thread; a :data:`safelight.duplicates.seen.Look`.

    Parameters
    ----------
    pixel_limit : int
    kept_bytes : int

    """

    def __init__(self, pixel_limit: int, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._reader = PhotoReader()
        self._pixel_limit, self._kept_bytes = pixel_limit, kept_bytes
        self._kept: OrderedDict[tuple[str, int | None], Frame] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def away(self) -> set[str]:
        """Ids of photos of which no file could be read, or none had the photo's bytes any more."""
        return self._reader.away

    def __call__(self, seen: Seen, min_side: int | None) -> Frame:
        """Return a photo's frame; its shorter side has at least `min_side` pixels, None: all.

        Raises
        ------
        OSError
            No file of it can be read.
        DecodeError
            Its files have other bytes now, or cannot be decoded.
        """
        key = (seen.id, min_side)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        frame = decode(self.read(seen), min_side=min_side, max_pixels=self._pixel_limit)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = frame
                self._bytes += frame.pixels.nbytes
            while self._bytes > self._kept_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= dropped.pixels.nbytes
        return frame

    def read(self, seen: Seen) -> bytes:
        """Return the bytes of a photo's file.

        Raises
        ------
        OSError, DecodeError
            As for its frame.
        """
        return self._reader.read(seen.id, seen.paths)
