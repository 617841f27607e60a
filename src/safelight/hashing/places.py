"""Positions of visual words, and the number of shared words whose positions agree.

A place is 32 bits: from left to right and from top to bottom in 256 steps of the picture's sides,
the size in 16ths of an octave, the angle in 256 steps of a full turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Places = npt.NDArray[np.uint32]

#: More shared words than this need not be looked at.
_ENOUGH = 48

#: Two words agree if one lies where the other says, within so much of the longer side, at a size
#: and an angle that are the other's within so much.
_OFF, _OCTAVES, _RADIANS = 0.02, 0.3, 0.25

_TURN = 2 * np.pi


def packed(
    centres: npt.NDArray[np.float32],
    sizes: npt.NDArray[np.float32],
    degrees: npt.NDArray[np.float32],
    picture: tuple[int, int],
) -> Places:
    """Return places, (n,) uint32.

    Parameters
    ----------
    centres : (n, 2) float32
        In pixels, from left and from top.
    sizes, degrees : (n,) float32
    picture : (int, int)
        Width and height.
    """
    parts = (
        np.clip(256 * centres[:, 0] / picture[0], 0, 255),
        np.clip(256 * centres[:, 1] / picture[1], 0, 255),
        np.clip(16 * np.log2(np.maximum(sizes, 1)), 0, 255),
        np.floor(256 * degrees / 360) % 256,
    )
    return (
        np.stack([part.astype(np.uint8) for part in parts], axis=1)
        .view("<u4")[:, 0]
        .astype(np.uint32)
    )


def agreeing(
    a: Places, b: Places, a_ratio: float, b_ratio: float, *, mirrored: bool = False
) -> int:
    """Return how many of the words that two pictures share agree on how they lie on each other.

    Each word alone says by how much the second picture is shifted, turned and scaled; those that
    the best of them is right about are counted.

    Parameters
    ----------
    a, b : (n,) uint32
        Places of the shared words in either picture.
    a_ratio, b_ratio : float
        Width by height of each picture.
    mirrored : bool
        Mirror the second.
    """
    if len(a) < 2:
        return len(a)
    at_a, size_a, angle_a = _unpacked(a[:_ENOUGH], a_ratio)
    at_b, size_b, angle_b = _unpacked(b[:_ENOUGH], b_ratio)
    if mirrored:
        at_b, angle_b = -at_b.conj(), np.pi - angle_b
    octaves, turns = size_b - size_a, angle_b - angle_a
    turned = (np.exp2(octaves) * np.exp(1j * turns))[:, None]
    off = np.abs(at_b[None] - at_b[:, None] - turned * (at_a[None] - at_a[:, None]))
    # In the coarser picture: that a part is enlarged must not make it harder to agree.
    limit = _OFF * np.maximum(1, np.exp2(octaves))[:, None]
    turn = np.abs((turns[None] - turns[:, None] + np.pi) % _TURN - np.pi)
    agree = (
        (off <= limit) & (turn <= _RADIANS) & (np.abs(octaves[None] - octaves[:, None]) <= _OCTAVES)
    )
    # Two descriptions of one corner are one witness.
    places = np.round(at_a * 24)
    return max(len(np.unique(places[row])) for row in agree[np.argsort(-agree.sum(axis=1))[:3]])


def _unpacked(
    places: Places, ratio: float
) -> tuple[npt.NDArray[np.complex128], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return positions in shares of the longer side, sizes in octaves, angles in radians."""
    parts = np.ascontiguousarray(places, "<u4").view(np.uint8).reshape(-1, 4).astype(np.float64)
    wide, high = (1.0, 1 / ratio) if ratio >= 1 else (ratio, 1.0)
    at = (parts[:, 0] + 0.5) / 256 * wide + 1j * (parts[:, 1] + 0.5) / 256 * high
    # Pictures are described at one area, whatever their proportions: a size is one of that.
    scale = 0.5 * np.log2(wide * high)
    return at, parts[:, 2] / 16 + scale, parts[:, 3] * (_TURN / 256)
