"""Bytes to a frame: one decode, as small as its consumers allow."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.errors import DecodeError
from safelight.imaging import geometry
from safelight.imaging.colour import averageable, to_srgb
from safelight.imaging.damage import (
    check_size,
    ends_early,
    explain,
    is_hollow,
    no_image,
    truncated,
)
from safelight.imaging.exif import exif_of, exif_of_tiff
from safelight.imaging.formats import available_extras, sniff
from safelight.imaging.raw import extract_preview, is_raw_tiff
from safelight.model import Exif, Frame

if TYPE_CHECKING:
    from PIL import Image

#: About 600 MB of RGB; the largest medium-format sensors have 150 million.
DEFAULT_MAX_PIXELS = 200_000_000

# What Pillow warns of is either raised here as well or harmless: odd EXIF data, palettes, padding.
# Once and for good, because catch_warnings() around each decode is not safe among threads.
warnings.filterwarnings("ignore", module=r"PIL\.")

#: Pillow's class for each format. Image.open() would guess the format once more, and it has a pixel
#: limit of its own, which can be changed for the whole process only.
_CLASSES = {
    "AVIF": ("AvifImagePlugin", "AvifImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
    "GIF": ("GifImagePlugin", "GifImageFile"),
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "WEBP": ("WebPImagePlugin", "WebPImageFile"),
}


def decode(
    data: bytes, *, min_side: int | None = None, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Frame:
    """Decode a photo: upright, sRGB, 8 bits a channel, transparency over white.

    The format is told by the content, whatever the file is called. Of an animation the first
    picture is taken, of a camera RAW file the embedded preview. Safe to call from several threads.

    Parameters
    ----------
    data : bytes
        The whole file.
    min_side : int, optional
        The frame may be smaller than the photo, but its shorter side has at least this many pixels
        (or the photo's own, if that has fewer). None: full size.
    max_pixels : int
        A photo with more is refused before anything is decoded.

    Raises
    ------
    DecodeError
        With one of :data:`safelight.model.FAILURE_CODES`; the message is to follow the file's name.

    Examples
    --------
    >>> decode(b"nonsense")
    Traceback (most recent call last):
    safelight.errors.DecodeError: is no image: its first bytes are those of no image format
    """
    form = sniff(data)
    if form is None:
        raise no_image(data)
    try:
        if form == "RAW" or (form == "TIFF" and is_raw_tiff(data)):
            frame = _decode_raw(data, min_side, max_pixels)
            if frame is not None:
                return frame
        if form == "RAW":
            raise DecodeError(
                "is a camera RAW file of a kind that is not known; export it as JPEG",
                code="unsupported",
            )
        if form == "HEIF":
            return _decode_heif(data, min_side, max_pixels)
        return _decode_pillow(data, form, min_side, max_pixels)
    except DecodeError:
        raise
    except Exception as exc:  # the decoders raise a dozen kinds for damaged files
        raise explain(data, form, exc) from exc


def _decode_pillow(data: bytes, form: str, min_side: int | None, max_pixels: int) -> Frame:
    image = opener(form)(io.BytesIO(data))
    size = image.size
    check_size(size, max_pixels)
    lay = None
    if form == "JPEG":
        if is_hollow(data):
            raise truncated(form)
        scale = geometry.dct_scale(size, min_side)
        if scale > 1:
            image.draft(None, (max(1, size[0] // scale), max(1, size[1] // scale)))
    elif form == "TIFF":
        # Pillow turns a TIFF upright by itself, and then forgets how it lay.
        lay = exif_of(image).orientation
    image.load()
    exif = exif_of(image)
    # A JPEG is small already.
    pixels = _pixels(image, exif.orientation, None if form == "JPEG" else min_side)
    width, height = geometry.upright_size(size, exif.orientation)
    exif = replace(exif, orientation=lay or exif.orientation)
    return Frame(pixels, width, height, form, exif, _tables(image, form))


def _tables(image: Any, form: str) -> tuple[tuple[int, ...], ...]:
    """Return a JPEG's quantisation tables, that of the luma first."""
    tables = image.quantization if form == "JPEG" else {}
    found = [tables[number] for number in sorted(tables)]
    return tuple(tuple(map(int, steps)) for steps in found if len(steps) == 64)


@cache
def opener(form: str) -> Any:
    """Return Pillow's class that opens a format, imported when it is needed."""
    module, name = _CLASSES[form]
    return getattr(import_module(f"PIL.{module}"), name)


def _decode_heif(data: bytes, min_side: int | None, max_pixels: int) -> Frame:
    if "heif" not in available_extras():
        raise DecodeError(
            "is a HEIC photo, for which pip install 'safelight[heif]' is needed",
            code="missing-extra",
        )
    import pi_heif

    if ends_early(data, "HEIF"):  # libheif fills up with grey what is missing, without an error
        raise truncated("HEIF")
    heif = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
    check_size(heif.size, max_pixels)
    image = heif.to_pillow()
    # The container's own rotation is applied by the decoder; what the EXIF data say is a copy.
    exif = replace(exif_of(image), orientation=1)
    width, height = image.size
    return Frame(_pixels(image, 1, min_side), width, height, "HEIF", exif)


def _decode_raw(data: bytes, min_side: int | None, max_pixels: int) -> Frame | None:
    preview = extract_preview(data)
    if preview is None:
        return None
    check_size(preview.size, max_pixels)
    orientation = preview.orientation
    exif = exif_of_tiff(data)
    if isinstance(preview.image, bytes):
        frame = decode(preview.image, min_side=min_side, max_pixels=max_pixels)
        pixels, shown = frame.pixels, (frame.width, frame.height)
        # The preview says by itself how it lies, or it lies as the sensor's picture does, or the
        # camera has turned its pixels already.
        is_upright = frame.exif.orientation != 1
        if replace(exif, orientation=1) == Exif():
            exif = frame.exif
    else:
        pixels = _pixels(_image(preview.image), 1, min_side)
        shown, is_upright = (pixels.shape[1], pixels.shape[0]), False
    if not is_upright and geometry.lies_like(shown, preview.size):
        pixels = _pixels(_image(pixels), orientation, None)
    width, height = geometry.upright_size(preview.size, orientation)
    return Frame(pixels, width, height, "RAW", replace(exif, orientation=orientation))


def _image(pixels: Any) -> Image.Image:
    from PIL import Image

    return Image.fromarray(pixels)


def _pixels(image: Image.Image, orientation: int, min_side: int | None) -> Any:
    """Return (h, w, 3) uint8: reduced first, so that the rest is cheap."""
    profile = image.info.get("icc_profile")
    image = averageable(image)
    scale = geometry.box_scale(image.size, min_side)
    if scale > 1:
        image = image.reduce(scale)
    image = to_srgb(image, profile if isinstance(profile, bytes) else None)
    return np.ascontiguousarray(geometry.upright(image, orientation))
