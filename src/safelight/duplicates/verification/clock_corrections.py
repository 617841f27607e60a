"""Copies whose clock was corrected: one exposure with two times."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safelight.duplicates.photo_features import Look, PhotoFeatures

_MINUTE, _HOUR = 60, 3600

# Cameras and folders keep the name; programs add to it what they did.
_NAME = re.compile(r"^[^\W_]+[ _-]?\d+")


def is_clock_correction(seconds: float) -> bool:
    """Tell whether two times may be one moment by two clocks: whole minutes apart.

    >>> is_clock_correction(3600.0), is_clock_correction(5.0), is_clock_correction(0.0)
    (True, False, False)
    """
    return seconds > 0 and seconds % _MINUTE == 0


def is_one_exposure(a: PhotoFeatures, b: PhotoFeatures, seconds: float, look: Look) -> bool:
    """Tell whether two pictures of one camera that lie on each other are of one exposure.

    A series that was taken from a tripod every minute, or every hour, lies on itself as well. But
    no exposure comes out of another one by saving that again, and a camera gives each its own name.

    Parameters
    ----------
    a, b : Seen
    seconds : float
        Between their times.
    look : callable
        As for :func:`safelight.duplicates.verification.classify.relate`.
    """
    if not _names(a).isdisjoint(_names(b)):
        return True
    if sorted((a.width, a.height)) != sorted((b.width, b.height)):
        return seconds % _HOUR == 0  # a camera changes no size within a series
    from safelight.duplicates.verification.recompression import made_from, saved

    read = getattr(look, "read", None)
    if read is None or not a.format == b.format == "JPEG":
        return False
    first, second = saved(read(a)), saved(read(b))
    if first is None or second is None:
        return False
    return made_from(first, second, between=True) is not None


def _names(seen: PhotoFeatures) -> set[str]:
    """Return the names that a camera may have given: letters, then a number."""
    stems = (os.path.basename(path).casefold() for path in seen.paths)
    return {found.group() for stem in stems if (found := _NAME.match(stem))}
