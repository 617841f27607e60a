from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.stats import spearmanr

from safelight.quality import niqe as module
from safelight.quality.niqe import Niqe, features, luma, niqe, score
from safelight.quality.picture import Picture
from tests.quality import by_the_book
from tests.quality.damage import blurred, compressed, noised
from tests.quality.pictures import EXPECTED, damaged, gray


@pytest.mark.parametrize("expected", EXPECTED, ids=str)
def test_values_agree(expected) -> None:
    value = niqe(expected.gray)
    assert value == pytest.approx(expected.niqe, abs=1e-4 if expected.flat == 0 else 0.35)
    assert value == pytest.approx(expected.niqe_exact, abs=1e-5)


@pytest.mark.parametrize("expected", EXPECTED, ids=str)
def test_values_of_luma_agree(expected) -> None:
    pixels = expected.pixels
    value = niqe(luma(pixels) if pixels.ndim == 3 else pixels)
    # One in some 100,000 colours lies half way between two levels, and floating point decides.
    assert value == pytest.approx(expected.niqe_luma, abs=1e-3)


def test_pictures_are_ranked_as_by_the_release() -> None:
    known = [each for each in EXPECTED if "jpeg" not in each.damage and each.name != "china"]
    assert len(known) == 21
    rank = spearmanr([niqe(each.gray) for each in known], [each.niqe for each in known])
    assert rank.statistic >= 0.999


@pytest.mark.parametrize("expected", EXPECTED[::4], ids=str)
def test_values_are_those_of_the_definition(expected) -> None:
    """Flat parts or not: another order of sums makes no difference."""
    image = expected.gray
    assert features(image).shape == ((image.shape[0] // 96) * (image.shape[1] // 96), 36)
    assert niqe(image) == pytest.approx(by_the_book.niqe_value(image), abs=1e-9)


def test_a_flat_block_counts_as_far_as_it_can() -> None:
    image = gray(damaged("chelsea"))[:288, :384].copy()
    image[0:96, 96:192] = 200
    # Its own border varies, so that it is flat at neither size only in the middle.
    image[96:192, 96:200] = 200
    assert np.isnan(features(image)).any()
    assert niqe(image) == pytest.approx(by_the_book.niqe_value(image), abs=1e-9)


def test_what_lies_beyond_whole_blocks_is_left_out() -> None:
    image = gray(damaged("astronaut"))
    assert niqe(image[:400, :500]) == niqe(image[:384, :480])


def test_strips_do_not_matter() -> None:
    for name in ("orig", "jpeg10"):
        image = gray(damaged("china", name))
        whole = niqe(image, 1 << 30)
        assert {niqe(image, pixels) for pixels in (1, 10_000, 1 << 15)} == {whole}


def test_threads_do_not_matter() -> None:
    images = [gray(damaged(name, "jpeg30")) for name in ("astronaut", "camera", "chelsea")] * 4
    alone = [niqe(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(niqe, images)) == pytest.approx(alone, abs=1e-9)


def test_more_blur_and_more_noise_are_worse() -> None:
    for name in ("astronaut", "camera", "chelsea", "china"):
        for damage, amounts in ((blurred, (0, 1, 2, 4)), (noised, (0, 5, 15, 30))):
            values = [niqe(gray(damage(damaged(name), amount))) for amount in amounts]
            assert values == sorted(values), (name, damage)


def test_some_compression_passes_for_better() -> None:
    """Known blind spot: JPEG at quality 90 gives these photos statistics that good ones have."""
    for name in ("astronaut", "chelsea"):
        assert niqe(gray(compressed(damaged(name), 90))) < niqe(gray(damaged(name)))


def test_luma_is_rounded_half_up() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (100, 100, 3)).astype(np.uint8)
    exact = 16 + (pixels * np.array([65_481, 128_553, 24_966])).sum(axis=2) / 255_000
    assert np.abs(luma(pixels) - exact).max() <= 0.5
    # Exactly 109.5 and 36.5 more than 16.
    assert luma(np.array([[[0, 204, 68], [2, 44, 141]]], np.uint8)).tolist() == [[126, 53]]


def test_the_two_kinds_of_luma_are_two_metrics() -> None:
    expected = EXPECTED[4]
    picture = Picture.of(expected.pixels)
    plain, other = Niqe().measure(picture), Niqe(luma="ycbcr").measure(picture)
    assert plain.value == pytest.approx(expected.niqe, abs=1e-4)
    assert other.value == pytest.approx(expected.niqe_luma, abs=1e-3)
    assert Niqe().version != Niqe(luma="ycbcr").version
    assert Niqe().name == Niqe(luma="ycbcr").name == "niqe"


def test_a_measurement_says_how_flat_the_photo_is() -> None:
    for each in EXPECTED[0], EXPECTED[10]:
        measurement = Niqe().measure(Picture.of(each.pixels))
        assert measurement.status == "ok"
        assert measurement.value == pytest.approx(each.niqe, abs=0.01)
        assert measurement.score == score(measurement.value)
        assert measurement.details["flat_fraction"] == pytest.approx(each.flat, abs=6e-6)
        assert measurement.details["blocks"] == 25


def test_a_flat_photo_is_skipped() -> None:
    one = np.full((300, 400, 3), 90, np.uint8)
    measurement = Niqe().measure(Picture.of(one))
    assert (measurement.status, measurement.value, measurement.score) == ("skipped", None, None)
    assert measurement.reason == "is of one grey level"
    one[:96, :96] = damaged("astronaut")[:96, :96]
    measurement = Niqe().measure(Picture.of(one))
    assert measurement.status == "skipped"
    assert "but for fewer than 2 blocks" in str(measurement.reason)
    assert math.isnan(niqe(Picture.of(one).gray))


@pytest.mark.parametrize("shape", [(1, 1), (191, 191), (95, 1000), (190, 96)])
def test_a_photo_of_less_than_two_blocks_is_skipped(shape) -> None:
    image = np.resize(damaged("camera"), shape)
    measurement = Niqe().measure(Picture.of(image))
    assert (measurement.status, measurement.value) == ("skipped", None)
    assert "fewer than 2 blocks" in str(measurement.reason)
    assert math.isnan(niqe(image))


def test_two_blocks_are_enough() -> None:
    assert Niqe().measure(Picture.of(damaged("astronaut")[:96, :192])).status == "ok"


def test_the_score_falls_as_the_value_rises() -> None:
    scores = [score(value) for value in np.linspace(0, 30, 200).tolist()]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)
    assert 0 < scores[-1] < scores[0] < 1
    assert score(1e6) == 0


def test_the_parameters_are_sound() -> None:
    mean, covariance = module._parameters()
    assert mean.shape == (36,)
    assert np.array_equal(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > 0
