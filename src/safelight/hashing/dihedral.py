"""Hashes of a picture's turned and mirrored versions, computed from its own hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safelight.hashing.dct import FREQUENCIES, packed

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
_FLIPS = np.stack(
    [packed((across & _ODD[None, :]) ^ (down & _ODD[:, None])) for _, across, down in DIHEDRAL[:4]]
)

#: Of the four blocks of a hash, in the order in which those of the transposed picture are.
_BLOCKS = np.array([0, 2, 1, 3])


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
    both = np.stack([hashes, _transposed(hashes)], axis=-2)[..., None, :]
    return (both ^ _FLIPS).reshape(*hashes.shape[:-1], 8, 4)


def _transposed(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Exchange rows and columns, in 8 x 8 bits of a word by exchanging ever larger squares."""
    words = hashes[..., _BLOCKS]
    for shift, squares in _SQUARES:
        moved = (words ^ (words >> shift)) & squares
        words = words ^ moved ^ (moved << shift)
    return words


_SQUARES = tuple(
    (np.uint64(shift), np.uint64(squares))
    for shift, squares in (
        (7, 0x00AA00AA00AA00AA),
        (14, 0x0000CCCC0000CCCC),
        (28, 0x00000000F0F0F0F0),
    )
)


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
