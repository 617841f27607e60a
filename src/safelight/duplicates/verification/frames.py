"""Open photos for verification: the right bytes, with a small cache."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from safelight.duplicates.verification.alignment import MIN_SIDE
from safelight.duplicates.verification.close_alignment import CLOSE_MIN_SIDE, CLOSE_SIDE, scaled
from safelight.imaging import PhotoReader, decode
from safelight.imaging.containers.jpeg import coded_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from safelight.duplicates.photo_features import PhotoFeatures
    from safelight.types import Frame

#: Frames are kept for the next pair while they take no more than this together.
KEPT_BYTES = 256 * 2**20

#: The longer side of frames for a first look: twice that at which they are aligned.
_SMALL = 768


class Frames:
    """Opens photos for any thread; a :data:`safelight.duplicates.photo_features.Look`.

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
        self._digests: dict[tuple[str, str], bytes] = {}
        self._lock = threading.Lock()

    @property
    def away(self) -> set[str]:
        """Ids of photos of which no file could be read, or none had the photo's bytes any more."""
        return self._reader.away

    def __call__(self, seen: PhotoFeatures, min_side: int | None) -> Frame:
        """Return a photo's frame; its shorter side has at least `min_side` pixels, None: all.

        Raises
        ------
        OSError
            No file of it can be read.
        DecodeError
            Its files have other bytes now, or cannot be decoded.
        """
        if min_side is None:
            return self._full(seen)
        return self._reduced(seen, _SMALL if min_side <= MIN_SIDE else CLOSE_SIDE)

    def pixel_digests(self, seen: PhotoFeatures) -> Iterator[bytes]:
        """Yield values that are equal only if two photos have the same pixels, the cheapest first.

        Each is computed once: of many copies, each is decoded in full but once, and JPEGs that
        differ in their metadata alone not at all.

        Raises
        ------
        OSError, DecodeError
            As for its frame.
        """
        yield self._digest(seen, "coded", self._coded)
        yield self._digest(seen, "pixels", self._pixels)

    def _digest(
        self, seen: PhotoFeatures, name: str, compute: Callable[[PhotoFeatures], bytes]
    ) -> bytes:
        key = (seen.id, name)
        if key not in self._digests:
            self._digests[key] = compute(seen)
        return self._digests[key]

    def _coded(self, seen: PhotoFeatures) -> bytes:
        coded = coded_picture(self.read(seen)) if seen.format == "JPEG" else None
        # Without, a photo is like no other.
        return hashlib.sha256(coded).digest() if coded else seen.id.encode()

    def _pixels(self, seen: PhotoFeatures) -> bytes:
        pixels = self._full(seen).pixels
        return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()

    def _full(self, seen: PhotoFeatures) -> Frame:
        frame = self._kept_frame(seen, None) or self._kept_frame(seen, CLOSE_SIDE)
        if frame is not None and _is_whole(frame):
            return frame
        frame = decode(self.read(seen), max_pixels=self._pixel_limit)
        self._keep(seen, None, frame)
        return frame

    def _reduced(self, seen: PhotoFeatures, side: int) -> Frame:
        """Return a frame with its longer side about `side`; both sizes come of one decode."""
        frame = self._kept_frame(seen, side)
        if frame is not None:
            return frame
        close = self._kept_frame(seen, CLOSE_SIDE)
        if close is None:
            data = self.read(seen)
            close = decode(data, min_side=CLOSE_MIN_SIDE, max_pixels=self._pixel_limit)
            close = _made_smaller(close, CLOSE_SIDE)
            self._keep(seen, CLOSE_SIDE, close)
        if side == CLOSE_SIDE:
            return close
        small = _made_smaller(close, max(side, max(close.pixels.shape[:2]) // 2))
        if small is not close:
            self._keep(seen, side, small)
        return small

    def _kept_frame(self, seen: PhotoFeatures, side: int | None) -> Frame | None:
        with self._lock:
            if (seen.id, side) in self._kept:
                self._kept.move_to_end((seen.id, side))
            return self._kept.get((seen.id, side))

    def _keep(self, seen: PhotoFeatures, side: int | None, frame: Frame) -> None:
        with self._lock:
            if (seen.id, side) not in self._kept:
                self._kept[seen.id, side] = frame
                self._bytes += frame.pixels.nbytes
            while self._bytes > self._kept_bytes and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= dropped.pixels.nbytes

    def read(self, seen: PhotoFeatures) -> bytes:
        """Return the bytes of a photo's file.

        Raises
        ------
        OSError, DecodeError
            As for its frame.
        """
        return self._reader.read(seen.id, seen.paths)


def _is_whole(frame: Frame) -> bool:
    return frame.pixels.shape[:2] == (frame.height, frame.width)


def _made_smaller(frame: Frame, side: int) -> Frame:
    longer = max(frame.pixels.shape[:2])
    if longer <= side or frame.alpha is not None:
        return frame
    height, width = (max(1, round(each * side / longer)) for each in frame.pixels.shape[:2])
    return replace(frame, pixels=scaled(frame.pixels, (width, height)))
