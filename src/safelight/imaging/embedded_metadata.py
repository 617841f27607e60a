"""Embedded metadata of a photo's file: EXIF, IPTC and XMP."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from safelight.errors import SidecarError
from safelight.imaging.containers.tiff import with_iptc
from safelight.imaging.formats import available_extras, sniff
from safelight.imaging.open import opener
from safelight.metadata.exif import info_of
from safelight.metadata.iptc import decoded, find_iptc
from safelight.metadata.noted import noted_words, xp_keywords
from safelight.metadata.tags import Tags
from safelight.metadata.words import PNG, PNG_TECHNICAL
from safelight.metadata.xmp import read_xmp

if TYPE_CHECKING:
    from collections.abc import Mapping

_RATING, _EXIF_IFD, _XMP_TAG = 0x4746, 0x8769, 700
_TAKEN, _DIGITIZED = 0x9003, 0x9004
_RECORD, _KEYWORDS = 2, 25


def read_tags(data: bytes, exif: Mapping[str, Any]) -> Tags:
    """Return the embedded metadata of a photo's file.

    Never raises for what the file holds: a tag that cannot be read is one that is not there.

    Parameters
    ----------
    data : bytes
        The whole file.
    exif : mapping
        What the library has of its EXIF data, for what is read in no other way.
    """
    placed = Tags(
        latitude=exif.get("latitude"),
        longitude=exif.get("longitude"),
        altitude=exif.get("altitude"),
    )
    form = sniff(data)
    if form == "RAW" or form is None:
        return replace(placed, taken_at=exif.get("taken_at"))
    try:
        info, main, inner, iptc = _heif(data) if form == "HEIF" else _pillow(data, form)
    except Exception:  # noqa: BLE001 - the decoders raise a dozen kinds for damaged files
        return replace(placed, taken_at=exif.get("taken_at"))
    own = replace(
        placed,
        # The library also takes the date of the last change for want of a better one.
        taken_at=exif.get("taken_at") if _TAKEN in inner or _DIGITIZED in inner else None,
        rating=main.get(_RATING) if isinstance(main.get(_RATING), int) else None,
        keywords=tuple(dict.fromkeys((*iptc.get(_KEYWORDS, ()), *xp_keywords(main)))),
        words=tuple(noted_words(main, inner, iptc, info).items()),
        others=_other_texts(info) if form == "PNG" else (),
    )
    packet = info.get("xmp")
    if isinstance(packet, str):
        packet = packet.encode()
    if isinstance(packet, bytes):
        with contextlib.suppress(SidecarError):
            return own.or_else(read_xmp(packet))
    return own


def _pillow(
    data: bytes, form: str
) -> tuple[dict[Any, Any], Mapping[int, Any], Mapping[int, Any], dict[int, list[str]]]:
    with opener(form)(io.BytesIO(data)) as image:
        exif = image.getexif()
        info = info_of(image) | (with_iptc(data) if form == "TIFF" else {})
        if "xmp" not in info and isinstance(exif.get(_XMP_TAG), bytes):
            info["xmp"] = exif[_XMP_TAG]
        iptc = {
            number: [decoded(text) for text in texts]
            for (record, number), texts in find_iptc(exif, info).items()
            if record == _RECORD
        }
        return info, exif, exif.get_ifd(_EXIF_IFD), iptc


def _heif(
    data: bytes,
) -> tuple[dict[Any, Any], Mapping[int, Any], Mapping[int, Any], dict[int, list[str]]]:
    from PIL import Image

    if "heif" not in available_extras():
        return {}, {}, {}, {}
    import pi_heif

    info = dict(pi_heif.open_heif(io.BytesIO(data)).info)
    exif = Image.Exif()
    if isinstance(info.get("exif"), bytes):
        exif.load(info["exif"])
    return info, exif, exif.get_ifd(_EXIF_IFD), {}


def _other_texts(info: Mapping[Any, Any]) -> tuple[str, ...]:
    """Return under which further keywords a PNG holds text."""
    return tuple(
        f"text {key[:40]!r}"
        for key, value in info.items()
        if isinstance(key, str)
        and isinstance(value, str)
        and value.strip()
        and key not in PNG
        and not key.casefold().startswith(PNG_TECHNICAL)
    )
