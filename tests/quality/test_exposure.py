from __future__ import annotations

import doctest
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage import data

from safelight.quality import exposure
from safelight.quality.exposure import Exposure, clipped_shares, percentile
from safelight.quality.picture import Picture
from tests.quality.damage import exposed


def test_examples_in_docstrings_run() -> None:
    assert doctest.testmod(exposure).failed == 0


@given(hnp.arrays(np.uint8, st.integers(1, 300)), st.floats(0, 100))
def test_percentiles_are_numpys(levels: np.ndarray, q: float) -> None:
    found = percentile(np.bincount(levels, minlength=256), q)
    assert found == pytest.approx(float(np.percentile(levels, q)), abs=1e-9)


@given(hnp.arrays(np.uint8, (3, 5, 7), elements=st.sampled_from([0, 1, 2, 128, 253, 254, 255])))
def test_clipped_pixels_are_counted(channels: np.ndarray) -> None:
    found = clipped_shares(channels)
    for index, name in enumerate(("red", "green", "blue")):
        assert found["high"][name] == (channels[index] >= 254).mean()
        assert found["low"][name] == (channels[index] <= 1).mean()
    assert found["high"]["any"] == (channels >= 254).any(axis=0).mean()
    assert found["low"]["all"] == (channels <= 1).all(axis=0).mean()


def test_the_parts_make_the_whole() -> None:
    found = Exposure().measure(Picture.of(data.astronaut()))
    parts = json.loads(json.dumps(found.details))
    assert parts["midtone"] == 1 - abs(parts["p50"] - 0.5) / 0.5
    assert parts["dynamic_range"] == parts["p99"] - parts["p1"]
    clipped = parts["clipped"]["high"]["any"] + parts["clipped"]["low"]["all"]
    assert parts["penalty"] == pytest.approx(1 - math.exp(-2 * clipped))
    whole = (0.4 * parts["midtone"] + 0.6 * parts["dynamic_range"]) * (1 - parts["penalty"])
    assert found.value == found.score == pytest.approx(whole)
    gray = Picture.of(data.astronaut()).gray
    assert parts["mean"] == pytest.approx(gray.mean() / 255)


def test_a_full_range_round_the_middle_is_best_and_one_level_worst() -> None:
    ramp = np.tile(np.arange(2, 254, dtype=np.uint8), (64, 1))
    assert Exposure().measure(Picture.of(ramp)).score > 0.95
    for level in (0, 255):
        assert Exposure().measure(Picture.of(np.full((9, 9), level, np.uint8))).score < 0.01


def test_the_mean_tells_the_direction() -> None:
    means = [
        Exposure().measure(Picture.of(exposed(data.coffee(), stops))).details["mean"]
        for stops in (-3, -2, -1, 0, 1, 2, 3)
    ]
    assert means == sorted(means)


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3))))
def test_the_score_is_a_score(pixels: np.ndarray) -> None:
    found = Exposure().measure(Picture.of(pixels))
    assert found.status == "ok"
    assert 0 <= found.score <= 1
