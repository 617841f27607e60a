"""Finest wavelet detail of a picture, and the noise that it shows.

The estimate of Donoho and Johnstone (1994): the finest diagonal coefficients of a Daubechies
wavelet (db2) hold little but noise, and their median is not moved by the few edges among them.
Computed in the order in which PyWavelets computes it, because the estimate leaves out coefficients
that are exactly zero, and in flat areas it is rounding alone that decides which are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

# The high-pass filter of db2, to double precision.
_FILTER = (
    -0.48296291314453416,
    0.8365163037378079,
    -0.2241438680420134,
    -0.12940952255126037,
)

#: The median of the absolute value of a normal variable of standard deviation 1.
_NORMAL_MEDIAN = 0.6744897501960817

#: Rows of the result at a time.
STRIP = 32


def finest_detail(gray: npt.NDArray[np.uint8], *, strip: int = STRIP) -> npt.NDArray[np.float64]:
    """Return the absolute finest diagonal coefficients of (h, w) uint8, taken as 0 to 1.

    What ``pywt.dwtn(gray / 255, "db2")["dd"]`` gives, without its sign; ((h + 3) // 2,
    (w + 3) // 2) float64, whatever number of rows of it is computed at a time.
    """
    high, wide = ((length + 3) // 2 for length in gray.shape)
    padded = np.pad(gray, (2, 3), mode="symmetric")
    result = np.empty((high, wide))
    for top in range(0, high, strip):
        bottom = min(top + strip, high)
        lines = padded[2 * top : 2 * bottom + 2] / 255.0
        down = _filtered(lines, bottom - top)
        across = _filtered(down.T, wide)
        np.abs(across.T, out=result[top:bottom])
    return result


def _filtered(lines: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float64]:
    """Return every second line of `lines`, filtered along the first axis."""
    result = lines[3::2][:count] * _FILTER[0]
    for shift, weight in enumerate(_FILTER[1:], start=1):
        result += lines[3 - shift :: 2][:count] * weight
    return result


def sigma_of(detail: npt.NDArray[np.float64]) -> float:
    """Return the standard deviation of the noise, from what :func:`finest_detail` gives.

    Equal to scikit-image's ``estimate_sigma``; 0 if no coefficient differs from zero.
    """
    zeros = detail.size - int(np.count_nonzero(detail))
    present = detail.size - zeros
    if not present:
        return 0.0
    middle = zeros + present // 2
    # One place at a time: numpy finds two together several times slower.
    ordered = np.partition(detail, middle, axis=None)
    median = float(ordered[middle])
    if present % 2 == 0:
        median = (float(ordered[:middle].max()) + median) / 2
    return median / _NORMAL_MEDIAN


def textured_share(detail: npt.NDArray[np.float64]) -> float:
    """Return the share of coefficients that are more than rounding in a flat area, 0 to 1."""
    # Rounding leaves less than 1e-15; the smallest that 8-bit photos were seen to hold is 4e-7.
    return float(np.count_nonzero(detail > 1e-11)) / detail.size
