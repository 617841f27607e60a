"""The hashes that a picture has when it is turned or mirrored, from its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safelight.hashing.dct import FREQUENCIES, packed, unpacked

if TYPE_CHECKING:
    import numpy.typing as npt

#: What is done to a picture, in the order of :func:`dihedral`: whether rows and columns change
#: places first, then whether it is mirrored left to right, then top to bottom.
DIHEDRAL: tuple[tuple[bool, bool, bool], ...] = tuple(
    (transposed, across, down)
    for transposed in (False, True)
    for across in (False, True)
    for down in (False, True)
)

_ODD = np.arange(FREQUENCIES) % 2 == 1


def dihedral(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return the hashes of pictures turned and mirrored in all eight ways.

    Mirrored, a frequency changes its sign if it is odd in that direction; with rows and columns
    changed, it changes places. Only those that are 0 may come out otherwise.

    Parameters
    ----------
    hashes : (..., 4) uint64
        As :func:`safelight.hashing.dct.hash_whole` returns them.

    Returns
    -------
    (..., 8, 4) uint64
        In the order of :data:`DIHEDRAL`; the first is the hash itself.
    """
    signs = unpacked(hashes)
    found = []
    for transposed, across, down in DIHEDRAL:
        flipped = (across & _ODD[None, :]) ^ (down & _ODD[:, None])
        found.append(packed((signs.swapaxes(-1, -2) if transposed else signs) ^ flipped))
    return np.stack(found, axis=-2)


def applied(pixels: npt.NDArray[np.uint8], way: tuple[bool, bool, bool]) -> npt.NDArray[np.uint8]:
    """Return a picture, (h, w) or (h, w, channels), turned or mirrored in one of the ways."""
    transposed, across, down = way
    if transposed:
        pixels = pixels.swapaxes(0, 1)
    if across:
        pixels = pixels[:, ::-1]
    if down:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
