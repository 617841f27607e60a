"""Bytes to a frame: one decode, as small as its consumers allow."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.arguments import as_kind
from safelight.errors import DecodeError
from safelight.imaging import geometry, memory, pillow_limit
from safelight.imaging.colour import averageable, opacity_of, to_srgb
from safelight.imaging.containers import tiff, tiff_pixels
from safelight.imaging.containers.bmp import read_bmp
from safelight.imaging.containers.gif_webp import webp_size
from safelight.imaging.containers.heif import nclx
from safelight.imaging.containers.jpeg import mended
from safelight.imaging.containers.png import decodable, png_colours, with_right_checksum
from safelight.imaging.containers.raw import Preview
from safelight.imaging.containers.structure import read_structure
from safelight.imaging.damage import (
    check_passes,
    check_size,
    explain,
    is_hollow,
    no_image,
    truncated,
)
from safelight.imaging.formats import sniff
from safelight.imaging.open import open_photo, open_png, opener, page_exif
from safelight.imaging.profiles import is_made, profile_of_codes, profile_of_gamma
from safelight.metadata.exif import exif_of, exif_of_tiff
from safelight.types import DEFAULT_MAX_PIXELS, Exif, Frame, Structure

if TYPE_CHECKING:
    from PIL import Image


# From so many bytes on, an array is filled in strips of so many.
_LARGE_BYTES, _STRIP_BYTES = 8_000_000, 1_000_000


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
        With one of :data:`safelight.types.FAILURE_CODES`; the message is to follow the file's name.

    Examples
    --------
    >>> decode(b"nonsense")
    Traceback (most recent call last):
    safelight.errors.DecodeError: is not an image: no image format begins like this
    """
    data = bytes(as_kind(data, "data", "the bytes of a file", bytes, bytearray, memoryview))
    form = sniff(data)
    if form is None:
        raise no_image(data)
    try:
        frame = _decode(data, form, min_side, max_pixels)
    except (DecodeError, memory.LargePicture):
        raise
    except Exception as exc:  # the decoders raise a dozen kinds for damaged files
        raise explain(data, form, exc) from exc
    structure = Structure() if frame.format == "RAW" else read_structure(data, form)
    return replace(frame, structure=replace(structure, alpha=frame.alpha is not None))


def _decode(data: bytes, form: str, min_side: int | None, max_pixels: int) -> Frame:
    with pillow_limit.lifted(), _canvas(data, form, max_pixels):
        opened = open_photo(data, form)
        if isinstance(opened, Preview):
            return _decode_raw(opened, data, min_side, max_pixels)
        if isinstance(opened, tiff.Directory):
            return _decode_page(opened, data, min_side, max_pixels)
        if form == "HEIF":
            return _decode_heif(opened, data, min_side, max_pixels)
        return _decode_image(opened, data, form, min_side, max_pixels)


def _canvas(data: bytes, form: str, max_pixels: int) -> contextlib.AbstractContextManager[None]:
    """Hold the memory of a WebP file's canvas, which the decoder takes as soon as it is opened."""
    size = webp_size(data) if form == "WEBP" else None
    if size is None:
        return contextlib.nullcontext()
    check_size(size, max_pixels)
    return memory.hold(memory.decoded_bytes(size, "RGBA"))


def _decode_image(
    image: Any, data: bytes, form: str, min_side: int | None, max_pixels: int
) -> Frame:
    check_size(image.size, max_pixels)
    if form == "JPEG":
        check_passes(data, image.size)
    scale = geometry.dct_scale(image.size, min_side) if form == "JPEG" else 1
    # Of 16 bits a channel, Pillow's decoders and those of others keep both bytes for a while.
    wide = 2 if "16" in image.mode or getattr(image, "deep_file", None) else 1
    size = (image.width // scale, image.height // scale)
    with memory.hold(memory.decoded_bytes(size, image.mode, sample_bytes=wide)):
        frame = _loaded(image, data, form, min_side)
        image.close()
        return frame


def _loaded(image: Any, data: bytes, form: str, min_side: int | None) -> Frame:
    size = image.size
    lay = None
    if form == "JPEG":
        image = _loaded_jpeg(image, data, min_side)
    elif form == "TIFF":
        # Pillow turns a TIFF upright by itself, and then forgets how it lay.
        lay = exif_of(image).orientation
    try:
        image.load()
    except (OSError, ValueError):
        whole = _read_otherwise(data, form)
        if whole is None:
            raise
        image = whole
        image.load()
    exif = exif_of(image)
    # A JPEG is small already.
    pixels, alpha = _pixels(
        image, exif.orientation, None if form == "JPEG" else min_side, _profile(image, data, form)
    )
    width, height = geometry.upright_size(size, exif.orientation)
    exif = replace(exif, orientation=lay or exif.orientation)
    if form == "TIFF":
        exif = page_exif(data, exif)
    return Frame(pixels, width, height, form, exif, alpha, quantization=_tables(image, form))


def _read_otherwise(data: bytes, form: str) -> Any:
    """Return a picture that Pillow could not load and that is whole nevertheless, or None."""
    if form == "BMP":
        return read_bmp(data)
    plain = with_right_checksum(decodable(data)) if form == "PNG" else None
    return None if plain is None else open_png(plain)


def _tables(image: Any, form: str) -> tuple[tuple[int, ...], ...]:
    """Return a JPEG's quantisation tables, that of the luma first."""
    tables = image.quantization if form == "JPEG" else {}
    found = [tables[number] for number in sorted(tables)]
    return tuple(tuple(map(int, steps)) for steps in found if len(steps) == 64)


def _loaded_jpeg(image: Any, data: bytes, min_side: int | None) -> Any:
    """Return a JPEG's pixels, at the smallest scale that is enough."""
    try:
        if is_hollow(data):
            raise truncated("JPEG")
        _draft(image, min_side)
        image.load()
    except (DecodeError, OSError):
        whole = mended(data)
        if whole is None:
            raise
        image = opener("JPEG")(io.BytesIO(whole))
        _draft(image, min_side)
        image.load()
    return image


def _draft(image: Any, min_side: int | None) -> None:
    width, height = image.size
    scale = geometry.dct_scale((width, height), min_side)
    if scale > 1:
        image.draft(None, (max(1, width // scale), max(1, height // scale)))


def _decode_page(page: tiff.Directory, data: bytes, min_side: int | None, max_pixels: int) -> Frame:
    check_size(page.size, max_pixels)
    depth = -(-max(page.depths) // 8)
    with memory.hold(memory.decoded_bytes(page.size, sample_bytes=depth)):
        return _deep_frame(data, page, min_side)


def _deep_frame(data: bytes, page: tiff.Directory, min_side: int | None) -> Frame:
    image = tiff_pixels.as_image(page, tiff_pixels.read_samples(page))
    exif = exif_of_tiff(tiff.beginning_with(data, page), tiff.with_iptc(data))
    orientation = exif.orientation
    pixels, alpha = _pixels(image, orientation, min_side, page.octets(tiff.PROFILE))
    width, height = geometry.upright_size(page.size, orientation)
    return Frame(pixels, width, height, "TIFF", page_exif(data, exif), alpha)


def _profile(image: Any, data: bytes, form: str) -> bytes | None:
    """Return the profile of an image's colours, also if it says them in numbers only."""
    if form == "PNG":
        return _png_profile(data)
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and profile:
        return profile
    if form in ("AVIF", "HEIF") and (codes := nclx(data)) is not None:
        return profile_of_codes(*codes, video=True)
    return None


def _png_profile(data: bytes) -> bytes | None:
    colours = png_colours(data)
    if colours.cicp is not None and colours.cicp[2:] == (0, 1) and colours.cicp[0] != 2:
        return profile_of_codes(*colours.cicp[:2], video=False)
    if colours.profile is not None:
        return colours.profile
    if colours.srgb or colours.gamma is None:
        return None
    # As libpng: so near to that of a display it is that of sRGB.
    if colours.chromaticities is None and abs(2.2 * colours.gamma - 1) < 0.05:
        return None
    return profile_of_gamma(colours.gamma, colours.chromaticities)


def _decode_heif(heif: Any, data: bytes, min_side: int | None, max_pixels: int) -> Frame:
    check_size(heif.size, max_pixels)
    with memory.hold(memory.decoded_bytes(heif.size)):
        return _heif_frame(heif, data, min_side)


def _heif_frame(heif: Any, data: bytes, min_side: int | None) -> Frame:
    image = heif.to_pillow()
    # The container's own rotation is applied by the decoder; what the EXIF data say is a copy.
    exif = replace(exif_of(image), orientation=1)
    width, height = image.size
    pixels, alpha = _pixels(image, 1, min_side, _profile(image, data, "HEIF"))
    return Frame(pixels, width, height, "HEIF", exif, alpha)


def _decode_raw(preview: Preview, data: bytes, min_side: int | None, max_pixels: int) -> Frame:
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
        pixels, _ = _pixels(_image(preview.image), 1, min_side, None)
        shown, is_upright = (pixels.shape[1], pixels.shape[0]), False
    if not is_upright and geometry.lies_like(shown, preview.size):
        pixels, _ = _pixels(_image(pixels), orientation, None, None)
    width, height = geometry.upright_size(preview.size, orientation)
    return Frame(pixels, width, height, "RAW", replace(exif, orientation=orientation))


def _image(pixels: Any) -> Image.Image:
    from PIL import Image

    return Image.fromarray(pixels)


def _pixels(
    image: Image.Image, orientation: int, min_side: int | None, profile: bytes | None
) -> tuple[Any, Any]:
    """Return (h, w, 3) uint8, and the opacity: reduced first, so that the rest is cheap."""
    deep = getattr(image, "deep_file", None)
    if deep is not None:
        image = _with_deep_transparency(image, deep)
    image = averageable(image)
    if profile is not None and is_made(profile) and image.mode in ("L", "LA"):
        image = image.convert("RGBA" if image.mode == "LA" else "RGB")
    opacity = opacity_of(image)
    if opacity is None and image.mode in ("LA", "RGBA"):
        image = image.convert(image.mode[:-1])
    scale = geometry.box_scale(image.size, min_side)
    if scale > 1:
        image = image.reduce(scale)
    alpha = None
    if opacity is not None:
        opacity = image.getchannel("A")
        alpha = np.ascontiguousarray(geometry.upright(opacity, orientation))
    image = to_srgb(image, profile)
    return _as_array(geometry.upright(image, orientation)), alpha


def _as_array(image: Image.Image) -> Any:
    """Return an RGB image as (h, w, 3) uint8."""
    width, height = image.size
    if 3 * width * height < _LARGE_BYTES:
        return np.ascontiguousarray(image)
    # Pillow collects all bytes in pieces and joins them: twice the memory, all of it new. Strip by
    # strip, 12 megapixels take 14 ms and not 59 (processor time, 2026-11-27).
    pixels = np.empty((height, width, 3), np.uint8)
    rows = max(1, _STRIP_BYTES // (3 * width))
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, width, bottom)))
    return pixels


def _with_deep_transparency(image: Image.Image, data: bytes) -> Image.Image:
    """Return a 16-bit PNG with the pixels of its transparent colour, all 48 bits of it, clear."""
    import cv2
    from PIL import Image

    deep = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    image = image.copy()
    image.info.pop("transparency", None)
    if deep is not None and deep.ndim == 3 and deep.shape[2] == 4:
        image.putalpha(Image.fromarray(((deep[..., 3] > 0) * 255).astype(np.uint8)))
    return image
