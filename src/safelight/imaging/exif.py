"""EXIF data as the camera wrote them, or None where they make no sense; never an error.

Tags and types: Exif 2.32 (CIPA DC-008).
"""

from __future__ import annotations

import math
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


def read_exif(exif: Image.Exif) -> Exif:
    """Return what Pillow's EXIF mapping says of the photo."""
    main = _mapping(exif)
    inner = {**main, **_ifd(exif, _EXIF_IFD)}
    gps = _ifd(exif, _GPS_IFD)
    return Exif(
        taken_at=_taken_at(inner),
        camera_make=_text(main.get(_MAKE)),
        camera_model=_text(main.get(_MODEL)),
        lens=_text(inner.get(_LENS)),
        exposure_time=_positive(inner.get(_EXPOSURE)),
        f_number=_positive(inner.get(_F_NUMBER)),
        iso=_whole(inner.get(_ISO)),
        focal_length=_positive(inner.get(_FOCAL_LENGTH)),
        latitude=_degrees(gps, _LATITUDE, "S", 90),
        longitude=_degrees(gps, _LONGITUDE, "W", 180),
        altitude=_altitude(gps),
        orientation=orientation(main),
    )


def orientation(main: Mapping[int, Any]) -> int:
    """Return the EXIF orientation, 1 to 8; 1 if it is missing or nonsense."""
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
    cleaned = "".join(letter for letter in value if letter.isprintable()).strip()
    return cleaned.encode("utf-8", "replace").decode() or None


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
    try:
        datetime.strptime(text or "", "%z")
    except ValueError:
        return ""
    return text if text and len(text) == 6 else ""


def _degrees(
    gps: Mapping[int, Any], tags: tuple[int, int], negative: str, limit: float
) -> float | None:
    reference, value = gps.get(tags[0]), gps.get(tags[1])
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
    is_negative = (_text(reference) or "").upper().startswith(negative)
    return round(-degrees if is_negative else degrees, 7)


def _altitude(gps: Mapping[int, Any]) -> float | None:
    metres = _number(gps.get(_ALTITUDE[1]))
    if metres is None:
        return None
    below = gps.get(_ALTITUDE[0]) in (1, b"\x01")
    return round(-metres if below else metres, 2)
