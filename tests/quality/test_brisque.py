from __future__ import annotations

import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.stats import spearmanr

from safelight.quality import brisque as module
from safelight.quality.brisque import MIN_SIDE, Brisque, brisque, features, score
from safelight.quality.picture import Picture
from tests.quality import by_the_book
from tests.quality.damage import blurred, noised
from tests.quality.pictures import EXPECTED, damaged, gray


@pytest.mark.parametrize("expected", EXPECTED, ids=str)
def test_values_agree(expected) -> None:
    value = brisque(expected.gray)
    # The release prints features with six decimals, and in flat parts counts its own rounding.
    assert value == pytest.approx(expected.brisque, abs=1e-3 if expected.flat == 0 else 10)
    assert value == pytest.approx(expected.brisque_exact, abs=1e-4)


def test_pictures_are_ranked_as_by_the_release() -> None:
    known = [each for each in EXPECTED if "jpeg" not in each.damage and each.name != "china"]
    assert len(known) == 21
    rank = spearmanr([brisque(each.gray) for each in known], [each.brisque for each in known])
    assert rank.statistic >= 0.995


@pytest.mark.parametrize("expected", EXPECTED[::4], ids=str)
def test_values_are_those_of_the_definition(expected) -> None:
    """Flat parts or not: another order of sums makes no difference."""
    image = expected.gray
    assert features(image) == pytest.approx(by_the_book.brisque_features(image), abs=1e-10)
    assert brisque(image) == pytest.approx(by_the_book.brisque_value(image), abs=1e-8)


@pytest.mark.parametrize("shape", [(33, 200), (200, 33), (97, 101), (64, 64)])
def test_odd_sizes_too(shape) -> None:
    image = gray(damaged("astronaut"))[100 : 100 + shape[0], 100 : 100 + shape[1]]
    assert brisque(image) == pytest.approx(by_the_book.brisque_value(image), abs=1e-8)


def test_strips_do_not_matter() -> None:
    for name in ("orig", "jpeg10"):
        image = gray(damaged("china", name))
        whole = brisque(image, 1 << 30)
        assert {brisque(image, pixels) for pixels in (1, 10_000, 1 << 15)} == {whole}


def test_threads_do_not_matter() -> None:
    images = [gray(damaged(name, "jpeg30")) for name in ("astronaut", "camera", "chelsea")] * 4
    alone = [brisque(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(brisque, images)) == alone


def test_the_threads_of_blas_do_not_matter(tmp_path) -> None:
    np.save(tmp_path / "camera.npy", damaged("camera"))
    script = (
        "import sys; import numpy as np; image = np.load(sys.argv[1])\n"
        "from safelight.quality.brisque import brisque; from safelight.quality.niqe import niqe\n"
        "print(brisque(image), niqe(image))"
    )
    found = []
    for threads in ("1", "2", "5"):
        environ = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-c", script, str(tmp_path / "camera.npy")]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        found.append([float(number) for number in done.stdout.split()])
    assert np.ptp(found, axis=0).max() <= 1e-9


def test_levels_between_whole_numbers() -> None:
    image = gray(damaged("chelsea")).astype(float)
    assert brisque(image) == pytest.approx(brisque(image.astype(np.uint8)), abs=1e-9)
    assert brisque(image + 0.25) != brisque(image)


def test_values_are_not_cut_off() -> None:
    assert brisque(damaged("camera")) < -5
    noise = np.random.default_rng(0).integers(0, 2, (300, 300)) * 255
    assert brisque(noise.astype(np.uint8)) > 100


def test_more_blur_is_worse() -> None:
    for name in ("astronaut", "camera", "chelsea", "china"):
        values = [brisque(gray(blurred(damaged(name), sigma))) for sigma in (0, 1, 2, 4)]
        assert values == sorted(values), name


def test_more_noise_is_worse_but_for_a_little() -> None:
    for name in ("astronaut", "camera", "chelsea", "china"):
        values = [brisque(gray(noised(damaged(name), sigma))) for sigma in (5, 15, 30)]
        assert values == sorted(values), name
    # Known blind spot: a photo that is smoother than most gains by a little noise.
    assert brisque(gray(noised(damaged("chelsea"), 5))) < brisque(gray(damaged("chelsea")))


def test_a_photo_is_measured_at_evaluation_size() -> None:
    large = np.kron(damaged("astronaut"), np.ones((4, 4, 1), np.uint8))
    measurement = Brisque().measure(Picture.of(large))
    assert measurement.status == "ok"
    assert measurement.value == brisque(Picture.of(large).gray)
    assert measurement.value != pytest.approx(
        Brisque().measure(Picture.of(large, full_size=True)).value, abs=5
    )


def test_a_measurement_says_how_flat_the_photo_is() -> None:
    for each in EXPECTED[0], EXPECTED[10]:
        measurement = Brisque().measure(Picture.of(each.pixels))
        assert measurement.status == "ok"
        assert measurement.value == pytest.approx(each.brisque, abs=0.05)
        assert measurement.score == score(measurement.value)
        assert measurement.details["flat_fraction"] == pytest.approx(each.flat, abs=6e-6)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_photo_is_skipped(level) -> None:
    measurement = Brisque().measure(Picture.of(np.full((100, 120, 3), level, np.uint8)))
    assert (measurement.status, measurement.value, measurement.score) == ("skipped", None, None)
    assert measurement.reason == "is of one grey level"
    assert measurement.details == {"flat_fraction": 1.0}


def test_a_photo_without_one_side_of_the_statistics_is_skipped() -> None:
    pixels = np.zeros((64, 64), np.uint8)
    pixels[32:] = 255  # neighbours to the right are on one side of the mean, always
    measurement = Brisque().measure(Picture.of(pixels))
    assert (measurement.status, measurement.value) == ("skipped", None)
    assert "too plain" in str(measurement.reason)
    assert math.isnan(brisque(pixels))


def test_a_tiny_photo_is_skipped() -> None:
    for shape in ((1, 1), (MIN_SIDE - 1, 500), (500, MIN_SIDE - 1)):
        picture = Picture.of(damaged("astronaut")[: shape[0], : shape[1]])
        measurement = Brisque().measure(picture)
        assert (measurement.status, measurement.value) == ("skipped", None)
        assert f"fewer than {MIN_SIDE} pixels" in str(measurement.reason)
    picture = Picture.of(damaged("astronaut")[:MIN_SIDE, :MIN_SIDE])
    assert Brisque().measure(picture).status == "ok"


def test_the_score_falls_as_the_value_rises() -> None:
    scores = [score(value) for value in np.linspace(-30, 200, 300).tolist()]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)
    assert 0 < scores[-1] < scores[0] < 1
    assert (score(-1e6), score(50), score(1e6)) == (1, 0.5, 0)


def test_the_parameters_are_sound() -> None:
    vectors, coefficients, rho, width, least, extent = module._parameters()
    assert vectors.shape == (774, 36)
    assert {array.dtype for array in (vectors, coefficients, least, extent)} == {np.dtype(float)}
    assert (rho, width) == (-153.591, 0.05)
    assert abs(coefficients.sum()) < 1e-9
    assert np.abs(coefficients).max() == 1024
    assert (extent > 0).all()
