"""Perceptual hash of a whole picture: the signs of its lowest DCT frequencies.

As in pHash and PDQ, the grey picture is squeezed into a square and transformed (DCT-II). They
compare each coefficient with the median; this takes its sign. The coefficients but the first are
about 0 in the mean, and a mirrored or turned picture has the same ones in other places or with
other signs: its hash follows from the hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

#: The picture that is transformed is so many pixels wide and high.
_SIDE = 64

#: Frequencies in each direction, beginning with 0. The first of all, the mean, has no sign: 0.
FREQUENCIES = 16

_COSINES = np.cos(
    np.pi * np.arange(FREQUENCIES)[:, None] * (2 * np.arange(_SIDE) + 1) / (2 * _SIDE)
)


def hash_whole(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Return the 256-bit hash of a picture, (4,) uint64; its first 64 bits are a hash as well.

    Parameters
    ----------
    grey : (h, w) uint8

    Examples
    --------
    >>> hash_whole(np.full((48, 64), 200, np.uint8))
    array([0, 0, 0, 0], dtype=uint64)
    """
    import cv2

    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    # Rounding errors are not frequencies: a plain picture has none.
    coefficients = _COSINES @ (small - small.mean()) @ _COSINES.T
    signs = coefficients > 1e-6
    signs[0, 0] = False
    return packed(signs)


def packed(signs: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    """Return (..., 16, 16) bool, rows of vertical frequency, as (..., 4) uint64.

    Each word is a block of 8 x 8, that of the lowest frequencies first.
    """
    lead = signs.shape[:-2]
    blocks = signs.reshape(*lead, 2, 8, 2, 8).swapaxes(-3, -2).reshape(*lead, 4, 64)
    return np.packbits(blocks, axis=-1, bitorder="little").view("<u8")[..., 0].astype(np.uint64)


def unpacked(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Return (..., 4) uint64 as (..., 16, 16) bool: the opposite of :func:`packed`."""
    lead = hashes.shape[:-1]
    octets = np.ascontiguousarray(hashes, "<u8").view(np.uint8).reshape(*lead, 4, 8)
    bits = np.unpackbits(octets, axis=-1, bitorder="little").astype(bool)
    return bits.reshape(*lead, 2, 2, 8, 8).swapaxes(-3, -2).reshape(*lead, 16, 16)
