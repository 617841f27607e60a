"""Traces of a picture's past in its pixels: enlargement, the steps of a JPEG.

An enlarged picture has no detail beyond that of the small one: made small and large again it stays
as it is; of two of one size, it is what the other becomes made small and large again. And what was
a JPEG once carries the steps to which its frequencies were rounded, however finely, or in whatever
format, it was saved again.

Made smaller, or saved with coarser steps, a picture keeps no trace of what it was before; there
the number of pixels and bytes tells enough.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import numpy.typing as npt

# Share of detail that an enlarged picture has in the finest band, of what it has in the next
# coarser one. On 18 photos in 4 sizes, by 3 filters, as PNG and JPEG 60 and 90, enlarged ones had
# at most 0.48, true ones at least that.
_ENLARGED = 0.46

#: With less difference in size than this there is no band to look at.
LEAST_RATIO = 1.2
# To what shares of its size a picture may have been reduced before it was enlarged to that again.
# Its distance to the other reduced like that, and how much the finest detail of both is alike: on 9
# photos in 4 shares by 2 filters, saved at 70 and 88 and then at 95, at most 0.64 and 0.87 but at
# shares near 1. Saved again at 20 to 90, whether sharp or soft, at least 0.67; sharpened
# ones against their source are less far away, but alike by at least 0.9.
_REDUCED = (0.8, 0.65, 0.5, 0.35)
_NEAR, _ALIKE = 0.64, 0.88
_SMALL_WINDOW = 512

# In the middle; the answer needs no more, and a photo of 50 megapixels takes no longer.
_WINDOW = 1024

# Grey levels, root mean square. With less detail in the coarser band nothing can be said about the
# finer: sky, fog, a photo that is out of focus.
_LEAST_DETAIL = 1.0

# Mean distance of frequencies to the nearest step, in steps: 0.25 if they know nothing of the
# steps. On 16 photos at quality 50 to 85, saved again as PNG or JPEG 95, at most 0.12; pictures
# that were never saved like that, at least 0.17.
_CARRIED = 0.14

# Only steps that are coarse in themselves, and coarser than those of the later file, leave a trace.
_LEAST_STEP = 6
_COARSER = 1.5
_LEAST_COUNT = 200

_BLOCK = 8


def is_enlarged(large: npt.NDArray[np.uint8], small: npt.NDArray[np.uint8]) -> bool:
    """Tell whether a picture has no more detail than a smaller one of the same view.

    Parameters
    ----------
    large, small : (h, w) uint8
    """
    ratio = large.shape[1] / small.shape[1]
    # Which pixels were repeated shows on the whole picture only: its middle begins between two.
    repeated = _detail(large, small.shape, Image.Resampling.NEAREST)
    large, small = _middle(large, _WINDOW), _middle(small, _WINDOW / ratio)
    finest = min(_band(large, small.shape), _rms(_middle(repeated, _WINDOW)))
    height, width = (max(_BLOCK, round(length / ratio)) for length in small.shape)
    coarser = _band(small, (height, width))
    return coarser >= _LEAST_DETAIL and finest < _ENLARGED * coarser


def is_softened(soft: npt.NDArray[np.uint8], sharp: npt.NDArray[np.uint8]) -> bool:
    """Tell whether a picture is another of its size, made small and large again, or blurred.

    Parameters
    ----------
    soft, sharp : (h, w) uint8
    """
    soft, sharp = _middle(soft, _SMALL_WINDOW), _middle(sharp, _SMALL_WINDOW)
    found = []
    for share in _REDUCED:
        height, width = (max(_BLOCK, round(length * share)) for length in sharp.shape)
        theirs, own = _detail(sharp, (height, width)), _detail(soft, (height, width))
        least = _rms(theirs)
        if least < _LEAST_DETAIL:
            continue
        apart = _rms(soft - (sharp - theirs)) / least
        alike = float(np.mean(theirs * own)) / (least * _rms(own) or 1.0)
        found.append((apart, alike))
    apart, alike = min(found, default=(1.0, 1.0))
    return apart < _NEAR and alike < _ALIKE


def middle_frequencies(gray: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the frequencies of the blocks in the middle of a picture.

    Parameters
    ----------
    gray : (h, w) uint8
        Luma, with the blocks' grid beginning at its upper left corner.

    Returns
    -------
    (rows, columns, 8, 8) float32
    """
    (top, high), (left, wide) = (
        (max(0, length - _WINDOW) // 2 // _BLOCK, min(length, _WINDOW) // _BLOCK)
        for length in gray.shape
    )
    rows, columns = (
        slice(top * _BLOCK, (top + high) * _BLOCK),
        slice(left * _BLOCK, (left + wide) * _BLOCK),
    )
    blocks = gray[rows, columns].reshape(high, _BLOCK, wide, _BLOCK)
    waves = _waves()
    frequencies = waves @ (blocks.swapaxes(1, 2).astype(np.float32) - 128) @ waves.T
    return np.asarray(frequencies, np.float32)


def carries_steps(
    frequencies: npt.NDArray[np.float32],
    steps: npt.NDArray[np.float64],
    own: npt.NDArray[np.float64] | None,
) -> bool:
    """Tell whether a picture was once a JPEG of these steps.

    Parameters
    ----------
    frequencies : (rows, columns, 8, 8) float32
        Of the blocks in its middle.
    steps : (8, 8) float64
        To which the frequencies of the supposed source were rounded.
    own : (8, 8) float64 or None
        Those of the file itself, if it is a JPEG.
    """
    chosen = steps >= _LEAST_STEP
    if own is not None:
        chosen &= steps >= _COARSER * own
    chosen[0, 0] = False
    if not chosen.any() or not frequencies.size:
        return False
    in_steps = np.abs(frequencies[:, :, chosen]) / steps[chosen]
    told = in_steps > 0.6  # what was rounded to nothing says nothing
    if np.count_nonzero(told) < _LEAST_COUNT:
        return False
    return float(np.abs(in_steps - np.round(in_steps))[told].mean()) < _CARRIED


def _middle(gray: npt.NDArray[Any], side: float) -> npt.NDArray[Any]:
    (top, high), (left, wide) = (
        (max(0, (length - round(side)) // 2), min(length, round(side))) for length in gray.shape
    )
    return np.ascontiguousarray(gray[top : top + high, left : left + wide])


def _band(gray: npt.NDArray[np.uint8], shape: tuple[int, ...]) -> float:
    """Return how much detail, root mean square, a picture has that it would lose made small."""
    return _rms(_detail(gray, shape))


def _detail(
    gray: npt.NDArray[np.uint8],
    shape: tuple[int, ...],
    kernel: Image.Resampling = Image.Resampling.LANCZOS,
) -> npt.NDArray[np.float32]:
    """Return what a picture would lose made small and large again."""
    image = Image.fromarray(gray)
    again = image.resize((shape[1], shape[0]), kernel).resize(image.size, kernel)
    return np.asarray(gray, np.float32) - np.asarray(again, np.float32)


def _rms(values: npt.NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


@cache
def _waves() -> npt.NDArray[np.float32]:
    """Return the cosines of the 8x8 transform, a row a frequency; orthonormal."""
    n = np.arange(_BLOCK)
    waves = np.cos(np.pi * n[:, None] * (2 * n + 1) / (2 * _BLOCK)) * np.sqrt(2 / _BLOCK)
    waves[0] /= np.sqrt(2)
    return np.asarray(waves, np.float32)
