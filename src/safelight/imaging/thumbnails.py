"""Small pictures of a photo: WebP in several sizes from one scaled decode; JPEG for pages."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from safelight.imaging.decoding import decode
from safelight.types import DEFAULT_MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from safelight.types import Frame

#: Changes when other bytes are made of the same photo.
VERSION = "2"

# Some 12 kB at 320 pixels. Method 4 makes it 3 % smaller in 1.8 times the time (60 photos).
_QUALITY = 80
_METHOD = 2


def thumbnails(
    data: bytes, sides: Sequence[int], *, max_pixels: int = DEFAULT_MAX_PIXELS
) -> dict[int, bytes]:
    """Return WebP pictures of a photo by the length of their longer side.

    Parameters
    ----------
    data : bytes
        The whole file.
    sides : sequence of int
        Pixels of the longer side; a smaller photo stays as it is.
    max_pixels : int
        A photo with more is refused before anything is decoded.

    Raises
    ------
    DecodeError
        See :func:`safelight.imaging.decode`.
    """
    # What is asked for is the frame's shorter side; its longer one then has enough in any case.
    frame = decode(data, min_side=max(sides), max_pixels=max_pixels)
    return of_frame(frame, sides)


def of_frame(frame: Frame, sides: Sequence[int]) -> dict[int, bytes]:
    """Return WebP pictures of a frame by the length of their longer side."""
    from PIL import Image

    image = Image.fromarray(frame.pixels)
    made: dict[int, bytes] = {}
    for side in sorted(sides, reverse=True):
        # Each from the next larger one: an eighth of the work, and no visible difference.
        if max(image.size) > side:
            scale = side / max(image.size)
            size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        out = io.BytesIO()
        image.save(out, "WEBP", quality=_QUALITY, method=_METHOD)
        made[side] = out.getvalue()
    return made


def as_jpeg(pixels: npt.NDArray[np.uint8], quality: int) -> bytes:
    """Return pixels as a JPEG, for a page that every browser and mail program opens."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()
