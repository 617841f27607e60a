"""Values that other implementations gave for public images, within their precision.

Computed with OpenCV, scikit-image and NumPy from the photos that scikit-image and scikit-learn
ship. No JPEG is among them, because decoders differ; and no noise of photos with large flat areas,
where it is rounding that decides which coefficients count.
"""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data
from sklearn.datasets import load_sample_image

from safelight.quality.exposure import Exposure, percentile
from safelight.quality.gradient import tenengrad, tile_energies
from safelight.quality.picture import Picture
from tests.quality.damage import blurred, noised

# image, damage, Tenengrad, 90th percentile of 8x8 tiles, sigma of 255, p1, p50, p99
VALUES = [
    ("astronaut", "orig", 14671.2793, 34598.7969, 1.6976, 0.0, 129.0, 248.0),
    ("astronaut", "blur1", 7857.0181, 15500.0547, 0.3955, 0.0, 129.0, 243.0),
    ("astronaut", "blur2", 4043.3115, 7727.5767, 0.3028, 0.0, 128.0, 235.0),
    ("astronaut", "blur4", 1718.5312, 3321.4097, None, 0.0, 126.0, 226.57),
    ("astronaut", "noise5", 14836.832, 34752.3477, 3.7562, 0.0, 129.0, 248.0),
    ("astronaut", "noise15", 16363.2129, 35781.4961, 9.4715, 0.0, 129.0, 246.0),
    ("astronaut", "noise30", 21279.2344, 39065.2578, 17.7158, 0.0, 127.0, 247.0),
    ("camera", "orig", 9999.4512, 27266.3809, 1.2591, 4.0, 152.0, 230.0),
    ("camera", "blur1", 4507.1753, 12478.0596, 0.321, 4.0, 152.0, 225.0),
    ("camera", "blur2", 1865.4648, 5694.0312, 0.1853, 4.0, 152.0, 221.0),
    ("camera", "blur4", 648.9584, 2032.5261, None, 5.0, 151.0, 220.0),
    ("camera", "noise5", 10570.8965, 27734.3984, 6.266, 2.0, 152.0, 231.0),
    ("camera", "noise15", 15007.4395, 32053.4941, 15.5305, 0.0, 151.0, 242.0),
    ("camera", "noise30", 28344.6113, 46391.3789, 28.2686, 0.0, 148.0, 255.0),
    ("chelsea", "orig", 4419.0049, 10042.377, 1.0193, 27.0, 122.0, 181.0),
    ("chelsea", "blur1", 2128.2463, 5215.3228, 0.3955, 32.0, 121.0, 181.0),
    ("chelsea", "blur2", 1102.3231, 2828.9021, 0.3028, 36.0, 121.0, 180.0),
    ("chelsea", "blur4", 462.1773, 1041.0214, 0.278, 44.0, 120.0, 178.0),
    ("chelsea", "noise5", 4690.0752, 10154.0605, 4.1153, 28.0, 122.0, 182.0),
    ("chelsea", "noise15", 6808.2866, 11888.7549, 10.4159, 26.99, 122.0, 187.0),
    ("chelsea", "noise30", 13810.0693, 18467.6719, 20.0364, 23.0, 121.0, 199.0),
    ("china", "orig", 23385.5293, 56890.0156, None, 4.0, 158.0, 251.0),
    ("china", "blur1", 5793.5674, 14292.6035, None, 8.0, 146.0, 251.0),
    ("china", "blur2", 1929.9211, 4521.7617, None, 10.0, 143.0, 251.0),
    ("china", "blur4", 596.1732, 1231.8766, 0.1853, 12.0, 141.0, 251.0),
    ("china", "noise5", 23591.6484, 57238.1172, 6.1867, 4.0, 158.0, 252.0),
    ("china", "noise15", 25134.9863, 58867.7656, 12.6095, 3.0, 159.0, 254.0),
    ("china", "noise30", 29505.082, 62827.3828, 20.1792, 2.0, 159.0, 255.0),
]


def _image(name: str, damage: str) -> np.ndarray:
    image = load_sample_image("china.jpg") if name == "china" else getattr(data, name)()
    kind = damage.rstrip("0123456789")
    if kind == "orig":
        return image
    return {"blur": blurred, "noise": noised}[kind](image, int(damage.removeprefix(kind)))


@pytest.mark.parametrize(
    ("name", "damage", "energy", "sharpest", "sigma", "p1", "p50", "p99"),
    VALUES,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_agree(name, damage, energy, sharpest, sigma, p1, p50, p99) -> None:
    picture = Picture.of(_image(name, damage))
    # They were computed in single precision, and printed to four places.
    assert tenengrad(picture.gray) == pytest.approx(energy, rel=1e-6)
    assert np.percentile(tile_energies(picture.gray, 8), 90) == pytest.approx(sharpest, rel=1e-6)
    if sigma is not None:
        assert 255 * picture.noise_sigma == pytest.approx(sigma, abs=1e-4)
    histogram = np.array(Image.fromarray(picture.gray).histogram())
    found = [percentile(histogram, q) for q in (1, 50, 99)]
    assert found == pytest.approx([p1, p50, p99], abs=1e-9)
    details = Exposure().measure(picture).details
    assert [255 * details[name] for name in ("p1", "p50", "p99")] == pytest.approx(found)
