"""Camera RAW: small DNGs with embedded previews, written tag by tag."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from safelight.errors import DecodeError
from safelight.imaging import decode
from safelight.imaging.containers.raw import is_raw_tiff
from tests.imaging.pictures import dng, likeness, picture, save, tiff


def _preview(width: int = 480, height: int = 320) -> bytes:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = (200, 30, 30)
    return save(pixels, "JPEG", quality=95)


@pytest.mark.parametrize("sensor_first", [True, False])
@pytest.mark.parametrize(
    ("orientation", "size", "red_at"),
    [(1, (96, 64), (160, 60)), (6, (64, 96), (60, 160)), (8, (64, 96), (420, 160)),
     (3, (96, 64), (160, 420))],
)  # fmt: skip
def test_the_preview_is_taken_and_is_upright(orientation, size, red_at, sensor_first) -> None:
    frame = decode(dng(_preview(), orientation=orientation, sensor_first=sensor_first))
    assert frame.format == "RAW"
    assert (frame.width, frame.height) == size
    assert sorted(frame.pixels.shape[:2]) == [320, 480]
    assert frame.pixels[red_at][0] > 150
    assert frame.exif.camera_make == "Maker"
    assert frame.exif.taken_at == "2021-03-04T05:06:07"
    assert frame.exif.orientation == orientation


@pytest.mark.parametrize("sensor_first", [True, False])
def test_of_several_previews_the_largest_is_taken(sensor_first: bool) -> None:
    small, large = _preview(120, 80), save(picture(480, 320), "JPEG", quality=95)
    for previews in ((small, large), (large, small)):
        frame = decode(dng(*previews, sensor_first=sensor_first))
        assert likeness(frame.pixels, picture(480, 320)) > 35


def test_a_preview_may_be_scaled() -> None:
    frame = decode(dng(_preview()), min_side=100)
    assert frame.pixels.shape == (160, 240, 3)
    assert (frame.width, frame.height) == (96, 64)


def _with_orientation(pixels: np.ndarray, orientation: int) -> bytes:
    """A preview as cameras write it: EXIF data at the very beginning, where LibRaw adds its own."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = save(pixels, "JPEG", quality=95, exif=exif)
    assert data[2:4] == b"\xff\xe0"
    return data[:2] + data[20:]


def test_a_preview_that_says_how_it_lies_is_turned_once() -> None:
    frame = decode(dng(_with_orientation(picture(480, 320), 6), orientation=6))
    assert likeness(frame.pixels, np.rot90(picture(480, 320), -1)) > 35


def test_a_preview_that_the_camera_turned_already_is_left_as_it_is() -> None:
    frame = decode(dng(_with_orientation(picture(320, 480), 1), orientation=6))
    assert likeness(frame.pixels, picture(320, 480)) > 35
    assert (frame.width, frame.height) == (64, 96)


def test_a_preview_that_does_not_say_how_it_lies_lies_as_the_sensor_did() -> None:
    frame = decode(dng(_with_orientation(picture(480, 320), 1), orientation=6))
    assert likeness(frame.pixels, np.rot90(picture(480, 320), -1)) > 35


def test_a_raw_file_without_a_preview_says_so() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(dng())
    assert caught.value.code == "no-preview"


def test_the_pixel_limit_is_that_of_the_photo() -> None:
    with pytest.raises(DecodeError, match="96 x 64") as caught:
        decode(dng(_preview()), max_pixels=96 * 64 - 1)
    assert caught.value.code == "too-large"


def test_a_damaged_raw_file_is_a_failure() -> None:
    data = dng(_preview())
    for end in range(0, len(data) - 1000, 500):
        with pytest.raises(DecodeError):
            decode(data[:end])


def test_a_raw_file_of_an_unknown_kind_says_so() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(b"FUJIFILMCCD-RAW 0201" + bytes(2000))
    assert caught.value.code == "unsupported"


def test_an_edited_tiff_that_begins_like_a_raw_file_is_a_tiff() -> None:
    pixels = picture(96, 64)
    tags = {
        256: ("I", 96), 257: ("I", 64), 258: ("H", (8, 8, 8)), 259: ("H", 1), 262: ("H", 2),
        277: ("H", 3), 278: ("I", 64),
    }  # fmt: skip
    thumbnail_first = {**tags, 254: ("I", 1), 271: ("s", b"Maker\0")}
    data = tiff((thumbnail_first, pixels.tobytes()), ({**tags, 254: ("I", 0)}, pixels.tobytes()))
    assert is_raw_tiff(data)
    frame = decode(data)
    assert frame.format == "TIFF"
    np.testing.assert_array_equal(frame.pixels, pixels)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.imaging.containers.raw.available_extras", frozenset)
    with pytest.raises(DecodeError, match=r"safelight\[raw\]") as caught:
        decode(dng(_preview()))
    assert caught.value.code == "missing-extra"
