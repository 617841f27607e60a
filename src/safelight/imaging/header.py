"""Header of a photo, read without decoding its pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from safelight.errors import DecodeError
from safelight.imaging import geometry, pillow_limit
from safelight.imaging.containers.gif_webp import webp_size
from safelight.imaging.containers.raw import Preview
from safelight.imaging.containers.tiff import Directory, beginning_with, with_iptc
from safelight.imaging.damage import check_size, explain, no_image
from safelight.imaging.formats import sniff
from safelight.imaging.open import open_photo, page_exif
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
    """Return the header of a photo, which does not prove that its pixels can be decoded.

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
        if form == "WEBP" and (size := webp_size(data)) is not None:
            check_size(size, max_pixels)  # opening it takes the memory of its canvas
        with pillow_limit.lifted():
            opened = open_photo(data, form)
        if isinstance(opened, Preview):
            return _of_raw(opened, data, max_pixels, more)
        if isinstance(opened, Directory):
            exif = exif_of_tiff(beginning_with(data, opened), with_iptc(data) | more)
            exif = page_exif(data, exif)
            size = geometry.upright_size(opened.size, exif.orientation)
        elif form == "HEIF":
            raw = opened.info.get("exif")
            exif = exif_of_tiff(raw if isinstance(raw, bytes) else b"", opened.info | more)
            # What the container says about its rotation is in the size already.
            exif, size = replace(exif, orientation=1), opened.size
        else:
            exif = _exif(opened, form, data, more)
            # Of a TIFF, Pillow tells the size of the upright photo by itself.
            size = geometry.upright_size(opened.size, 1 if form == "TIFF" else exif.orientation)
        check_size(size, max_pixels)
        return Header(form, size[0], size[1], exif)
    except DecodeError:
        raise
    except Exception as exc:  # the parsers raise a dozen kinds for damaged files
        raise explain(data, form, exc) from exc


def _exif(image: Image.Image, form: str, data: bytes, more: dict[str, Any]) -> Exif:
    # Where the head of a PNG has none, Pillow decodes all of it to look for some at its end.
    if form == "PNG" and "exif" not in image.info and b"eXIf" not in data:
        from PIL import Image

        try:
            return read_exif(Image.Image.getexif(image), info_of(image) | more)
        except Exception:  # noqa: BLE001 - no photo is lost for its EXIF data
            return Exif()
    exif = exif_of(image, more)
    return page_exif(data, exif) if form == "TIFF" else exif


def _of_raw(preview: Preview, data: bytes, max_pixels: int, more: dict[str, Any]) -> Header:
    exif: Any = exif_of_tiff(data)
    if replace(exif, orientation=1) == Exif() and isinstance(preview.image, bytes):
        exif = read_header(
            preview.image, max_pixels=max_pixels, sidecars=more.get(SIDECARS, ())
        ).exif
    elif more:
        exif = exif_of_tiff(data, more)
    exif = replace(exif, orientation=preview.orientation)
    size = geometry.upright_size(preview.size, preview.orientation)
    check_size(size, max_pixels)
    return Header("RAW", size[0], size[1], exif)
