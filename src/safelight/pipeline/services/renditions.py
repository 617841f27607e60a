"""Renditions of a photo: upright, sRGB, JPEG, one of 2,048 and one of 1,024 pixels."""

from __future__ import annotations

import io
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.files import PHOTO_FILE, read_bytes
from safelight.imaging import DEFAULT_MAX_PIXELS, decode
from safelight.imaging.header import read_header
from safelight.pipeline.files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

#: Longest side of the copy that ranking looks at, and of the one that features are made from.
RANKING_SIDE, STD_SIDE = 2048, 1024

#: Changes with the pixels that the same photo would give.
_VERSION = 1

# JPEG quality and how colours are sampled. The first is for looking at. The second is measured:
# below 99, compression takes the finest grey detail away, and with it the noise
# (docs/pipeline.md has the figures); nothing looks at its finest colours.
_RANKING_JPEG, _STD_JPEG = (95, "4:4:4"), (100, "4:2:0")

#: The decoder may leave out pixels as long as the filter has this many for each that it makes.
_GAP = 1.5

#: In the JPEG's comment: whose copy it is, and a sum over all that follows, so that a copy that
#: is broken is noticed without decoding it.
_MARK = "safelight copy {version} of {photo_id}, {width}x{height} pixels, {crc:08x}"
_READ = re.compile(
    rb"safelight copy (\d+) of ([\w.-]{1,200}), (\d{1,9})x(\d{1,9}) pixels, ([0-9a-f]{8})"
)
_HEAD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Renditions:
    """The two copies of a photo.

    Attributes
    ----------
    ranking, std : Path
    original_size, standardized_size : (int, int)
        Width and height of the upright photo, and of its copy for ranking.
    """

    ranking: Path
    std: Path
    original_size: tuple[int, int]
    standardized_size: tuple[int, int]


def paths_of(photo_id: str, folder: Path) -> tuple[Path, Path]:
    """Return where the copies of a photo are: for ranking, and the smaller one."""
    return folder / f"{photo_id}.jpg", folder / f"{photo_id}_{STD_SIDE}.jpg"


def fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return a size of the same shape of which no side is longer than `side`; never a larger one.

    Examples
    --------
    >>> fitted((3840, 2160), 2048), fitted((640, 480), 2048), fitted((9000, 1), 1024)
    ((2048, 1152), (640, 480), (1024, 1))
    """
    longest = max(size)
    if longest <= side:
        return size
    width, height = (max(1, round(each * side / longest)) for each in size)
    return width, height


def find(photo_id: str, folder: Path, content: str | None = None) -> Renditions | None:
    """Return the copies that are there already, if both are whole and made as today.

    Parameters
    ----------
    content : str, optional
        sha256 of the photo's file, where `photo_id` is not just that: another photo may have had
        the same name.
    """
    ranking, std = paths_of(photo_id, folder)
    sizes = [_original_size(path, content or photo_id) for path in (ranking, std)]
    if sizes[0] is None or sizes[0] != sizes[1]:
        return None
    return Renditions(ranking, std, sizes[0], fitted(sizes[0], RANKING_SIDE))


def make(
    data: bytes,
    photo_id: str,
    folder: Path,
    content: str | None = None,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Renditions:
    """Write both copies of a photo, from one decode.

    Parameters
    ----------
    data : bytes
        The photo's file.
    photo_id : str
    folder : Path
    content : str, optional
        As :func:`find` takes it.
    max_pixels : int
        A photo with more is refused.

    Raises
    ------
    DecodeError
        It cannot be decoded.
    SafelightError
        The copies cannot be written.
    """
    from PIL import Image

    header = read_header(data, max_pixels=max_pixels)
    wanted = fitted((header.width, header.height), RANKING_SIDE)
    frame = decode(data, min_side=int(_GAP * min(wanted)) + 1, max_pixels=max_pixels)
    size = (frame.width, frame.height)
    wanted = fitted(size, RANKING_SIDE)
    large = _resized(Image.fromarray(frame.pixels), wanted)
    small = _resized(large, fitted(size, STD_SIDE))
    ranking, std = paths_of(photo_id, folder)
    for path, image, jpeg in ((ranking, large, _RANKING_JPEG), (std, small, _STD_JPEG)):
        # The sum tells of what a power cut leaves, so there is no need to wait for the disk.
        write_whole(path, _marked(image, jpeg, content or photo_id, size), sync=False)
    return Renditions(ranking, std, size, wanted)


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    from PIL import Image

    if size == image.size:
        return image
    # Whole factors are averaged first, as far as what Lanczos then sees is still plenty.
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _marked(
    image: Image.Image, jpeg: tuple[int, str], photo_id: str, size: tuple[int, int]
) -> bytes:
    def mark(crc: int) -> bytes:
        width, height = size
        text = _MARK.format(
            version=_VERSION, photo_id=photo_id, width=width, height=height, crc=crc
        )
        return text.encode()

    file = io.BytesIO()
    quality, subsampling = jpeg
    image.save(file, "JPEG", quality=quality, subsampling=subsampling, comment=mark(0))
    head, blank, rest = file.getvalue().partition(mark(0))
    return head + mark(zlib.crc32(rest)) + rest if blank else file.getvalue()


def _original_size(path: Path, photo_id: str) -> tuple[int, int] | None:
    """Return the size of the photo that a whole copy was made of; None if it is none."""
    try:
        data = read_bytes(path, limit=PHOTO_FILE)
    except OSError:
        return None
    found = _READ.search(data, 0, _HEAD_BYTES)
    if found is None:
        return None
    version, of, width, height, crc = found.groups()
    if int(version) != _VERSION or of != photo_id.encode():
        return None
    if zlib.crc32(memoryview(data)[found.end() :]) != int(crc, 16):
        return None
    return int(width), int(height)
