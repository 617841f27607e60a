"""Images of a report: small photos, and maps of their differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.duplicates.model import Relation
from safelight.errors import DecodeError
from safelight.imaging import decode, read_verified
from safelight.imaging.thumbnails import as_jpeg
from safelight.pages import data_uri
from safelight.quality.averaging import average, fit

if TYPE_CHECKING:
    import numpy.typing as npt

    from safelight.duplicates.keeper import Judged, Suggestion

#: The longer side of a thumbnail, in pixels.
SIDE = 256

_JPEG_QUALITY = 80

# Within these the pictures lie on each other, and what differs can be shown.
_COMPARABLE = frozenset({Relation.RE_ENCODED, Relation.RESIZED, Relation.EDITED})

#: A difference of this many levels shows as white.
WHITE = 32


def thumbnail_of(photo_id: str, path: str, max_pixels: int) -> npt.NDArray[np.uint8] | str:
    """Return a photo made small, or why there is none."""
    try:
        frame = decode(read_verified(photo_id, (path,)), min_side=SIDE, max_pixels=max_pixels)
    except DecodeError as exc:
        return str(exc)
    except OSError as exc:
        return f"cannot be read: {exc.strerror}"
    height, width = frame.pixels.shape[:2]
    return average(frame.pixels, fit(width, height, SIDE))


def difference_of(
    picture: npt.NDArray[np.uint8],
    best: npt.NDArray[np.uint8],
    suggestion: Suggestion,
    photo: Judged,
    keeper: Judged,
) -> npt.NDArray[np.uint8] | None:
    """Return how far a picture is from the one to keep, where one lies on the other."""
    pair = sorted((photo.photo_id, keeper.photo_id))
    relation = next(
        (edge.relation for edge in suggestion.group.edges if [edge.a, edge.b] == pair), None
    )
    (high, wide), (best_high, best_wide) = picture.shape[:2], best.shape[:2]
    skewed = abs(wide * best_high - best_wide * high) > 0.02 * wide * best_high
    if relation not in _COMPARABLE or skewed:
        return None
    size = (min(wide, best_wide), min(high, best_high))
    if min(size) < 8:
        return None
    one, other = (average(each, size).astype(np.int16) for each in (picture, best))
    levels = np.abs(one - other).max(axis=2) * (255 / WHITE)
    return np.repeat(np.minimum(levels, 255).astype(np.uint8)[..., None], 3, axis=2)


def picture_of(pixels: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Return a picture for a page that holds all of it: its address, width and height."""
    height, width = pixels.shape[:2]
    source = data_uri(as_jpeg(pixels, _JPEG_QUALITY), "image/jpeg")
    return {"src": source, "width": width, "height": height}
