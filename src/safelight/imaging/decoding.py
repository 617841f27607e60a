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
from safelight.imaging.colour import REDUCIBLE, to_srgb
from safelight.imaging.exif import read_exif
from safelight.imaging.formats import available_extras, sniff
from safelight.imaging.raw import extract_preview, is_raw_tiff
from safelight.model import Exif, Frame

if TYPE_CHECKING:
    from PIL import Image

#: About 600 MB of RGB; the largest medium-format sensors have 150 million.
DEFAULT_MAX_PIXELS = 200_000_000

# What Pillow warns of is either raised here as well, or harmless: odd EXIF, padding, palettes.
warnings.filterwarnings("ignore", module=r"PIL\.")


def decode(
    data: bytes, *, min_side: int | None = None, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Frame:
    """Decode a photo: upright, sRGB, 8 bits a channel, transparency over white.

    The format is told by the content, whatever the file is called. Of an animation the first
    picture is taken, of a camera RAW file the embedded preview.

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
    if not data:
        raise DecodeError("is empty", code="empty")
    form = sniff(data)
    if form is None:
        raise DecodeError(
            "is no image: its first bytes are those of no image format", code="not-an-image"
        )
    if form == "RAW" or (form == "TIFF" and is_raw_tiff(data)):
        return _decode_raw(data, min_side, max_pixels)
    if form == "HEIF":
        return _decode_heif(data, min_side, max_pixels)
    try:
        # The format's own class: Image.open() would guess again, and has a pixel limit of its own
        # that can only be changed for the whole process.
        image = _opener(form)(io.BytesIO(data))
        _check_size(image.size, max_pixels)
        return _frame(image, form, min_side)
    except DecodeError:
        raise
    except Exception as exc:  # Pillow's decoders raise a dozen kinds for damaged files
        raise _explain(data, form, exc) from exc


_CLASSES = {
    "AVIF": ("AvifImagePlugin", "AvifImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
    "GIF": ("GifImagePlugin", "GifImageFile"),
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "WEBP": ("WebPImagePlugin", "WebPImageFile"),
}


@cache
def _opener(form: str) -> Any:
    module, name = _CLASSES[form]
    return getattr(import_module(f"PIL.{module}"), name)


def _frame(image: Image.Image, form: str, min_side: int | None) -> Frame:
    size = image.size
    if form == "JPEG":
        scale = geometry.dct_scale(size, min_side)
        if scale > 1:
            image.draft(None, (max(1, size[0] // scale), max(1, size[1] // scale)))
    image.load()
    exif = _exif_of(image)
    return _finish(image, form, size, exif, min_side)


def _finish(
    image: Image.Image, form: str, size: tuple[int, int], exif: Exif, min_side: int | None
) -> Frame:
    profile = image.info.get("icc_profile")
    profile = profile if isinstance(profile, bytes) else None
    # A JPEG is small already. Others are reduced before their colours are worked on, unless
    # that would mix colours with what is transparent, or palette numbers with each other.
    scale = 1 if form == "JPEG" else geometry.box_scale(image.size, min_side)
    if scale > 1 and image.mode in REDUCIBLE and "transparency" not in image.info:
        info = image.info
        image = image.reduce(scale)
        image.info, scale = info, 1
    image = to_srgb(image, profile)
    if scale > 1:
        image = image.reduce(scale)
    pixels = np.ascontiguousarray(np.asarray(geometry.upright(image, exif.orientation)))
    width, height = geometry.upright_size(size, exif.orientation)
    return Frame(pixels, width, height, form, exif)


def _exif_of(image: Image.Image) -> Exif:
    try:
        return read_exif(image.getexif())
    except Exception:  # noqa: BLE001 - no photo is lost for its EXIF data
        return Exif()


def _decode_heif(data: bytes, min_side: int | None, max_pixels: int) -> Frame:
    if "heif" not in available_extras():
        raise DecodeError(
            "is a HEIC photo, for which pip install 'safelight[heif]' is needed",
            code="missing-extra",
        )
    import pi_heif

    try:
        heif = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
        _check_size(heif.size, max_pixels)
        image = heif.to_pillow()
        # The pixels are upright already, whatever the EXIF data still say.
        exif = replace(_exif_of(image), orientation=1)
        return _finish(image, "HEIF", image.size, exif, min_side)
    except DecodeError:
        raise
    except Exception as exc:
        raise _explain(data, "HEIF", exc) from exc


def _decode_raw(data: bytes, min_side: int | None, max_pixels: int) -> Frame:
    preview = extract_preview(data)
    size = (preview.width, preview.height)
    if isinstance(preview.image, bytes):
        frame = decode(preview.image, min_side=min_side, max_pixels=max_pixels)
        exif, pixels = frame.exif, frame.pixels
        if exif.orientation == 1 and preview.orientation != 1:
            pixels = _turn(pixels, preview.orientation)
    else:
        exif = Exif()
        pixels = _turn(np.asarray(to_srgb(preview.image, None)), preview.orientation)
    if exif == Exif(orientation=exif.orientation):  # the preview says nothing; the file may
        exif = _exif_of_tiff(data)
    width, height = geometry.upright_size(size, preview.orientation)
    return Frame(
        np.ascontiguousarray(pixels),
        width,
        height,
        "RAW",
        replace(exif, orientation=preview.orientation),
    )


def _turn(pixels: Any, orientation: int) -> Any:
    from PIL import Image

    return np.asarray(geometry.upright(Image.fromarray(pixels), orientation))


def _exif_of_tiff(data: bytes) -> Exif:
    from PIL import Image

    try:
        exif = Image.Exif()
        exif.load(data)
        return read_exif(exif)
    except Exception:  # noqa: BLE001 - as above
        return Exif()


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise DecodeError(f"has no pixels ({width} x {height})")
    if width * height > max_pixels:
        raise DecodeError(
            f"has {width} x {height} pixels, more than the limit of {max_pixels:,}; "
            "raise SAFELIGHT_PIXEL_LIMIT if it is what it says",
            code="too-large",
            width=width,
            height=height,
        )


def _explain(data: bytes, form: str, error: Exception) -> DecodeError:
    if isinstance(error, MemoryError):
        return DecodeError("needs more memory to decode than there is", code="too-large")
    text = str(error).strip().rstrip(".")
    if "truncated" in text.lower() or _ends_early(data, form):
        return DecodeError(f"is truncated: its {form} data end too early", code="truncated")
    detail = f" ({text})" if text else ""
    return DecodeError(f"is damaged: its {form} data cannot be decoded{detail}", code="corrupt")


def _ends_early(data: bytes, form: str) -> bool:
    """Tell whether a container says that it is longer than it is."""
    if form == "WEBP":
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    if form in ("AVIF", "HEIF"):
        at = 0
        while at + 8 <= len(data):
            size = int.from_bytes(data[at : at + 4], "big")
            if size == 1:
                size = int.from_bytes(data[at + 8 : at + 16], "big")
            if size < 8:  # 0: to the end of the file
                return False
            at += size
        return at > len(data)
    return len(data) < 64
