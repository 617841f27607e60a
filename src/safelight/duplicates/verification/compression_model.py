"""Model of compression: the differences that the files' own quantisation tables explain.

A JPEG rounds each of the 64 frequencies of a block to a multiple of its step q. The error of one is
at most q/2 and q^2/12 in the mean, if the frequency is there at all; by Parseval's theorem the mean
square error of the block's pixels is a 64th of their sum. Made smaller by a factor f, a picture
keeps the frequencies below 8f, and their errors. Two files of one picture have each its own error,
and the squares add up. Formats that tell no steps, and PNG files, in which a decoded JPEG may be
packed, are taken for a JPEG of usual quality.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.types import Frame

#: The tables of ITU-T T.81, annex K, by which most programs name their qualities: of quality 50.
_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
    *([99] * 32),
)  # fmt: skip
# Quality 60; of the colours, newer formats keep less.
_LOSSY = (tuple(0.8 * step for step in _LUMA), tuple(1.3 * step for step in _CHROMA))
_LOSSLESS = tuple(tuple(0.3 * step for step in table) for table in (_LUMA, _CHROMA))  # 85
_IS_LOSSLESS = frozenset({"PNG", "BMP", "TIFF", "GIF"})

# Of the colour differences, the steps that move the mean of an 8 x 8 block.
_LOW = 2


@dataclass(frozen=True, slots=True)
class CompressionNoise:
    """Largest differences that compression of both files explains, at the compared size.

    Attributes
    ----------
    luma : float
        Mean square error of a block, in levels.
    chroma : float
        Error of a block's mean of a colour difference, in levels.
    level : float
        Error of a block's mean, in levels, by the files that tell their steps.
    untold : int
        Files that do not.
    same_steps : bool
        Both files were rounded by the same steps, or neither was.
    """

    luma: float
    chroma: float
    level: float
    untold: int
    same_steps: bool


def compression_noise(a: Frame, b: Frame, size_a: float, size_b: float) -> CompressionNoise:
    """Return the part of two photos' difference that compression explains.

    Parameters
    ----------
    a, b : Frame
    size_a, size_b : float
        Pixels at which they are compared for one of the file, across; above 1 for enlarged ones.
    """
    luma = chroma = level = 0.0
    untold = 0
    for frame, size in ((a, size_a), (b, size_b)):
        is_lossless = frame.format in _IS_LOSSLESS
        tables: Sequence[Sequence[float]] = frame.quantization or (
            _LOSSLESS if is_lossless else _LOSSY
        )
        # Half a step of the first coefficient, which is 8 times the mean.
        if frame.quantization or is_lossless:
            level += tables[0][0] / 16
        else:
            untold += 1
        kept = int(np.clip(np.ceil(8 * min(size, 1.0)), 1, 8))
        steps = np.array(tables[0], float).reshape(8, 8)[:kept, :kept]
        luma += float((steps**2).sum() / 12 / 64)
        colour = np.array(tables[min(1, len(tables) - 1)], float).reshape(8, 8)[:_LOW, :_LOW]
        chroma += float((colour**2).sum() / 12 / 16)
    lossless = {a.format, b.format} <= _IS_LOSSLESS
    same = lossless or (a.quantization == b.quantization and bool(a.quantization))
    return CompressionNoise(luma, chroma**0.5, level, untold, same)
