"""Hashes of a picture for finding look-alikes: one of the whole, and visual words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.hashing.dct import hash_whole
from safelight.hashing.words import find_words

if TYPE_CHECKING:
    import numpy.typing as npt

    from safelight.types import Frame

#: Only hashes of one version are compared. It changes whenever a picture would get other ones.
HASH_VERSION = "1"

#: The shorter side that a frame needs, or the photo's own if that has fewer; see
#: :func:`safelight.imaging.decode`. Working sizes above it change a hash by a bit or two.
MIN_SIDE = 256

#: A picture with a shorter side than this, or so much longer than wide, has nothing to hash: scaled
#: to a square, all of them look the same.
_LEAST_SIDE, _MOST_PROPORTION = 16, 64


@dataclass(frozen=True, slots=True, eq=False)
class Hashes:
    """The hashes of one picture.

    Attributes
    ----------
    dct256 : (4,) uint64
        Signs of the 16 x 16 lowest frequencies: see :mod:`safelight.hashing.dct`. All zero for a
        picture with nothing to hash: one colour, a few pixels, a line. It is like no other.
    words : (n,) uint32, sorted, each once
        Of local features: see :mod:`safelight.hashing.words`. Empty for a picture without any.
    places : (n,) uint32
        Where each was seen: see :mod:`safelight.hashing.places`.
    """

    dct256: npt.NDArray[np.uint64]
    words: npt.NDArray[np.uint32]
    places: npt.NDArray[np.uint32]

    @property
    def dct64(self) -> np.uint64:
        """Signs of the 8 x 8 lowest frequencies, which are the first word of the longer hash."""
        first: np.uint64 = self.dct256[0]
        return first


def is_hashable(width: int, height: int) -> bool:
    """Return False for a picture of so few pixels, or so thin, that it has no hash."""
    short, long = sorted((width, height))
    return short >= _LEAST_SIDE and long <= _MOST_PROPORTION * short


def hash_frame(frame: Frame) -> Hashes:
    """Return the hashes of a frame.

    Parameters
    ----------
    frame : Frame
        Its shorter side has at least :data:`MIN_SIDE` pixels, or the photo's own number.

    Examples
    --------
    >>> from safelight.types import Frame
    >>> pixels = np.arange(300 * 400 * 3, dtype=np.uint32).reshape(300, 400, 3).astype(np.uint8)
    >>> hash_frame(Frame(pixels, 400, 300, "PNG")).dct256.shape
    (4,)
    """
    import cv2

    if not is_hashable(frame.width, frame.height):
        return Hashes(np.zeros(4, np.uint64), np.empty(0, np.uint32), np.empty(0, np.uint32))
    grey = np.asarray(cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return Hashes(hash_whole(grey), *find_words(grey))
