"""Focus map of a photo, as a picture to lay over it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from safelight.errors import LibraryError
from safelight.imaging import decode
from safelight.library.originals import read_original
from safelight.library.photos import read_photo
from safelight.quality import Picture
from safelight.quality.focus import HALF, Focus
from safelight.quality.picture import MIN_SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.library.database import Database

_SIDE = 320
_COLOUR = (255, 176, 0)  # seen on dark and on light photos
_STRONGEST = 190  # of 255: the photo stays visible

# A tile that scores less shows nothing: every photo has some noise.
_LEAST = 0.05


def focus_map(
    library: Database, photo_id: str, namespaces: tuple[str, ...] | None, *, max_pixels: int
) -> bytes:
    """Return a PNG of a photo's shape, the less transparent the sharper the photo is there.

    Raises
    ------
    LibraryError
        There is no such photo, or its focus cannot be measured.
    """
    photo = read_photo(library, photo_id, namespaces)
    known = photo.scores.get(Focus.name)
    if known is not None and known.status == "ok" and "tiles" in known.details:
        tiles = known.details["tiles"]
    else:
        data = read_original(library, photo_id, namespaces)
        frame = decode(data, min_side=MIN_SIDE, max_pixels=max_pixels)
        measured = Focus().measure(Picture.of(frame))
        if measured.status != "ok":
            raise LibraryError(
                f"There is no map of focus: the photo {measured.reason}.",
                code="no-focus",
                photo_id=photo_id,
            )
        tiles = measured.details["tiles"]
    return _drawn(tiles, photo.width or 1, photo.height or 1)


def _drawn(tiles: Sequence[Sequence[float]], width: int, height: int) -> bytes:
    from PIL import Image

    energies = np.asarray(tiles, np.float64)
    scores = energies / (energies + HALF)
    scores[scores < _LEAST] = 0
    strength = Image.fromarray((scores * _STRONGEST).round().astype(np.uint8))
    scale = _SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    drawn = Image.new("RGB", size, _COLOUR)
    drawn.putalpha(strength.resize(size, Image.Resampling.BILINEAR))
    out = io.BytesIO()
    drawn.save(out, "PNG")
    return out.getvalue()
