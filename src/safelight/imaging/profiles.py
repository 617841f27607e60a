"""ICC profiles built from the colour data of a file that has no profile.

Primaries and transfer functions: ITU-T H.273, tables 2 and 3. Profiles: ICC.1:2022.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_D65, _D50 = (0.3127, 0.3290), (0.3457, 0.3585)

SRGB_PRIMARIES = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)

#: White, red, green, blue by the code of H.273.
_PRIMARIES = {
    1: SRGB_PRIMARIES,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (0.310, 0.316, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    10: (1 / 3, 1 / 3, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}

_GAMMA_22, _GAMMA_28, _LINEAR, _SRGB, _PQ, _DCI, _HLG = 4, 5, 8, 13, 16, 17, 18

#: Transfer functions of video, all one curve.
_VIDEO = frozenset((1, 6, 14, 15))

#: Light of white paper in a picture of high dynamic range, in candela a square metre (ITU-R
#: BT.2408), and as much as the display gives that it was made for.
_PAPER, _PEAK = 203.0, 1000.0

#: How such light, as a multiple of paper white, is shown where there is no more than white:
#: Chromium 156 on a ramp of 256 greys, PQ and HLG (2026-11-27). Paper white becomes half of white.
_LIGHT = (0.0, 1.0, 1.236, 1.58, 2.026, 2.605, 3.356, 4.333, 4.926)
_SHOWN = (0.0, 0.5, 0.591, 0.672, 0.745, 0.823, 0.896, 0.965, 1.0)

_STEPS = 4096

#: In the header of a profile: by what it was made.
_CREATOR = b"slgt"

_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


@lru_cache(maxsize=64)
def profile_of_codes(primaries: int, transfer: int, *, video: bool) -> bytes | None:
    """Return the profile of codes of H.273; None of what is shown as sRGB in any case.

    Parameters
    ----------
    video : bool
        Show the curves of video as those of sRGB, as Chromium does in AVIF; else as BT.1886 has
        them, as it does in PNG.
    """
    chromaticities = _PRIMARIES.get(primaries, SRGB_PRIMARIES)
    if transfer in (_PQ, _HLG):
        curve = _table(_tone_mapped(transfer))
    elif transfer == _LINEAR:
        curve = _power(1.0)
    elif transfer == _GAMMA_22:
        curve = _power(2.2)
    elif transfer == _GAMMA_28:
        curve = _power(2.8)
    elif transfer == _DCI:
        curve = _power(2.6)
    elif transfer in _VIDEO and not video:
        curve = _power(2.4)
    elif chromaticities == SRGB_PRIMARIES:
        return None
    else:
        curve = _srgb_curve()
    return _profile(chromaticities, curve)


@lru_cache(maxsize=64)
def profile_of_gamma(gamma: float | None, chromaticities: tuple[float, ...] | None) -> bytes | None:
    """Return the profile of a PNG's gamma and chromaticities; None if they make no sense."""
    chromaticities = chromaticities or SRGB_PRIMARIES
    if gamma is not None and not 0.01 <= gamma <= 10:
        return None
    curve = _srgb_curve() if gamma is None else _power(1 / gamma)
    try:
        return _profile(chromaticities, curve)
    except (np.linalg.LinAlgError, ZeroDivisionError, struct.error):
        return None


def is_made(profile: bytes) -> bool:
    """Tell whether a profile was made here: it is for the colours of greys as well."""
    return profile[80:84] == _CREATOR


def _profile(chromaticities: tuple[float, ...], curve: bytes) -> bytes:
    matrix = _to_d50(chromaticities)
    tags = [
        (b"desc", _text("made of the file's own numbers")),
        (b"cprt", _text("none")),
        (b"wtpt", _xyz(_xyz_of(_D50))),
        (b"rXYZ", _xyz(matrix[:, 0])),
        (b"gXYZ", _xyz(matrix[:, 1])),
        (b"bXYZ", _xyz(matrix[:, 2])),
        (b"rTRC", curve),
        (b"gTRC", curve),
        (b"bTRC", curve),
    ]
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    for name, content in tags:
        if content not in places:
            places[content] = start + len(body)
            body += content.ljust(-(-len(content) // 4) * 4, b"\0")
        table += struct.pack(">4sII", name, places[content], len(content))
    size = start + len(body)
    head = struct.pack(
        ">I4sI4s4s4s6H4s16xQI3I4s",
        size, bytes(4), 0x04300000, b"mntr", b"RGB ", b"XYZ ", 2026, 1, 1, 0, 0, 0, b"acsp",
        0, 0, *_fixed(_xyz_of(_D50)), _CREATOR,
    )  # fmt: skip
    return head.ljust(128, b"\0") + table + body


def _to_d50(chromaticities: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Return the matrix from linear colours to CIE XYZ under the light of profiles."""
    white, *colours = (
        _xyz_of((chromaticities[at], chromaticities[at + 1])) for at in range(0, 8, 2)
    )
    matrix = np.stack(colours, axis=1)
    matrix = matrix * np.linalg.solve(matrix, white)
    source, target = _BRADFORD @ white, _BRADFORD @ _xyz_of(_D50)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(target / source) @ _BRADFORD @ matrix
    return np.asarray(adapted, np.float64)


def _xyz_of(xy: tuple[float, float]) -> npt.NDArray[np.float64]:
    x, y = xy
    if not y:  # a colour that no light has
        return np.array([x, y, 1 - x - y])
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _fixed(values: Any) -> list[int]:
    return [round(float(value) * 65536) for value in values]


def _xyz(values: Any) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *_fixed(values))


def _text(text: str) -> bytes:
    coded = text.encode("utf-16-be")
    return struct.pack(">4sIII2s2sII", b"mluc", 0, 1, 12, b"en", b"US", len(coded), 28) + coded


def _power(exponent: float) -> bytes:
    return struct.pack(">4sIHHi", b"para", 0, 0, 0, round(exponent * 65536))


def _srgb_curve() -> bytes:
    numbers = _fixed((2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
    return struct.pack(">4sIHH5i", b"para", 0, 3, 0, *numbers)


def _table(values: npt.NDArray[np.float64]) -> bytes:
    numbers = np.clip(np.rint(values * 65535), 0, 65535).astype(">u2")
    return struct.pack(">4sII", b"curv", 0, len(numbers)) + numbers.tobytes()


def _tone_mapped(transfer: int) -> npt.NDArray[np.float64]:
    """Return the light, 0 to 1, of evenly spaced values of a picture of high dynamic range."""
    values = np.linspace(0, 1, _STEPS)
    if transfer == _PQ:  # SMPTE ST 2084
        power = values ** (1 / 78.84375)
        light = (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (
            1 / 0.1593017578125
        )
        light = light * 10_000 / _PAPER
    else:  # ARIB STD-B67, with the gamma of a display of 1,000 candela
        scene = np.where(
            values <= 0.5,
            values**2 / 3,
            (np.exp((values - 0.55991073) / 0.17883277) + 0.28466892) / 12,
        )
        light = scene**1.2 * _PEAK / _PAPER
    return np.asarray(np.interp(light, _LIGHT, _SHOWN), np.float64)
