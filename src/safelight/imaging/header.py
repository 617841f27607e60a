"""Header of a photo, read without decoding its pixels."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from safelight.errors import DecodeError
from safelight.imaging import geometry, pillow_limit
from safelight.imaging.containers.gif_webp import webp_size
from safelight.imaging.containers.heif import file_end
from safelight.imaging.containers.raw import extract_preview, is_raw_tiff
from safelight.imaging.containers.tiff import beginning_with, with_iptc
from safelight.imaging.damage import check_size, ends_early, explain, no_image, truncated
from safelight.imaging.decoding import open_image, own_page
from safelight.imaging.formats import available_extras, sniff
from safelight.metadata.exif import SIDECARS, exif_of, exif_of_tiff, info_of, read_exif
from safelight.types import DEFAULT_MAX_PIXELS, Exif

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True)
class Header:
    """A photo's format, size and EXIF data.

    Attributes
    ----------
    format : str
        As in :class:`safelight.types.Frame`.
    width, height : int
        Of the upright photo.
    exif : Exif
    """

    format: str
    width: int
    height: int
    exif: Exif


def read_header(
    data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS, sidecars: tuple[bytes, ...] = ()
) -> Header:
    """Return what the head of a photo tells. That its pixels can be decoded is not said by that.

    Parameters
    ----------
    data : bytes
        The whole file.
    max_pixels : int
        A photo with more is refused.
    sidecars : tuple of bytes
        XMP packets beside the file, the best first: they say what the file itself does not.

    Raises
    ------
    DecodeError
        With one of :data:`safelight.types.FAILURE_CODES`; the message is to follow the file's name.
    """
    form = sniff(data)
    if form is None:
        raise no_image(data)
    more: dict[str, Any] = {SIDECARS: sidecars} if sidecars else {}
    try:
        if form == "RAW" or (form == "TIFF" and is_raw_tiff(data)):
            header = _of_raw(data, max_pixels, more)
            if header is not None:
                return header
        if form == "RAW":
            raise DecodeError(
                "is a camera RAW file of a kind that is not known; export it as JPEG",
                code="unsupported",
            )
        if form == "HEIF":
            return _of_heif(data, max_pixels, more)
        return _of_pillow(data, form, max_pixels, more)
    except DecodeError:
        raise
    except Exception as exc:  # the parsers raise a dozen kinds for damaged files
        raise explain(data, form, exc) from exc


def _of_pillow(data: bytes, form: str, max_pixels: int, more: dict[str, Any]) -> Header:
    if form == "TIFF" and (page := own_page(data)) is not None:
        exif = exif_of_tiff(beginning_with(data, page), with_iptc(data) | more)
        return _header(form, geometry.upright_size(page.size, exif.orientation), exif, max_pixels)
    if form == "WEBP" and (size := webp_size(data)) is not None:
        check_size(size, max_pixels)  # opening it takes the memory of its canvas
    with pillow_limit.lifted():
        image = open_image(data, form)
    exif = _exif(image, form, data, more)
    # Of a TIFF, Pillow tells the size of the upright photo by itself.
    size = geometry.upright_size(image.size, 1 if form == "TIFF" else exif.orientation)
    return _header(form, size, exif, max_pixels)


def _exif(image: Image.Image, form: str, data: bytes, more: dict[str, Any]) -> Exif:
    # Where the head of a PNG has none, Pillow decodes all of it to look for some at its end.
    if form == "PNG" and "exif" not in image.info and b"eXIf" not in data:
        from PIL import Image

        try:
            return read_exif(Image.Image.getexif(image), info_of(image) | more)
        except Exception:  # noqa: BLE001 - no photo is lost for its EXIF data
            return Exif()
    return exif_of(image, more)


def _of_heif(data: bytes, max_pixels: int, more: dict[str, Any]) -> Header:
    if "heif" not in available_extras():
        raise DecodeError(
            "is a HEIC photo, for which pip install 'safelight[heif]' is needed",
            code="missing-extra",
        )
    import pi_heif

    if ends_early(data, "HEIF"):
        raise truncated("HEIF")
    heif = pi_heif.open_heif(io.BytesIO(data[: file_end(data)]))
    raw = heif.info.get("exif")
    exif = exif_of_tiff(raw if isinstance(raw, bytes) else b"", heif.info | more)
    # What the container says of its rotation is in the size already.
    return _header("HEIF", heif.size, replace(exif, orientation=1), max_pixels)


def _of_raw(data: bytes, max_pixels: int, more: dict[str, Any]) -> Header | None:
    preview = extract_preview(data)
    if preview is None:
        return None
    exif: Any = exif_of_tiff(data)
    if replace(exif, orientation=1) == Exif() and isinstance(preview.image, bytes):
        exif = read_header(
            preview.image, max_pixels=max_pixels, sidecars=more.get(SIDECARS, ())
        ).exif
    elif more:
        exif = exif_of_tiff(data, more)
    exif = replace(exif, orientation=preview.orientation)
    size = geometry.upright_size(preview.size, preview.orientation)
    return _header("RAW", size, exif, max_pixels)


def _header(form: str, size: tuple[int, int], exif: Exif, max_pixels: int) -> Header:
    check_size(size, max_pixels)
    return Header(form, *size, exif)
