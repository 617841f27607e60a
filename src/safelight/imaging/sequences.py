"""Further pictures and full depth of photos, to prove that two files show the same.

Both are read only where two photos agree in all else: of most photos, never.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.imaging import memory
from safelight.imaging.containers import tiff, tiff_pixels
from safelight.imaging.containers.heif import primary_pieces
from safelight.imaging.containers.png import decodable
from safelight.imaging.formats import available_extras, sniff
from safelight.imaging.header import read_header
from safelight.imaging.open import opener

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

#: Pixels of all frames together that are decoded to compare two animations.
_MOST_PIXELS = 400_000_000

#: Of the deepest samples that are common.
_SAMPLE_BYTES = 4


def sequence_digest(data: bytes) -> str | None:
    """Return a digest of all pictures of an animation or multi-page file, and their times.

    Equal for any packing without loss, in any format. None if they cannot be decoded, or are more
    than would be worth it.
    """
    form = sniff(data)
    if form not in ("GIF", "PNG", "WEBP", "AVIF", "TIFF"):
        return None
    digest = hashlib.sha256()
    try:
        for picture in _pictures(data, form):
            digest.update(picture)
    except Exception:  # noqa: BLE001 - damaged in any of many ways: nothing is proven
        return None
    return digest.hexdigest()


def _pictures(data: bytes, form: str) -> Iterator[bytes]:
    if form == "TIFF":
        for page in tiff.directories(data):
            if page.is_page:
                one = opener(form)(io.BytesIO(tiff.beginning_with(data, page)))
                _check(one.width * one.height)
                yield repr((one.size, one.mode)).encode() + one.tobytes()
        return
    image = opener(form)(io.BytesIO(data))
    count = getattr(image, "n_frames", 1)
    _check(count * image.width * image.height)
    for number in range(count):
        image.seek(number)
        image.load()
        yield repr((image.size, round(image.info.get("duration", 0)))).encode()
        yield image.convert("RGBA").tobytes()


def _check(pixels: int) -> None:
    if pixels > _MOST_PIXELS:
        raise ValueError("too many pixels")


def same_at_depth(one: bytes, other: bytes, *, turned: bool = False) -> bool:
    """Tell whether two files of more than 8 bits a channel have the same pixels, all bits of them.

    False if that cannot be told.

    Parameters
    ----------
    one, other : bytes
    turned : bool
        The second may be turned by a multiple of 90 degrees, or mirrored.
    """
    try:
        head = read_header(one)
        needed = memory.decoded_bytes((head.width, head.height), sample_bytes=_SAMPLE_BYTES)
        with memory.hold(2 * needed):
            first, second = _deep(one), _deep(other)
            ways = _turned(second) if turned and isinstance(second, np.ndarray) else [second]
            return any(_equal(first, each) for each in ways)
    except Exception:  # noqa: BLE001 - damaged in any of many ways: nothing is proven
        return False


def _turned(pixels: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Yield a picture in all eight ways."""
    for quarter in range(4):
        way = np.rot90(pixels, quarter)
        yield way
        yield way[:, ::-1]


def _equal(first: npt.NDArray[Any] | bytes | None, second: npt.NDArray[Any] | bytes | None) -> bool:
    if isinstance(first, bytes) or isinstance(second, bytes):
        return first == second
    return (
        first is not None
        and second is not None
        and first.dtype == second.dtype
        and np.array_equal(first, second)
    )


def _deep(data: bytes) -> npt.NDArray[Any] | bytes | None:
    """Return the pixels of a file in its own depth; or what codes them, if they stay coded."""
    form = sniff(data)
    if form == "TIFF":
        page = tiff.main_page(tiff.directories(data))
        return None if page is None else tiff_pixels.read_samples(page)
    if form == "PNG":
        import cv2

        plain = np.frombuffer(decodable(data), np.uint8)
        decoded = cv2.imdecode(plain, cv2.IMREAD_UNCHANGED)
        if decoded is None:
            return None
        pixels = np.atleast_3d(decoded)
        # OpenCV has blue first, and no grey with transparency.
        order = [2, 1, 0, 3][: pixels.shape[2]] if pixels.shape[2] > 2 else [0]
        return np.asarray(pixels[..., order])
    if form == "HEIF" and "heif" in available_extras():
        import pi_heif

        return np.asarray(pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False))
    if form in ("AVIF", "HEIF"):
        return b"".join(primary_pieces(data))
    return None
