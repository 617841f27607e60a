"""EXIF data as the camera wrote them, or None where they make no sense; never an error.

Tags and types: Exif 2.32 (CIPA DC-008).
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from safelight.model import Exif

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_MAKE, _MODEL, _ORIENTATION, _CHANGED_AT = 0x010F, 0x0110, 0x0112, 0x0132
_EXPOSURE, _F_NUMBER, _ISO, _FOCAL_LENGTH, _LENS = 0x829A, 0x829D, 0x8827, 0x920A, 0xA434
_LATITUDE, _LONGITUDE, _ALTITUDE = (1, 2), (3, 4), (5, 6)  # reference, value

#: When it was taken: date, offset from UTC; the first that is there counts.
_DATES = ((0x9003, 0x9011), (0x9004, 0x9012), (_CHANGED_AT, 0x9010))
_OFFSET = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")


def exif_of(image: Image.Image) -> Exif:
    """Return what an opened image says of the photo."""
    try:
        return read_exif(image.getexif())
    except Exception:  # noqa: BLE001 - no photo is lost for its EXIF data
        return Exif()


def exif_of_tiff(data: bytes) -> Exif:
    """Return what a file built as a TIFF says of the photo, whatever its pixels are."""
    from PIL import Image

    try:
        exif = Image.Exif()
        exif.load(data)
        return read_exif(exif)
    except Exception:  # noqa: BLE001 - as above
        return Exif()


def read_exif(exif: Image.Exif) -> Exif:
    """Return what Pillow's EXIF mapping says of the photo."""
    main = _mapping(exif)
    inner = {**main, **_ifd(exif, _EXIF_IFD)}
    gps = _ifd(exif, _GPS_IFD)
    latitude, longitude = _place(gps)
    return Exif(
        taken_at=_taken_at(inner),
        camera_make=_text(main.get(_MAKE)),
        camera_model=_text(main.get(_MODEL)),
        lens=_text(inner.get(_LENS)),
        exposure_time=_positive(inner.get(_EXPOSURE)),
        f_number=_positive(inner.get(_F_NUMBER)),
        iso=_whole(inner.get(_ISO)),
        focal_length=_positive(inner.get(_FOCAL_LENGTH)),
        latitude=latitude,
        longitude=longitude,
        altitude=_altitude(gps),
        orientation=_orientation(main),
    )


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
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _positive(value: Any) -> float | None:
    number = _number(value)
    return round(number, 9) if number is not None and number > 0 else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 1 <= number < 2**31 else None


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    with suppress(UnicodeError):  # Pillow takes all for Latin-1; today's phones write UTF-8
        value = value.encode("latin-1").decode("utf-8")
    return "".join(letter for letter in value if letter.isprintable()).strip() or None


def _taken_at(inner: Mapping[int, Any]) -> str | None:
    for date, offset in _DATES:
        text = _text(inner.get(date))
        try:
            moment = datetime.strptime((text or "")[:19], "%Y:%m:%d %H:%M:%S")
        except ValueError:
            continue
        return moment.isoformat() + _offset(_text(inner.get(offset)))
    return None


def _offset(text: str | None) -> str:
    return text if text and _OFFSET.fullmatch(text) else ""


def _place(gps: Mapping[int, Any]) -> tuple[float | None, float | None]:
    latitude = _degrees(gps, _LATITUDE, "NS", 90)
    longitude = _degrees(gps, _LONGITUDE, "EW", 180)
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None, None  # zeros are what phones write that do not know
    return latitude, longitude


def _degrees(
    gps: Mapping[int, Any], tags: tuple[int, int], signs: str, limit: float
) -> float | None:
    reference, value = (_text(gps.get(tags[0])) or "").upper()[:1], gps.get(tags[1])
    if not reference or reference not in signs:
        return None
    if not isinstance(value, tuple | list) or not value:
        return None
    degrees = 0.0
    for power, part in enumerate(value[:3]):
        number = _number(part)
        if number is None or number < 0:
            return None
        degrees += number / 60.0**power
    if degrees > limit:
        return None
    return round(-degrees if reference == signs[1] else degrees, 7)


def _altitude(gps: Mapping[int, Any]) -> float | None:
    metres = _number(gps.get(_ALTITUDE[1]))
    if metres is None:
        return None
    below = gps.get(_ALTITUDE[0]) in (1, b"\x01")
    return round(-metres if below else metres, 2)
