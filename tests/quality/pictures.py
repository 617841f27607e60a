"""Public photos, damaged by known amounts, and what the published code says about them."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from skimage import data
from sklearn.datasets import load_sample_image

from safelight.quality.picture import gray_of
from tests.quality.damage import blurred, compressed, noised


@dataclass(frozen=True)
class Expected:
    """Facts about one picture.

    `brisque` and `niqe` are what the code released by LIVE printed, run in GNU Octave; the `exact`
    ones an independent implementation's that takes differences below 1e-9 for zero, as ours does.
    """

    name: str
    damage: str
    digest: str
    flat: float
    brisque: float
    brisque_exact: float
    niqe: float
    niqe_exact: float
    niqe_luma: float

    def __str__(self) -> str:
        return f"{self.name}-{self.damage}"

    @property
    def pixels(self) -> np.ndarray:
        """The picture; (h, w) or (h, w, 3) uint8."""
        pixels = damaged(self.name, self.damage)
        if hashlib.sha256(pixels.tobytes()).hexdigest()[:16] != self.digest:
            if "jpeg" in self.damage or self.name == "china":
                pytest.skip("Pillow's JPEG library makes other pixels than the one of 13.0")
            raise AssertionError(f"{self} has other pixels than it should")
        return pixels

    @property
    def gray(self) -> np.ndarray:
        """(h, w) uint8."""
        return gray(self.pixels)


def gray(pixels: np.ndarray) -> np.ndarray:
    """Return (h, w) uint8."""
    return pixels if pixels.ndim == 2 else gray_of(np.moveaxis(pixels, 2, 0).copy())


@cache
def damaged(name: str, damage: str = "orig") -> np.ndarray:
    """Return a photo that scikit-image or scikit-learn ships, damaged: ``blur2``, ``jpeg30``."""
    image = load_sample_image("china.jpg") if name == "china" else getattr(data, name)()
    kind = damage.rstrip("0123456789")
    if kind == "orig":
        return np.ascontiguousarray(image)
    do = {"blur": blurred, "noise": noised, "jpeg": compressed}[kind]
    return np.ascontiguousarray(do(image, int(damage.removeprefix(kind))))


_TABLE = """\
name,damage,digest,flat,brisque,brisque_exact,niqe,niqe_exact,niqe_luma
astronaut,orig,a8c429c18afa7b0f,0.07796,2.87849,2.86628,3.06664,3.06516,3.06455
astronaut,blur1,3d3aa9c36313e684,0.07987,37.0823,37.08315,5.35356,5.35347,5.42643
astronaut,blur2,7be97cbe010dbecf,0.07508,60.82685,60.82562,7.17107,7.16956,7.2591
astronaut,blur4,3a02e85976582160,0.0597,80.92938,80.9291,9.88418,9.88396,9.89606
astronaut,noise5,7107db57c0457462,0.0,10.37396,10.37427,4.80742,4.80742,4.65229
astronaut,noise15,7504aa7a1eba6da9,0.0,38.09119,38.0912,7.85543,7.85543,7.70602
astronaut,noise30,30a18cf42e8eaaa1,0.0,55.57954,55.57966,10.81859,10.81859,10.81097
astronaut,jpeg90,d37dddd42572eda2,0.06777,8.43476,8.43276,2.98059,2.98061,3.04933
astronaut,jpeg30,3f6ad98f8c50540d,0.10194,23.89093,23.65514,4.01921,4.00534,3.96033
astronaut,jpeg10,7d88a47831454859,0.21167,46.72256,45.25419,5.84187,5.74671,5.61812
camera,orig,5cb24482a53416f9,0.0,-7.30905,-7.30869,3.0962,3.09621,3.09621
camera,blur1,1a55ca21bf12aba2,0.01592,31.20742,31.18266,5.37022,5.36886,5.36886
camera,blur2,f396ac3ed24b9a49,0.04197,60.0879,59.95846,8.04591,8.03783,8.03783
camera,blur4,c7cdeb5ff8ab1de6,0.05033,80.3167,80.27562,10.20318,10.18408,10.18408
camera,noise5,9ffb133fcda90df0,0.0,30.88396,30.884,6.42964,6.42964,6.42964
camera,noise15,6b7ae7a2835affe8,0.0,53.92361,53.92362,9.49725,9.49725,9.49725
camera,noise30,937a1836a68b62a5,0.0,68.94075,68.94082,12.38378,12.38378,12.38378
camera,jpeg90,b6f7ea557a79b757,0.01607,5.71369,5.58084,3.10217,3.10036,3.10036
camera,jpeg30,d2e868aae89dd5db,0.23235,33.05357,29.95022,4.8053,4.81128,4.81128
camera,jpeg10,09d5317648380a33,0.39261,59.21374,60.87187,7.83941,7.69462,7.69462
chelsea,orig,416b729128bfb2c3,0.0,2.57316,2.57259,2.57208,2.57208,2.62553
chelsea,blur1,785371977b4afe09,0.0001,34.45673,34.45629,5.43909,5.43909,5.5456
chelsea,blur2,19da4f6cc7d43725,0.00045,63.55837,63.55611,8.40756,8.40736,8.50485
chelsea,blur4,0ce7ab026819d310,0.00137,84.64553,84.64168,11.45944,11.45896,11.40191
chelsea,noise5,adb83129ba5e710a,0.0,-2.72846,-2.72845,3.88941,3.88941,3.87641
chelsea,noise15,4bc4b05ebd2f19a2,0.0,37.29675,37.29673,7.49013,7.49013,7.34632
chelsea,noise30,4c34ea36e1f3518a,0.0,56.45122,56.45127,12.6928,12.6928,12.62366
chelsea,jpeg90,a76287ceacd550f2,4e-05,5.83026,5.86548,2.40754,2.40754,2.47676
chelsea,jpeg30,19dd107514cb2b89,0.01127,28.48164,28.40884,4.16605,4.16141,4.10525
chelsea,jpeg10,64f14d1ba57b7977,0.08185,55.44127,54.41094,6.96431,7.02147,6.96879
china,orig,e701459344fd6979,0.00129,25.99498,26.01439,4.21371,4.21205,4.27222
china,blur1,010dfa28f4198e21,0.006,36.16908,36.17097,4.45565,4.45482,4.4947
china,blur2,93be18357edaf342,0.03828,58.39061,58.19679,7.3672,7.37806,7.4627
china,blur4,1a6d8b6fb932dcb5,0.05703,82.32744,82.22998,9.86225,9.88424,10.12126
china,noise5,94c3e44e03c924d7,0.0,40.16388,40.16373,5.48985,5.48985,5.32349
china,noise15,8569787ec3e3f61d,0.0,58.86201,58.86211,7.39852,7.39852,7.32297
china,noise30,2d2f04bc2d2995b4,0.0,68.6012,68.60103,9.75732,9.75732,9.7159
china,jpeg90,cdfc9fd360cbe2ef,0.00151,26.67911,26.70139,4.15609,4.15585,4.14785
china,jpeg30,6f7d872253b17cd4,0.2319,70.58591,66.92485,4.02581,4.02483,3.89399
china,jpeg10,581bb1bb59c96094,0.33111,72.88618,81.27236,6.14523,5.82371,5.64765
"""


def _expected() -> tuple[Expected, ...]:
    return tuple(
        Expected(*row[:3], *map(float, row[3:]))
        for row in csv.reader(io.StringIO(_TABLE.split("\n", 1)[1]))
    )


EXPECTED = _expected()
