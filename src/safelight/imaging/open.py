"""Open a photo for reading, each format by the decoder that reads it; no pixel is decoded yet."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

from safelight.errors import DecodeError
from safelight.imaging.containers import tiff, tiff_pixels
from safelight.imaging.containers.bmp import read_bmp
from safelight.imaging.containers.gif_webp import webp_decodable
from safelight.imaging.containers.heif import file_end
from safelight.imaging.containers.png import decodable
from safelight.imaging.containers.raw import extract_preview, is_raw_tiff
from safelight.imaging.damage import ends_early, truncated
from safelight.imaging.formats import available_extras
from safelight.imaging.quiet import silence_libtiff
from safelight.metadata.exif import exif_of_tiff
from safelight.types import Exif

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
    "JPEG2000": ("Jpeg2KImagePlugin", "Jpeg2KImageFile"),
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "WEBP": ("WebPImagePlugin", "WebPImageFile"),
}


def open_photo(data: bytes, form: str) -> Any:
    """Open a photo by the decoder for its format.

    Returns
    -------
    Preview
        Of a camera RAW file.
    Directory
        The page of a TIFF that is the picture, if its pixels are not for Pillow.
    HeifFile of pi_heif
        Of a HEIC photo, with 8 bits a channel.
    Image of Pillow
        Of any other.

    Raises
    ------
    DecodeError
        There is no decoder for it here, or the file ends early.
    Exception
        Of the decoder, which raises a dozen kinds for damaged files.
    """
    if form == "RAW" or (form == "TIFF" and is_raw_tiff(data)):
        preview = extract_preview(data)
        if preview is not None:
            return preview
    if form == "RAW":
        raise DecodeError(
            "is a camera RAW file of a kind that is not known; export it as JPEG",
            code="unsupported",
        )
    if form == "HEIF":
        return _open_heif(data)
    if form == "TIFF" and (page := _own_page(data)) is not None:
        return page
    return _open_image(data, form)


def _open_heif(data: bytes) -> Any:
    if "heif" not in available_extras():
        raise DecodeError(
            "is a HEIC photo, for which pip install 'safelight[heif]' is needed",
            code="missing-extra",
        )
    import pi_heif

    if ends_early(data, "HEIF"):  # libheif fills up with grey what is missing, without an error
        raise truncated("HEIF")
    return pi_heif.open_heif(io.BytesIO(data[: file_end(data)]), convert_hdr_to_8bit=True)


def _open_image(data: bytes, form: str) -> Any:
    """Open an image with Pillow's class for its format; nothing is decoded yet.

    Of a PNG, Pillow is given what the picture needs; of a TIFF, the page that is the picture.
    """
    if form == "PNG":
        return open_png(decodable(data))
    if form == "BMP":
        return _open_bmp(data)
    if form == "WEBP":
        data = webp_decodable(data)
    if form == "TIFF":
        page = tiff.main_page(tiff.directories(data))
        data = data if page is None else tiff.beginning_with(data, page)
    elif form == "AVIF" and ends_early(data, form):
        raise truncated(form)
    elif form == "AVIF":
        data = data[: file_end(data)] or data
    elif form == "JPEG2000" and not _reads_jpeg_2000():
        raise DecodeError(
            "is a JPEG 2000 file, which this build of Pillow does not read; save it as JPEG or PNG",
            code="unsupported",
        )
    elif form == "JPEG2000" and data[4:6] == b"jP":
        data = data[: file_end(data)]
    image = opener(form)(io.BytesIO(data))
    if form == "TIFF":
        image.info.update(tiff.with_iptc(data))
    return image


def _open_bmp(data: bytes) -> Any:
    try:
        return opener("BMP")(io.BytesIO(data))
    except OSError as exc:
        own = read_bmp(data) if "Unsupported BMP" in str(exc) else None
        if own is None:
            raise
        return own


def open_png(plain: bytes) -> Any:
    """Open a PNG of which only what its picture needs is left; see :func:`decodable`."""
    image = opener("PNG")(io.BytesIO(plain))
    transparent = image.info.get("transparency")
    # Of 16 bits a channel Pillow keeps 8, and then finds no pixel of the transparent colour.
    if isinstance(transparent, tuple) and plain[24] == 16:
        image.deep_file = plain
    elif isinstance(transparent, int) and plain[24] in (2, 4):
        # Grey of few bits is spread over 8 by Pillow, but not the grey that is clear.
        image.info["transparency"] = transparent * 255 // (2 ** plain[24] - 1)
    return image


def _own_page(data: bytes) -> tiff.Directory | None:
    """Return a TIFF's picture if it is not for Pillow: for its depth, or a layout unknown to it."""
    page = tiff.main_page(tiff.directories(data))
    if page is None or tiff_pixels.is_for_us(page):
        return page
    try:
        opener("TIFF")(io.BytesIO(tiff.beginning_with(data, page)))
    except SyntaxError as exc:
        return page if "unknown pixel mode" in str(exc) else None
    except Exception:  # noqa: BLE001 - damaged in any of many ways; the decoder says which
        return None
    return None


@cache
def opener(form: str) -> Any:
    """Return Pillow's class that opens a format, imported when it is needed."""
    if form == "TIFF":
        silence_libtiff()
    module, name = _CLASSES[form]
    return getattr(import_module(f"PIL.{module}"), name)


def page_exif(data: bytes, exif: Exif) -> Exif:
    """Return EXIF data of a TIFF: those of its first page where its picture has none."""
    if replace(exif, orientation=1) != Exif():
        return exif
    return replace(exif_of_tiff(data), orientation=exif.orientation)


@cache
def _reads_jpeg_2000() -> bool:
    from PIL import features

    return bool(features.check("jpg_2000"))
