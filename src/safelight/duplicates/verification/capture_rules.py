"""Capture rules: tell one exposure from a series by the data that cameras write."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safelight.duplicates.photo_features import PhotoFeatures
    from safelight.types import Exif


def same_camera(a: Exif, b: Exif) -> bool:
    """Tell whether both were taken by one kind of camera, of which both say the name."""
    return a.camera_model is not None and (a.camera_make, a.camera_model) == (
        b.camera_make,
        b.camera_model,
    )


def seconds_apart(a: Exif, b: Exif) -> float | None:
    """Return the time between two exposures; None if either is unknown.

    >>> from safelight.types import Exif
    >>> seconds_apart(Exif(taken_at="2024-05-01T12:00:00"), Exif(taken_at="2024-05-01T12:00:03"))
    3.0
    """
    if a.taken_at is None or b.taken_at is None:
        return None
    try:
        first, second = datetime.fromisoformat(a.taken_at), datetime.fromisoformat(b.taken_at)
    except ValueError:
        return None
    if (first.tzinfo is None) != (second.tzinfo is None):
        # Programs add the zone or drop it; the clock on the wall is what both say.
        first, second = first.replace(tzinfo=None), second.replace(tzinfo=None)
    apart = (first - second).total_seconds()
    # Programs drop what comes behind the second: then nothing is known about it.
    if a.subsecond is not None and b.subsecond is not None:
        apart += a.subsecond - b.subsecond
    return abs(round(apart, 6))


def light(exif: Exif) -> float | None:
    """Return how much light an exposure lets count, in stops; None if a part of it is unknown.

    The sum of the exposure time, the aperture and the sensitivity, as in the exposure value of
    ISO 2721, with its sign turned: one more is a picture twice as bright.

    >>> from safelight.types import Exif
    >>> light(Exif(exposure_time=1 / 4, f_number=2.0, iso=200))
    -3.0
    """
    if exif.exposure_time is None or exif.f_number is None:
        return None
    return math.log2(exif.exposure_time / exif.f_number**2 * (exif.iso or 100) / 100)


def stops_apart(a: Exif, b: Exif) -> float | None:
    """Return how much brighter the exposure `b` is than `a`, in stops; None if it is unknown."""
    first, second = light(a), light(b)
    if (a.iso is None) != (b.iso is None) or first is None or second is None:
        return None
    return second - first


def same_settings(a: Exif, b: Exif) -> bool:
    """Tell whether two exposures were made alike, as those of a panorama are."""
    stops = stops_apart(a, b)
    return (stops is None or abs(stops) < 0.1) and a.focal_length == b.focal_length


def longest(a: Exif, b: Exif) -> float:
    """Return the sum of both exposure times, in seconds: how long a series may take in addition."""
    return (a.exposure_time or 0) + (b.exposure_time or 0)


def same_stem(a: PhotoFeatures, b: PhotoFeatures) -> bool:
    """Tell whether files of both lie in one folder under one name with different endings."""
    return not _stems(a).isdisjoint(_stems(b))


def _stems(seen: PhotoFeatures) -> set[tuple[str, str]]:
    paths = (PurePath(path) for path in seen.paths)
    # "IMG_1.CR2.jpg" and "IMG_1.jpg" alike belong to "IMG_1.CR2".
    return {(str(path.parent), path.name.split(".")[0].lower()) for path in paths}
