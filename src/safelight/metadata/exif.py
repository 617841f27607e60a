"""Camera facts from EXIF data, or None where they make no sense; never an error.

Tags and types: Exif 2.32 and 3.0 (CIPA DC-008). **Precedence**: each fact is taken from EXIF; what
EXIF lacks, from the XMP packet of the file; then IPTC (which only has dates); then the sidecar. A
place is taken from one of them as a whole.

The first of these that is a moment says when a photo was taken: DateTimeOriginal,
DateTimeDigitized, XMP, IPTC, the sidecar, a PNG's creation time, the GPS clock (in UTC). DateTime
is the time of the last change: it counts only if nothing else was meant to say it and no editor
left a trace. The orientation that only XMP has is passed over, as browsers do.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from safelight.metadata.dates import Moment, parse_date
from safelight.metadata.iptc import (
    DATE_CREATED,
    DATE_DIGITIZED,
    TIME_CREATED,
    TIME_DIGITIZED,
    decoded,
    find_iptc,
)
from safelight.metadata.noted import noted
from safelight.metadata.xmp_facts import XmpFacts, read_xmp_facts
from safelight.types import Exif

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from PIL import Image

_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_MAKE, _MODEL, _ORIENTATION, _SOFTWARE, _CHANGED = 0x010F, 0x0110, 0x0112, 0x0131, 0x0132
_XMP_TAG, _XMP_MARK = 700, b"http://ns.adobe.com/xap/1.0/\0"
_EXPOSURE, _F_NUMBER, _ISO, _FOCAL_LENGTH, _LENS = 0x829A, 0x829D, 0x8827, 0x920A, 0xA434
_SHUTTER_APEX, _APERTURE_APEX = 0x9201, 0x9202
#: What the 16 bits of _ISO cannot hold: recommended exposure index, standard output sensitivity,
#: speed; and the exposure index of old cameras.
_MORE_ISO = (0x8832, 0x8831, 0x8833, 0xA215)
_ISO_ELSEWHERE = 65535
_LATITUDE, _LONGITUDE, _ALTITUDE = (1, 2), (3, 4), (5, 6)  # reference, value
_GPS_TIME, _GPS_DATE = 7, 29

#: Key of what :func:`read_exif` is given beside Pillow's own: packets of sidecars.
SIDECARS = "sidecars"

#: Keyword of a PNG's text.
_PNG_CREATED = "Creation Time"

#: Date, fraction of its second, and offset from UTC.
_TAKEN = ((0x9003, 0x9291, 0x9011), (0x9004, 0x9292, 0x9012))
_DATE_CHANGED = (_CHANGED, 0x9290, 0x9010)

#: Names in Software of what changes photos; those of cameras are numbers of their firmware.
_EDITORS = (
    "acdsee", "adobe", "affinity", "apple photos", "aperture", "canva", "capture one", "corel",
    "darktable", "digikam", "dxo", "exiftool", "faststone", "fotor", "gimp", "gwenview",
    "imagemagick", "iphoto", "irfanview", "krita", "lightroom", "luminar", "on1", "paint",
    "photoscape", "photoshop", "picasa", "pixelmator", "pixlr", "polarr", "rawtherapee",
    "shotwell", "snapseed", "topaz", "viewnx", "vsco", "windows photo", "xnview", "zoner",
)  # fmt: skip

#: What is written where there is no name: ``----`` by Sony, a lens of no length by others.
_NO_NAMES = frozenset({"unknown", "none", "null", "(null)", "n/a", "na", "undefined"})
_NO_LENS = re.compile(r"0+(?:\.0+)?\s*mm\s*f/?\s*0+(?:\.0+)?$", re.IGNORECASE)

# Rationals of all ones, over whatever, mean that nothing was measured.
_UNSET = (0xFFFFFFFF, -0xFFFFFFFF)

#: Values beyond these are unset numbers (4294967295) and damage.
_LONGEST_EXPOSURE, _MOST_F_NUMBER, _LONGEST_LENS = 1e6, 1e3, 1e5
_LOWEST, _HIGHEST = -12_000, 500_000  # metres


def exif_of(image: Image.Image, more: Mapping[Any, Any] | None = None) -> Exif:
    """Return the EXIF data of an opened image, and `more`, as in :func:`read_exif`."""
    try:
        return read_exif(image.getexif(), {**info_of(image), **(more or {})})
    except Exception:  # noqa: BLE001 - no photo is lost for its EXIF data
        return Exif()


def info_of(image: Image.Image) -> dict[Any, Any]:
    """Return Pillow's ``info`` of an opened image, with its XMP packet under ``xmp``."""
    info = dict(image.info)
    if "xmp" in info:
        return info
    packet = info.get("XML:com.adobe.xmp")
    # Flickr overwrites the beginning of a JPEG's mark with "XMP" and a NUL.
    segments = [data for name, data in getattr(image, "applist", ()) if name == "APP1"]
    packet = packet or next(
        (data[len(_XMP_MARK) :] for data in segments if data[8:].startswith(_XMP_MARK[8:])), None
    )
    # ImageMagick writes packets and records into PNGs as hexadecimal text.
    packet = packet or _raw_profile(info, "xmp")
    if packet is not None:
        info["xmp"] = packet
    if "iptc" not in info and (record := _raw_profile(info, "iptc")) is not None:
        info["iptc"] = record[record.find(b"\x1c\x02") :] if b"\x1c\x02" in record else record
    return info


def _raw_profile(info: Mapping[Any, Any], name: str) -> bytes | None:
    """Return a profile of a PNG's text: its name, its length, and its bytes in hexadecimal."""
    text = info.get(f"Raw profile type {name}")
    if not isinstance(text, str):
        return None
    with suppress(ValueError):
        return bytes.fromhex("".join(text.split("\n")[3:]))
    return None


def exif_of_tiff(data: bytes, info: Mapping[Any, Any] | None = None) -> Exif:
    """Return the EXIF data of a file built as a TIFF, whatever its pixels are."""
    from PIL import Image

    try:
        exif = Image.Exif()
        if data:
            exif.load(data)
        return read_exif(exif, info)
    except Exception:  # noqa: BLE001 - as above
        return Exif()


def read_exif(exif: Image.Exif, info: Mapping[Any, Any] | None = None) -> Exif:
    """Return the EXIF data in Pillow's mapping.

    Parameters
    ----------
    exif : Image.Exif
    info : mapping, optional
        Pillow's ``info``, with XMP, IPTC and the text of a PNG; under :data:`SIDECARS` the packets
        of sidecars.
    """
    info = info or {}
    main = _mapping(exif)
    inner = {**main, **_ifd(exif, _EXIF_IFD)}
    gps = _ifd(exif, _GPS_IFD)
    packet = _packet_facts(info.get("xmp") or main.get(_XMP_TAG))
    sidecars = [_packet_facts(each) for each in info.get(SIDECARS, ())]
    own = Exif(
        camera_make=_name(main.get(_MAKE)),
        camera_model=_name(main.get(_MODEL)),
        lens=_name(inner.get(_LENS)),
        exposure_time=_exposure_time(inner),
        f_number=_f_number(inner),
        iso=_iso(inner),
        focal_length=_positive(inner.get(_FOCAL_LENGTH), _LONGEST_LENS),
        **_place(gps),
    )
    for facts in (packet, *sidecars):
        own = _filled(own, facts)
    taken = _taken(main, inner, gps, info, packet, sidecars)
    return replace(
        own,
        taken_at=taken and taken.text,
        subsecond=taken and taken.subsecond,
        orientation=_orientation(main),
        **_noted(main, inner, info, [packet.words, *(each.words for each in sidecars)]),
    )


def _noted(
    main: Mapping[int, Any],
    inner: Mapping[int, Any],
    info: Mapping[Any, Any],
    packets: list[Mapping[str, tuple[str, ...]]],
) -> dict[str, Any]:
    try:
        return noted(main, inner, info, packets)
    except Exception:  # noqa: BLE001 - words of any form lose no date
        return {}


def _packet_facts(packet: Any) -> XmpFacts:
    if isinstance(packet, str):
        packet = packet.encode("utf-8", "replace")
    return read_xmp_facts(packet) if isinstance(packet, bytes) else XmpFacts()


def _filled(exif: Exif, facts: XmpFacts) -> Exif:
    """Return EXIF data with the facts of a packet where they have none."""
    if not (facts.numbers or facts.texts):
        return exif
    numbers = facts.numbers
    found: dict[str, Any] = {name: _name(text) for name, text in facts.texts.items()}
    found["exposure_time"] = _seconds(numbers.get("exposure_time"), numbers.get("shutter"))
    found["f_number"] = _stop(numbers.get("f_number"), numbers.get("aperture"))
    iso = _whole(numbers.get("iso"))
    found["iso"] = None if iso == _ISO_ELSEWHERE else iso
    found["focal_length"] = _positive(numbers.get("focal_length"), _LONGEST_LENS)
    place = numbers.get("latitude"), numbers.get("longitude")
    if exif.latitude is None and _is_place(*place):
        found |= {"latitude": place[0], "longitude": place[1]}
        found["altitude"] = _height(numbers.get("altitude"))
        exif = replace(exif, altitude=None)
    elif exif.latitude is None and exif.altitude is None:
        found["altitude"] = _height(numbers.get("altitude"))
    return replace(
        exif,
        **{
            name: value
            for name, value in found.items()
            if value is not None and getattr(exif, name) is None
        },
    )


def _exposure_time(inner: Mapping[int, Any]) -> float | None:
    return _seconds(inner.get(_EXPOSURE), inner.get(_SHUTTER_APEX))


def _seconds(written: Any, apex: Any) -> float | None:
    seconds, apex = _positive(written, _LONGEST_EXPOSURE), _number(apex)
    if seconds is not None or not apex or abs(apex) > 20:
        return seconds
    return _positive(float(2.0**-apex), _LONGEST_EXPOSURE)


def _f_number(inner: Mapping[int, Any]) -> float | None:
    return _stop(inner.get(_F_NUMBER), inner.get(_APERTURE_APEX))


def _stop(written: Any, apex: Any) -> float | None:
    number, apex = _positive(written, _MOST_F_NUMBER), _number(apex)
    if number is not None or not apex or not 0 < apex < 20:
        return number
    return round(float(2.0 ** (apex / 2)), 2)


def _iso(inner: Mapping[int, Any]) -> int | None:
    values = inner.get(_ISO)
    # Some cameras write two, the first of which is 0.
    for value in values if isinstance(values, tuple | list) else (values,):
        written = _whole(value)
        if written is not None and written != _ISO_ELSEWHERE:
            return written
    more = (_whole(inner.get(tag)) for tag in _MORE_ISO)
    return next((value for value in more if value is not None and value != _ISO_ELSEWHERE), None)


def _orientation(main: Mapping[int, Any]) -> int:
    value = _whole(main.get(_ORIENTATION))
    return value if value is not None and value <= 8 else 1


def _mapping(exif: Image.Exif) -> dict[int, Any]:
    found: dict[int, Any] = {}
    try:
        for tag in exif:
            found[tag] = exif.get(tag)
    except Exception:  # noqa: BLE001 - Pillow raises many kinds for malformed tags
        return found
    return found


def _ifd(exif: Image.Exif, tag: int) -> dict[int, Any]:
    try:
        return dict(exif.get_ifd(tag))
    except Exception:  # noqa: BLE001 - as above
        return {}


def _number(value: Any) -> float | None:
    if isinstance(value, tuple | list):
        value = value[0] if value else None
    if getattr(value, "numerator", None) in _UNSET:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _positive(value: Any, most: float) -> float | None:
    number = _number(value)
    return round(number, 9) if number is not None and 0 < number <= most else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 1 <= number < 2**31 else None


def _name(value: Any) -> str | None:
    """Return the name of a camera or lens; None for what is written where there is none."""
    text = _text(value)
    if text is None or text.casefold() in _NO_NAMES or _NO_LENS.match(text):
        return None
    # A field of ones, never written, reads as "ÿÿÿ".
    return text if any(letter.isalnum() and letter != "ÿ" for letter in text) else None


def _text(value: Any) -> str | None:
    """Return text; what stands behind a NUL is left over from something else (exifr #40)."""
    if isinstance(value, bytes):
        value = decoded(value.split(b"\0")[0])
    if not isinstance(value, str):
        return None
    value = value.split("\0")[0]
    with suppress(UnicodeError):  # Pillow takes all for Latin-1; today's phones write UTF-8
        value = value.encode("latin-1").decode("utf-8")
    return "".join(letter for letter in value if letter.isprintable()).strip() or None


def _taken(
    main: Mapping[int, Any],
    inner: Mapping[int, Any],
    gps: Mapping[int, Any],
    info: Mapping[Any, Any],
    packet: XmpFacts,
    sidecars: Sequence[XmpFacts],
) -> Moment | None:
    for tags in _TAKEN:
        if (moment := _moment(inner, tags)) is not None:
            return moment
    iptc = ((text, None) for text in _iptc_dates(main, info))
    others = ((text, None) for text in (*_png_dates(info), _gps_date(gps)))
    beside = (date for each in sidecars for date in each.dates)
    for text, part in (*packet.dates, *iptc, *beside, *others):
        if (moment := parse_date(text, part=part)) is not None:
            return moment
    # One that was meant to be said and cannot be read is unknown, not the day of the last change.
    is_said = any(_text(inner.get(date)) for date, _, _ in _TAKEN)
    software = (_text(main.get(_SOFTWARE)) or "").lower()
    if is_said or packet.edited or any(name in software for name in _EDITORS):
        return None
    return _moment(inner, _DATE_CHANGED)


def _moment(inner: Mapping[int, Any], tags: tuple[int, int, int]) -> Moment | None:
    date, part, zone = (_text(inner.get(tag)) for tag in tags)
    return parse_date(date, part=part, zone=zone)


def _iptc_dates(main: Mapping[int, Any], info: Mapping[Any, Any]) -> Iterator[str]:
    values = find_iptc(main, info)
    for day, clock in ((DATE_CREATED, TIME_CREATED), (DATE_DIGITIZED, TIME_DIGITIZED)):
        for date in values.get(day, ()):
            time = next(iter(values.get(clock, ())), b"")
            yield f"{decoded(date)} {decoded(time)}".strip()
            yield decoded(date)


def _png_dates(info: Mapping[Any, Any]) -> Iterator[str]:
    text = info.get(_PNG_CREATED)
    if not isinstance(text, str):
        return
    yield text
    with suppress(ValueError, TypeError, OverflowError):  # the form that the standard suggests
        yield parsedate_to_datetime(text).isoformat()


def _gps_date(gps: Mapping[int, Any]) -> str | None:
    date, time = _text(gps.get(_GPS_DATE)), gps.get(_GPS_TIME)
    if date is None or not isinstance(time, tuple | list) or len(time) != 3:
        return None  # without the hour it may be the day before
    numbers = [_number(each) for each in time]
    if any(number is None or not 0 <= number < 60 for number in numbers):
        return None
    hour, minute, second = (int(number or 0) for number in numbers)
    return f"{date} {hour:02}:{minute:02}:{second:02}Z"


def _place(gps: Mapping[int, Any]) -> dict[str, Any]:
    latitude = _degrees(gps, _LATITUDE, "NS", 90)
    longitude = _degrees(gps, _LONGITUDE, "EW", 180)
    if not _is_place(latitude, longitude):
        latitude = longitude = None
    return {"latitude": latitude, "longitude": longitude, "altitude": _altitude(gps)}


def _is_place(latitude: float | None, longitude: float | None) -> bool:
    """Tell whether two coordinates are a place; zeros are what phones write that do not know."""
    return latitude is not None and longitude is not None and not latitude == longitude == 0


def _degrees(
    gps: Mapping[int, Any], tags: tuple[int, int], signs: str, limit: float
) -> float | None:
    reference, value = (_text(gps.get(tags[0])) or "").upper()[:1], gps.get(tags[1])
    if not reference or reference not in signs:
        return None
    if not isinstance(value, tuple | list):
        value = (value,)  # degrees with a fraction
    degrees = 0.0
    for power, part in enumerate(value[:3]):
        number = _number(part)
        if number is None and (power == 2 or (power == 1 and degrees % 1)):
            number = 0.0  # 0/0: minutes with a fraction, no seconds; or degrees with one
        if number is None or number < 0 or (power and number > 60):
            return None
        degrees += number / 60.0**power
    if degrees > limit:
        return None
    return round(-degrees if reference == signs[1] else degrees, 7)


def _altitude(gps: Mapping[int, Any]) -> float | None:
    metres = _number(gps.get(_ALTITUDE[1]))
    below = gps.get(_ALTITUDE[0]) in (1, 3, b"\x01", b"\x03", "1")
    return None if metres is None else _height(-metres if below else metres)


def _height(metres: float | None) -> float | None:
    return round(metres, 2) if metres is not None and _LOWEST <= metres <= _HIGHEST else None
