"""EXIF data in the words of batches, for whatever a camera may write."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.pipeline.messages.exif_text import UNKNOWN, aperture, as_text, focal_length, shutter
from safelight.types import Exif


def test_the_words_of_the_example() -> None:
    exif = Exif(
        taken_at="2024-12-25T11:25:57+01:00",
        camera_make="Apple",
        camera_model="iPhone 11 Pro Max",
        exposure_time=0.016666667,
        f_number=1.8,
        iso=64,
        focal_length=4.25,
    )
    assert as_text(exif) == {
        "camera": "Apple iPhone 11 Pro Max",
        "lens": "Unknown",
        "iso": 64,
        "aperture": "f/1.8",
        "shutter_speed": "1/60",
        "focal_length": "4mm",
        "datetime": "2024:12:25 11:25:57",
        "gps": None,
    }


def test_a_photo_that_says_nothing() -> None:
    said = as_text(Exif())
    assert [name for name, value in said.items() if value is None] == ["iso", "datetime", "gps"]
    assert {value for value in said.values() if value is not None} == {UNKNOWN}


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
        ("HTC", "HTC_TyTN_II", "HTC_TyTN_II"),
        ("samsung", "SM-G965W", "samsung SM-G965W"),
        ("Apple", None, "Apple"),
        (None, "DS-7", "DS-7"),
        (None, None, UNKNOWN),
    ],
)
def test_a_make_is_named_once(make: str | None, model: str | None, camera: str) -> None:
    assert as_text(Exif(camera_make=make, camera_model=model))["camera"] == camera


def test_a_place() -> None:
    here = as_text(Exif(latitude=-33.5, longitude=151.25))
    assert here["gps"] == {"latitude": -33.5, "longitude": 151.25}
    above = as_text(Exif(latitude=-33.5, longitude=151.25, altitude=12.0))
    assert above["gps"] == {"latitude": -33.5, "longitude": 151.25, "altitude": 12.0}
    assert as_text(Exif(latitude=1.0, altitude=3.0))["gps"] is None


seconds = st.floats(1e-5, 3600, allow_nan=False)


@given(seconds)
def test_an_exposure_can_be_read_back(value: float) -> None:
    text = shutter(value)
    assert re.fullmatch(r"1/[1-9]\d*|\d+(\.\d)?", text)
    part, _, whole = text.partition("/")
    back = float(part) / float(whole or 1)
    # Whole denominators from 4 on, or tenths of a second.
    assert abs(back - value) <= max(0.13 * value, 1e-9) or abs(back - value) <= 0.0501


@given(st.integers(4, 20_000))
def test_the_exposures_that_cameras_have_are_exact(denominator: int) -> None:
    assert shutter(round(1 / denominator, 9)) == f"1/{denominator}"


@given(st.floats(0.01, 500))
def test_an_aperture_can_be_read_back(value: float) -> None:
    text = aperture(value)
    assert re.fullmatch(r"f/\d+\.\d{1,2}", text)
    assert abs(float(text[2:]) - value) <= 0.0051


@given(st.floats(0.001, 5000))
def test_a_focal_length_can_be_read_back(value: float) -> None:
    text = focal_length(value)
    assert re.fullmatch(r"(\d+|\d+\.\d+)mm", text)
    back = float(text[:-2])
    assert back > 0
    assert abs(back - value) <= (0.501 if value >= 0.95 else 0.06 * 10 * value)


@given(
    st.builds(
        Exif,
        taken_at=st.none() | st.datetimes().map(lambda moment: moment.isoformat()[:19]),
        camera_make=st.none() | st.text(min_size=1),
        camera_model=st.none() | st.text(min_size=1),
        lens=st.none() | st.text(min_size=1),
        exposure_time=st.none() | st.floats(1e-9, 1e6),
        f_number=st.none() | st.floats(1e-9, 1e6),
        iso=st.none() | st.integers(1, 2**31 - 1),
        focal_length=st.none() | st.floats(1e-9, 1e6),
        latitude=st.none() | st.floats(-90, 90),
        longitude=st.none() | st.floats(-180, 180),
        altitude=st.none() | st.floats(-500, 10_000),
    )
)
def test_whatever_a_camera_writes_has_the_same_shape(exif: Exif) -> None:
    said = as_text(exif)
    assert json.loads(json.dumps(said)) == said
    for name in ("camera", "lens", "aperture", "shutter_speed", "focal_length"):
        assert isinstance(said[name], str)
        assert said[name]
    assert said["iso"] is None or isinstance(said["iso"], int)
    assert said["datetime"] is None or re.fullmatch(
        r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d", said["datetime"]
    )
    assert said["gps"] is None or {"latitude", "longitude"} <= set(said["gps"])
