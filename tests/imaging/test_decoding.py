from __future__ import annotations

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageCms

from safelight.errors import DecodeError
from safelight.imaging import decode

SIZE = (60, 40)


def _picture(size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture without symmetry: red to the right, green downwards, a blue corner."""
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width)[None, :]
    pixels[..., 1] = np.linspace(0, 255, height)[:, None]
    pixels[: height // 4, : width // 4, 2] = 255
    return Image.fromarray(pixels)


def _bytes(image: Image.Image, form: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def _difference(pixels: np.ndarray, image: Image.Image) -> float:
    return float(np.abs(pixels.astype(int) - np.asarray(image.convert("RGB"), int)).mean())


@pytest.mark.parametrize(
    ("form", "options", "bound"),
    [
        ("JPEG", {"quality": 95}, 3),
        ("JPEG", {"quality": 95, "progressive": True}, 3),
        ("PNG", {}, 0),
        ("GIF", {}, 20),
        ("BMP", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("AVIF", {"quality": 95}, 5),
    ],
)
def test_every_format_decodes(form: str, options: dict[str, object], bound: float) -> None:
    frame = decode(_bytes(_picture(), form, **options))
    assert frame.format == form
    assert (frame.width, frame.height) == SIZE
    assert frame.pixels.shape == (40, 60, 3)
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.flags.c_contiguous
    assert _difference(frame.pixels, _picture()) <= bound


def test_heic_decodes_with_the_extra(real_photos) -> None:
    frames = [
        decode(path.read_bytes(), min_side=224)
        for path in sorted((real_photos / "camera" / "heic").iterdir())
        if "Exception" not in path.name
    ]
    assert frames
    assert {frame.format for frame in frames} == {"HEIF"}
    assert all(min(frame.pixels.shape[:2]) >= 224 for frame in frames)


@pytest.mark.parametrize("form", ["PNG", "GIF", "WEBP"])
def test_of_an_animation_the_first_picture_is_taken(form: str) -> None:
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "green")]
    data = _bytes(frames[0], form, save_all=True, append_images=frames[1:], lossless=True)
    assert decode(data).pixels[20, 30].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("mode", "form"),
    [
        ("1", "PNG"),
        ("L", "PNG"),
        ("P", "PNG"),
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("YCbCr", "TIFF"),
        ("LAB", "TIFF"),
    ],
)
def test_every_mode_becomes_rgb(mode: str, form: str) -> None:
    picture = _picture()
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        made = ImageCms.profileToProfile(picture, srgb, lab, outputMode="LAB")
        assert made is not None
    else:
        made = picture.convert(mode)
    options = {"quality": 95} if form == "JPEG" else {}
    pixels = decode(_bytes(made, form, **options)).pixels
    expected = picture if mode == "LAB" else made.convert("RGB")
    assert _difference(pixels, expected) < 6


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_what_is_transparent_is_white(mode: str) -> None:
    picture = Image.new("RGBA", SIZE, (255, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 0, 30, 40))
    if mode == "P":
        palette = Image.new("P", SIZE, 1)
        palette.putpalette([0, 0, 0, 255, 0, 0])
        palette.paste(0, (0, 0, 30, 40))
        data = _bytes(palette, "GIF", transparency=1)
    elif mode == "PA":
        data = _bytes(picture.quantize(8), "PNG")
    else:
        data = _bytes(picture.convert(mode), "PNG")
    for options in ({}, {"min_side": 10}):
        pixels = decode(data, **options).pixels
        height, width = pixels.shape[:2]
        assert pixels[height // 2, width * 3 // 4].tolist() == [255, 255, 255]
        assert pixels[height // 2, width // 4].tolist() == [0, 0, 0]


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_tones(form: str) -> None:
    tones = np.linspace(0, 65535, 256).astype(np.uint16)[None, :].repeat(8, axis=0)
    pixels = decode(_bytes(Image.fromarray(tones), form)).pixels
    assert np.abs(pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize("top", [1.0, 255.0, 4000.0])
def test_float_tiff_keeps_its_tones(top: float) -> None:
    tones = (np.linspace(0, top, 256, dtype=np.float32)[None, :]).repeat(8, axis=0)
    tones[0, 0] = np.nan
    pixels = decode(_bytes(Image.fromarray(tones), "TIFF")).pixels
    assert np.abs(pixels[1, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_float_tiff_of_any_range_is_a_picture() -> None:
    largest = np.finfo(np.float32).max
    tones = np.array([[-largest, 0, largest], [np.inf, -np.inf, np.nan]], np.float32)
    pixels = decode(_bytes(Image.fromarray(tones), "TIFF")).pixels
    assert pixels[0, 0, 0] == 0
    assert pixels[0, 2, 0] == 255
    assert decode(_bytes(Image.fromarray(np.zeros_like(tones)), "TIFF")).pixels.max() == 0


def _swapped_profile() -> bytes:
    """An RGB profile whose colours are wider than sRGB's: Adobe RGB's primaries, gamma 2.2."""

    # Lcms makes profiles from primaries only in C; a matrix profile is its tags, written out.
    def s15(value: float) -> bytes:
        return round(value * 65536).to_bytes(4, "big", signed=True)

    def xyz(x: float, y: float, z: float) -> bytes:
        return b"XYZ " + bytes(4) + s15(x) + s15(y) + s15(z)

    curve = (
        b"curv" + bytes(4) + (1).to_bytes(4, "big") + round(2.2 * 256).to_bytes(2, "big") + b"\0\0"
    )
    text = b"Wide RGB\0"
    description = b"desc" + bytes(4) + len(text).to_bytes(4, "big") + text + bytes(78)
    description += bytes(-len(description) % 4)
    tags = {
        b"desc": description,
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.60974, 0.31111, 0.01947),
        b"gXYZ": xyz(0.20528, 0.62567, 0.06087),
        b"bXYZ": xyz(0.14919, 0.06322, 0.74457),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body = len(tags).to_bytes(4, "big"), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + (start + len(body)).to_bytes(4, "big") + len(content).to_bytes(4, "big")
        body += content
    header = bytearray(128)
    header[8:12] = b"\x02\x40\0\0"
    header[12:24] = b"mntrRGB XYZ "
    header[36:40] = b"acsp"
    header[68:80] = s15(0.9642) + s15(1.0) + s15(0.8249)
    header[0:4] = (128 + len(table) + len(body)).to_bytes(4, "big")
    return bytes(header) + table + body


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_wide_profile_is_converted_to_srgb(form: str) -> None:
    grey_green = Image.new("RGB", SIZE, (100, 180, 100))
    options = {"quality": 100} if form in ("JPEG", "WEBP") else {}
    plain = decode(_bytes(grey_green, form, **options)).pixels[20, 30].astype(int)
    wide = decode(_bytes(grey_green, form, icc_profile=_swapped_profile(), **options))
    red, green, blue = wide.pixels[20, 30].astype(int)
    # In Adobe RGB's primaries the same numbers are a stronger green: sRGB (48, 182, 95).
    assert red < plain[0] - 20
    assert abs(green - plain[1]) < 8
    assert blue < plain[2]


def test_a_broken_profile_is_passed_over() -> None:
    picture = _picture()
    for profile in (b"garbage" * 40, _swapped_profile()[:200], ImageCms.ImageCmsProfile(
        ImageCms.createProfile("LAB")
    ).tobytes()):  # fmt: skip
        pixels = decode(_bytes(picture, "PNG", icc_profile=profile)).pixels
        assert _difference(pixels, picture) == 0


def test_an_srgb_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (
        _difference(decode(_bytes(_picture(), "PNG", icc_profile=profile)).pixels, _picture()) == 0
    )


def test_a_scaled_decode_looks_like_the_photo_scaled_down() -> None:
    photo = _picture((1600, 1200))
    data = _bytes(photo, "JPEG", quality=95)
    frame = decode(data, min_side=300)
    assert frame.pixels.shape == (300, 400, 3)
    assert (frame.width, frame.height) == (1600, 1200)
    expected = photo.resize((400, 300), Image.Resampling.BOX)
    mse = np.square(frame.pixels.astype(float) - np.asarray(expected, float)).mean()
    assert 10 * np.log10(255**2 / mse) > 35


def test_large_photos_of_other_formats_become_small_frames() -> None:
    photo = _picture((1600, 1200))
    for form in ("PNG", "BMP", "TIFF"):
        frame = decode(_bytes(photo, form), min_side=250)
        assert frame.pixels.shape == (300, 400, 3)
    palette = decode(_bytes(photo.quantize(64), "PNG"), min_side=250)
    assert palette.pixels.shape == (300, 400, 3)


def test_the_pixel_limit_is_told_from_the_header() -> None:
    with pytest.raises(DecodeError, match="60 x 40") as caught:
        decode(_bytes(_picture(), "PNG"), max_pixels=2399)
    assert caught.value.code == "too-large"
    assert decode(_bytes(_picture(), "PNG"), max_pixels=2400)


def test_the_limit_may_be_above_the_decoder_s_own() -> None:
    # Pillow's own limit would refuse this; nothing of the process's state is changed for it.
    before = Image.MAX_IMAGE_PIXELS
    data = _bytes(Image.new("1", (20_000, 10_000)), "PNG")
    assert decode(data, min_side=100, max_pixels=200_000_000).width == 20_000
    assert before == Image.MAX_IMAGE_PIXELS


def test_the_name_does_not_matter_the_content_does(real_photos) -> None:
    modes = sorted((real_photos / "variants" / "modes").glob("*.[!m]*"))
    assert modes
    for path in modes:
        frame = decode(path.read_bytes(), min_side=100)
        assert min(frame.pixels.shape[:2]) >= min(100, frame.width, frame.height)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bits_become_the_nearest_8(form: str) -> None:
    tones = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    pixels = decode(_bytes(Image.fromarray(tones), form)).pixels
    np.testing.assert_array_equal(pixels[..., 0], np.rint(tones / 257).astype(np.uint8))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_hidden_by_transparency_does_not_bleed_when_scaled(mode: str) -> None:
    grey = Image.new("L", SIZE, 0).convert("RGB")
    pixels = np.dstack([np.asarray(grey), np.zeros((40, 60), np.uint8)])
    pixels[:, ::2] = (200, 200, 200, 255)
    frame = decode(_bytes(Image.fromarray(pixels).convert(mode), "PNG"), min_side=20)
    # Half of it is light grey, half shows the white below; the black is not seen.
    assert np.abs(frame.pixels.astype(int) - 227).max() <= 3


def test_a_profile_is_known_by_what_it_does_and_not_by_its_name() -> None:
    lying = _swapped_profile().replace(b"Wide RGB", b"sRGB IEC")
    plain = _bytes(Image.new("RGB", SIZE, (100, 180, 100)), "PNG", icc_profile=lying)
    assert decode(plain).pixels[0, 0, 0] < 80


def test_a_profile_holds_for_grey_photos_with_transparency_too() -> None:
    # A profile for colours says nothing of grey: it is passed over, and nothing else happens.
    image = Image.new("LA", SIZE, (100, 255))
    data = _bytes(image, "PNG", icc_profile=_swapped_profile())
    assert decode(data).pixels[0, 0].tolist() == [100, 100, 100]


def test_a_tiff_turned_upright_by_the_decoder_still_says_how_it_lay() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    frame = decode(_bytes(_picture(), "TIFF", exif=exif))
    assert frame.exif.orientation == 6
    assert (frame.width, frame.height) == (40, 60)


def test_threads_decode_what_one_does() -> None:
    picture = _picture((400, 300))
    wide = _swapped_profile()
    files = [
        _bytes(picture, form, icc_profile=wide) for form in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
    ] + [_bytes(picture.convert("CMYK"), "JPEG"), _bytes(picture.quantize(32), "GIF")]
    alone = [decode(data, min_side=100).pixels for data in files]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda data: decode(data, min_side=100).pixels, files * 8))
    for number, pixels in enumerate(together):
        np.testing.assert_array_equal(pixels, alone[number % len(files)])


def test_no_warning_reaches_anyone_and_nothing_global_changes() -> None:
    # Palettes with transparency, odd EXIF data, large sizes: Pillow warns of each.
    code = """
import io, warnings
from PIL import Image, ImageFile
from safelight.imaging import decode
limit = Image.MAX_IMAGE_PIXELS
out = io.BytesIO()
Image.new("P", (10_000, 9_500)).save(out, "PNG", transparency=bytes(range(256)))
decode(out.getvalue(), min_side=10)
out = io.BytesIO()
bad = b"Exif\\0\\0II*\\0\\x08\\0\\0\\0\\2\\0" + b"\\x0f\\1\\2\\0\\xff\\0\\0\\0\\xf0\\0\\0\\0" * 2
Image.new("RGB", (9, 9)).save(out, "JPEG", exif=bad)
decode(out.getvalue())
assert limit == Image.MAX_IMAGE_PIXELS and not ImageFile.LOAD_TRUNCATED_IMAGES
"""
    done = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_examples_in_docstrings_run() -> None:
    import doctest

    from safelight.imaging import decoding

    result = doctest.testmod(decoding)
    assert result.attempted
    assert result.failed == 0


def test_large_and_narrow_pictures_keep_every_pixel() -> None:
    numbers = np.random.default_rng(5)
    for size in ((3000, 1100), (1, 9000), (9000, 1)):
        pixels = numbers.integers(0, 256, (*size, 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG", compress_level=0)
        assert np.array_equal(decode(file.getvalue()).pixels, pixels)
