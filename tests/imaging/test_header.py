"""The head of a photo tells what decoding it tells."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image, PngImagePlugin

from safelight.errors import DecodeError
from safelight.imaging import decode
from safelight.imaging.header import read_header

if TYPE_CHECKING:
    from pathlib import Path

_MODEL, _ORIENTATION = 0x0110, 0x0112


def _written(form: str, **options: object) -> bytes:
    exif = Image.Exif()
    exif[_MODEL], exif[_ORIENTATION] = "Box Camera", 6
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((60, 40)).save(
        file, form, exif=exif, **options
    )
    return file.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_it_says_what_the_frame_says(form: str) -> None:
    data = _written(form)
    header, frame = read_header(data), decode(data)
    assert (header.format, header.width, header.height, header.exif) == (
        frame.format, frame.width, frame.height, frame.exif,
    )  # fmt: skip
    assert header.exif.camera_model == "Box Camera"
    assert (header.width, header.height) == (40, 60)


def test_a_png_without_exif_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").save(file, "PNG")
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda _: pytest.fail("it was"))
    assert (read_header(file.getvalue()).width, read_header(file.getvalue()).height) == (256, 256)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_more_pixels_than_the_limit_are_refused(form: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read_header(_written(form), max_pixels=2399)
    assert caught.value.code == "too-large"
    read_header(_written(form), max_pixels=2400)


@pytest.mark.parametrize(
    ("data", "code"), [(b"", "empty"), (b"words", "not-an-image"), (b"8BPS", "unsupported")]
)
def test_what_is_not_a_photo_is_named(data: bytes, code: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read_header(data)
    assert caught.value.code == code


def test_real_photos(real_photos: Path) -> None:
    compared = 0
    for path in sorted(real_photos.glob("camera/**/*.*")) + sorted(
        real_photos.glob("orientation/*.*")
    ):
        data = path.read_bytes()
        try:
            frame = decode(data, min_side=64)
        except DecodeError:
            continue
        header = read_header(data)
        assert (header.format, header.width, header.height, header.exif) == (
            frame.format, frame.width, frame.height, frame.exif,
        ), path  # fmt: skip
        compared += 1
    assert compared > 50
