"""Visual words: descriptors of corners, which a crop shares with the whole picture.

A hash of a whole picture tells nothing of a part of it. So corners are sought at several scales
(ORB's detector), the neighbourhood of each is turned upright, and the signs of its low frequencies
make a word. Cropped, framed, captioned or slightly turned, a picture keeps many of its words; two
that have nothing in common share none or one. Words can be looked up like those of a text. Where a
word was seen, how large and at which angle is kept with it: words that two pictures share by chance
do not agree on how one would have to lie on the other.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.hashing.places import packed

if TYPE_CHECKING:
    import numpy.typing as npt

#: The picture in which corners are sought has about so many pixels, whatever its proportions.
_AREA = 256 * 256

_CORNERS = 128

#: ORB's steps from one scale to the next. Each corner is described at two sizes, half a step apart,
#: because its scale in another picture is hardly ever a whole step away.
_STEP, _LEVELS = 1.2, 8
_SIZES = np.array([1.0, _STEP**0.5], np.float32)

#: A neighbourhood is sampled in so many points across and down.
_SIDE = 16

#: Its frequencies, (down, across), whose signs make a word: those that stay most often when a photo
#: is cropped, without those that are known from how the neighbourhood was turned.
_FREQUENCIES = (
    *((0, 2), (0, 4), (0, 5), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5)),
    *((2, 0), (2, 2), (2, 3), (2, 4), (2, 5), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4)),
    *((4, 0), (4, 1), (4, 2), (4, 3), (5, 0), (5, 2)),
)
_DOWN, _ACROSS = (np.array(numbers) for numbers in zip(*_FREQUENCIES, strict=True))
_PLACES = np.arange(len(_FREQUENCIES), dtype=np.uint32)
_ODD = np.uint32(sum(1 << place for place, (down, _) in enumerate(_FREQUENCIES) if down % 2))

_COSINES = np.cos(np.pi * np.arange(6)[:, None] * (2 * np.arange(_SIDE) + 1) / (2 * _SIDE)).astype(
    np.float32
)


def find_words(
    grey: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Return the words of a picture, and where each was seen.

    Parameters
    ----------
    grey : (h, w) uint8

    Returns
    -------
    words : (n,) uint32
        Of 24 bits, sorted, each once, at most 256.
    places : (n,) uint32
        For :func:`safelight.hashing.places.agreeing`.

    Examples
    --------
    >>> find_words(np.full((480, 640), 200, np.uint8))
    (array([], dtype=uint32), array([], dtype=uint32))
    """
    import cv2

    height, width = grey.shape
    factor = (_AREA / (height * width)) ** 0.5
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    # The detector keeps more where corners are equally good.
    corners = sorted(_detector().detect(small, None), key=lambda corner: -corner.response)
    corners = corners[:_CORNERS]
    if not corners:
        return np.empty(0, np.uint32), np.empty(0, np.uint32)
    centres = np.array([corner.pt for corner in corners], np.float32)
    sizes = (np.array([corner.size for corner in corners], np.float32)[:, None] * _SIZES).ravel()
    centres = np.repeat(centres, len(_SIZES), axis=0)
    degrees = np.repeat(np.array([corner.angle for corner in corners], np.float32), len(_SIZES))
    seen = _neighbourhoods(small, centres, sizes, np.radians(degrees))
    signs = (_COSINES @ seen @ _COSINES.T)[:, _DOWN, _ACROSS] > 0
    words = (signs.astype(np.uint32) << _PLACES).sum(axis=1, dtype=np.uint32)
    words, first = np.unique(words, return_index=True)
    return words, packed(centres, sizes, degrees, size)[first]


def mirrored(words: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return the words, in any order, that a picture with these words has when it is mirrored.

    Turned upright, the neighbourhood of a mirrored corner is that of the corner upside down: what
    is odd from top to bottom changes its sign.

    >>> words = np.array([0b1000, 0b11], np.uint32)
    >>> bool((mirrored(mirrored(words)) == words).all())
    True
    """
    return words ^ _ODD


def _neighbourhoods(
    grey: npt.NDArray[Any],
    centres: npt.NDArray[np.float32],
    sizes: npt.NDArray[np.float32],
    angles: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Return the patches around points, turned by their angles: (points, 16, 16) float32."""
    import cv2

    steps = (np.arange(_SIDE, dtype=np.float32) + 0.5) / _SIDE - 0.5
    down, across = np.meshgrid(steps, steps, indexing="ij")
    cosine, sine, size = (each[:, None, None] for each in (np.cos(angles), np.sin(angles), sizes))
    x = centres[:, 0, None, None] + size * (cosine * across - sine * down)
    y = centres[:, 1, None, None] + size * (sine * across + cosine * down)
    x, y = (each.reshape(-1, _SIDE) for each in (x, y))
    found = cv2.remap(grey, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(-1, _SIDE, _SIDE).astype(np.float32)


@cache
def _detector() -> Any:
    import cv2

    # Low thresholds: also a faint corner is better than none.
    return cv2.ORB.create(_CORNERS, _STEP, _LEVELS, edgeThreshold=16, fastThreshold=10)
