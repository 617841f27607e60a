"""Camera facts from an XMP packet: moment, camera, lens, exposure, place.

Properties: XMP specification, part 2 (``exif:``, ``tiff:``), CIPA DC-010 (``exifEX:``) and Adobe's
``aux:``. Values are texts in many forms, and packets come in every encoding of Unicode, with a byte
order mark or without, and cut off: what can be read counts.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safelight.metadata.noted import CAPTIONS, RATINGS, SUBJECTS, TITLES, TREES
from safelight.metadata.words import NAMESPACES
from safelight.metadata.xmp import CAPTURE_DATES, CREATED, EDITED, values_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.metadata.xmp import Name

_EXIF = "http://ns.adobe.com/exif/1.0/"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_EXIF_EX = ("http://cipa.jp/exif/1.0/", "http://cipa.jp/exif/1.0/exifEX")
_AUX = "http://ns.adobe.com/exif/1.0/aux/"

_LENS = (*((uri, "LensModel") for uri in _EXIF_EX), (_AUX, "Lens"))
_ISO = (
    (_EXIF, "ISOSpeedRatings"),
    *((uri, "PhotographicSensitivity") for uri in _EXIF_EX),
    *((uri, "RecommendedExposureIndex") for uri in _EXIF_EX),
    *((uri, "StandardOutputSensitivity") for uri in _EXIF_EX),
)
#: Where people note words, and what that is called.
_WORDS = {
    (NAMESPACES[name.partition(":")[0]], name.partition(":")[2]): name
    for name in (*TITLES, *CAPTIONS, *SUBJECTS, *TREES, *RATINGS)
}
#: Degrees, minutes and seconds, and the letter of the side; or a number alone, with its sign.
_COORDINATE = re.compile(
    r"([+-]?\d+(?:\.\d+)?)(?:[,\s]+(\d+(?:\.\d+)?))?(?:[,\s]+(\d+(?:\.\d+)?))?\s*([NSEW]?)", re.I
)


@dataclass(frozen=True, slots=True)
class XmpFacts:
    """Facts as a packet has them; numbers are not checked for sense.

    Attributes
    ----------
    dates : tuple of (str, str or None)
        When the photo was taken, the best first, and digits behind the second.
    edited : bool
        Whether an editor left a trace.
    numbers : mapping of str to float
        By the names of :class:`safelight.types.Exif`, and ``shutter`` and ``aperture`` in APEX.
    texts : mapping of str to str
        ``camera_make``, ``camera_model`` and ``lens``.
    words : mapping of str to tuple of str
        What people noted, by names such as ``dc:title``.
    """

    dates: tuple[tuple[str, str | None], ...] = ()
    edited: bool = False
    numbers: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_xmp_facts(data: bytes) -> XmpFacts:
    """Return the facts in an XMP packet; none if it is not one."""
    values = values_of(_in_utf8(data))

    def first(*names: Name) -> str | None:
        return next((text for name in names for text in values.get(name, ()) if text), None)

    part = first((_EXIF, "SubSecTimeOriginal"), (_EXIF, "SubsecTimeOriginal"))
    dates = [
        (text, part if name == CAPTURE_DATES[0] else None)
        for name in (*CAPTURE_DATES, CREATED)
        for text in values.get(name, ())
    ]
    altitude = _fraction(first((_EXIF, "GPSAltitude")))
    if altitude is not None and (first((_EXIF, "GPSAltitudeRef")) or "").startswith(("1", "-1")):
        altitude = -altitude
    numbers = {
        "exposure_time": _fraction(first((_EXIF, "ExposureTime"))),
        "shutter": _fraction(first((_EXIF, "ShutterSpeedValue"))),
        "f_number": _fraction(first((_EXIF, "FNumber"))),
        "aperture": _fraction(first((_EXIF, "ApertureValue"))),
        "iso": _fraction(first(*_ISO)),
        "focal_length": _fraction(first((_EXIF, "FocalLength"))),
        "latitude": _degrees(first((_EXIF, "GPSLatitude")), "NS", 90),
        "longitude": _degrees(first((_EXIF, "GPSLongitude")), "EW", 180),
        "altitude": altitude,
    }
    texts = {
        "camera_make": first((_TIFF, "Make")),
        "camera_model": first((_TIFF, "Model")),
        "lens": first(*_LENS),
    }
    return XmpFacts(
        tuple(dates),
        any(name in values for name in EDITED),
        {name: number for name, number in numbers.items() if number is not None},
        {name: text for name, text in texts.items() if text is not None},
        {name: tuple(values[key]) for key, name in _WORDS.items() if key in values},
    )


def _in_utf8(data: bytes) -> bytes:
    """Return a packet in UTF-8, from its first tag on."""
    # Its first characters are "<" and an ASCII letter or "?": where the zeros are tells the rest.
    zeros = [byte == 0 for byte in data.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:4]]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or any(zeros):
        text = data.decode(_encoding(data), "ignore")
        data = re.sub(r"^\s*<\?xml\b[^>]*\?>", "", text.lstrip("\ufeff")).encode("utf-8", "ignore")
    start = data.find(b"<")
    return data[max(start, 0) :]


def _encoding(data: bytes) -> str:
    for mark, name in (
        (b"\xff\xfe\0\0", "utf-32-le"),
        (b"\0\0\xfe\xff", "utf-32-be"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"<\0\0\0", "utf-32-le"),
        (b"\0\0\0<", "utf-32-be"),
        (b"<\0", "utf-16-le"),
        (b"\0<", "utf-16-be"),
    ):
        if data.startswith(mark):
            return name
    return "utf-8"


def _fraction(text: str | None) -> float | None:
    """Return a number, which may be written as ``1/125``, ``f/2.8``, ``50.0 mm``."""
    found = re.match(
        r"\s*(?:f/?\s*)?([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?:\s*/\s*(\d+))?", text or "", re.I
    )
    if found is None:
        return None
    try:
        number = float(found[1]) / float(found[2] or 1)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _degrees(text: str | None, signs: str, limit: float) -> float | None:
    found = _COORDINATE.fullmatch((text or "").strip())
    if found is None or (found[4] and found[4].upper() not in signs):
        return None
    parts = [float(part or 0) for part in found.groups()[:3]]
    if any(part > 60 for part in parts[1:]):
        return None
    is_negative = found[1].startswith("-") or found[4].upper() == signs[1]
    degrees = abs(parts[0]) + parts[1] / 60 + parts[2] / 3600
    return None if degrees > limit else round(-degrees if is_negative else degrees, 7)
