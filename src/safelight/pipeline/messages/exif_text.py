"""EXIF data in the words that batches use: ``f/1.8``, ``1/60``, ``4mm``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safelight.types import Exif

UNKNOWN = "Unknown"

#: From here on an exposure is told in seconds and not as a fraction, as cameras do.
_LONG_EXPOSURE = 0.25001


def as_text(exif: Exif) -> dict[str, Any]:
    """Return EXIF data as a batch has them, JSON-ready.

    A text that the camera did not write is ``Unknown``; a number, a date or a place is None.

    Examples
    --------
    >>> from safelight.types import Exif
    >>> as_text(Exif(camera_make="Canon", camera_model="Canon EOS R5", f_number=4.0))["camera"]
    'Canon EOS R5'
    """
    return {
        "camera": _camera(exif.camera_make, exif.camera_model),
        "lens": exif.lens or UNKNOWN,
        "iso": exif.iso,
        "aperture": UNKNOWN if exif.f_number is None else aperture(exif.f_number),
        "shutter_speed": UNKNOWN if exif.exposure_time is None else shutter(exif.exposure_time),
        "focal_length": UNKNOWN if exif.focal_length is None else focal_length(exif.focal_length),
        "datetime": _moment(exif.taken_at),
        "gps": _place(exif),
    }


def aperture(number: float) -> str:
    """Return an f-number.

    Examples
    --------
    >>> aperture(1.8), aperture(2), aperture(1.7799)
    ('f/1.8', 'f/2.0', 'f/1.78')
    """
    return f"f/{round(float(number), 2)}"


def shutter(seconds: float) -> str:
    """Return an exposure time, in seconds or as one part of a second.

    Examples
    --------
    >>> shutter(0.0166667), shutter(1 / 3), shutter(2.5), shutter(30)
    ('1/60', '0.3', '2.5', '30')
    """
    if seconds < _LONG_EXPOSURE:
        return f"1/{max(round(1 / seconds), 1)}"
    return f"{seconds:.1f}".removesuffix(".0")


def focal_length(millimetres: float) -> str:
    """Return a focal length in whole millimetres; below one, with one digit.

    Examples
    --------
    >>> focal_length(4.25), focal_length(0.44)
    ('4mm', '0.4mm')
    """
    if millimetres < 0.95:
        return f"{float(f'{millimetres:.1g}')}mm"
    return f"{round(millimetres)}mm"


def _camera(make: str | None, model: str | None) -> str:
    """Return make and model; the make only once where the model names it too."""
    if not make or not model:
        return model or make or UNKNOWN
    first, rest = (re.split(r"[\s_-]+", name.lower(), maxsplit=1)[0] for name in (make, model))
    return model if first == rest else f"{make} {model}"


def _moment(taken_at: str | None) -> str | None:
    """Return ``YYYY:MM:DD HH:MM:SS``, in local time, from ``YYYY-MM-DDTHH:MM:SS`` or longer."""
    if taken_at is None:
        return None
    day, _, time = taken_at.partition("T")
    return f"{day.replace('-', ':')} {time[:8]}"


def _place(exif: Exif) -> dict[str, float] | None:
    if exif.latitude is None or exif.longitude is None:
        return None
    place = {"latitude": exif.latitude, "longitude": exif.longitude}
    if exif.altitude is not None:
        place["altitude"] = exif.altitude
    return place
