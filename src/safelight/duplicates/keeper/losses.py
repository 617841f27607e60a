"""Colour and tones that a photo lost and others of its group still have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.errors import DecodeError
from safelight.imaging import DEFAULT_MAX_PIXELS, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from safelight.library.photo_facts import PhotoFacts

# A picture of so many colours or fewer was reduced to them, if another has ten times as many.
# Looked at in full size: a thumbnail of a dithered picture has all colours again.
_FEW, _FEW_GREYS = 256, 16
_TIMES = 10

# But a drawing has few to begin with, and its JPEG has more only where lines ring: of 78 photos
# three quarters have at least 366 colours (one in grey 20 greys), of drawings at most 42 (6).
_MOST, _DRAWN = 0.75, 2
_WINDOW = 256

# Spread of the two colour differences that brightness does not tell, in levels, of a picture
# without colour, and of one with: on 54 photos at least 5.3; made sepia, at most 2.5, and with the
# clipped highlights of a filter a fifth of what there was.
_NO_COLOUR = 2.0
_COLOUR = 5.0
_LEFT = 0.2

# A JPEG's colour differences are told from its thumbnail: so small it decodes fast.
_SIDE = 256

# Pixels on the shorter side of the picture whose tones are compared with its colours.
_TONES = 48

_JPEG_FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC)))


@dataclass(frozen=True, slots=True)
class _Seen:
    """Colour and tones of a photo's pixels."""

    colour: float  # spread of the colour differences
    colours: int  # how many there are in the middle
    common: int  # how many of them most of its pixels have
    scaled: bool  # of a thumbnail: at least so many
    for_print: bool  # cyan, magenta, yellow and black


def losses(
    photos: Sequence[PhotoFacts],
    read: Callable[[PhotoFacts], bytes | None],
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> dict[str, str]:
    """Return the photos that have lost something, by id, and what.

    Parameters
    ----------
    photos : sequence of PhotoFacts
        Forms of one picture.
    read : callable
        Given a photo, its bytes; None if it has no file that has them.
    max_pixels : int
        A file with more is not looked at.

    Returns
    -------
    dict
        ``grey``: no colour, or the shades of one; ``few-colours``: reduced to a palette, or to
        black and white; ``for-print``: converted to the colours of printing, as no camera writes.
    """
    seen = {photo.id: found for photo in photos if (found := _look(photo, read(photo), max_pixels))}
    if len(seen) < 2:
        return {}
    most_colour = max(each.colour for each in seen.values())
    most_colours = max(each.colours for each in seen.values())
    most_common = max(each.common for each in seen.values())
    lost: dict[str, str] = {}
    for photo_id, each in seen.items():
        if each.colour <= max(_NO_COLOUR, _LEFT * most_colour) and most_colour >= _COLOUR:
            lost[photo_id] = "grey"
        elif (
            not each.scaled
            and each.colours <= _few(each) < most_colours / _TIMES
            and most_common > _few(each) / _DRAWN
        ):
            lost[photo_id] = "few-colours"
        elif each.for_print and not all(other.for_print for other in seen.values()):
            lost[photo_id] = "for-print"
    # Were all of them to have lost something, none would be the better for it.
    return lost if len(lost) < len(seen) else {}


def _few(seen: _Seen) -> int:
    """Return how many colours are few: whoever has no colour has few at most times."""
    return _FEW if seen.colour > _NO_COLOUR else _FEW_GREYS


def _look(photo: PhotoFacts, data: bytes | None, max_pixels: int) -> _Seen | None:
    if data is None:
        return None
    is_jpeg = photo.format == "JPEG"
    # A camera's own formats have all the colours there are.
    scaled = is_jpeg or photo.format in ("HEIF", "RAW")
    try:
        frame = decode(data, min_side=_SIDE if scaled else None, max_pixels=max_pixels)
    except DecodeError:
        return None
    return _Seen(
        _colour(frame.pixels), *_colours(frame.pixels), scaled, is_jpeg and _components(data) == 4
    )


def _colour(pixels: npt.NDArray[np.uint8]) -> float:
    """Return the spread of the colour differences that brightness does not tell already.

    A picture in sepia has differences as large as its contrast, and no colour of its own.
    """
    step = max(1, min(pixels.shape[:2]) // _TONES)
    high, wide = (max(1, length // step) for length in pixels.shape[:2])
    # Averaged, because a JPEG's colours are blurred and its brightness is not.
    tiles = pixels[: high * step, : wide * step].reshape(high, step, wide, step, 3)
    red, green, blue = np.moveaxis(tiles.mean(axis=(1, 3), dtype=np.float32), 2, 0)
    green = green.ravel()
    tones = np.stack([np.ones_like(green), green, green**2 / 255, green**3 / 255**2], axis=1)
    spreads = []
    for other in (red.ravel(), blue.ravel()):
        differences = other - green
        told, *_ = np.linalg.lstsq(tones, differences, rcond=None)
        spreads.append(float((differences - tones @ told).std()))
    return max(spreads)


def _colours(pixels: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """Return how many colours there are in the middle, and how many most of its pixels have."""
    top, left = (max(0, (length - _WINDOW) // 2) for length in pixels.shape[:2])
    part = pixels[top : top + _WINDOW, left : left + _WINDOW].reshape(-1, 3).astype(np.uint32)
    _, counts = np.unique(part[:, 0] << 16 | part[:, 1] << 8 | part[:, 2], return_counts=True)
    covered = np.cumsum(np.sort(counts)[::-1])
    return len(counts), int(np.searchsorted(covered, _MOST * len(part))) + 1


def _components(data: bytes) -> int | None:
    """Return how many components a JPEG has; ITU-T T.81, B.2.2."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _JPEG_FRAMES:
            return data[at + 9]
        if marker == 0xFF:  # a fill byte
            at += 1
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
