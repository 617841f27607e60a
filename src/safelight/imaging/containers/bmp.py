"""BMP files of the kinds that Pillow does not read: any bit masks, and runs that skip pixels.

Forms: Windows GDI, "Bitmap Storage" and "Bitmap Compression". Pixels that runs skip are
black, as in Chromium.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image

_RUNS_8, _RUNS_4, _MASKS, _MASKS_AND_ALPHA = 1, 2, 3, 6


@dataclass(frozen=True, slots=True)
class _Header:
    size: int  # of the header itself
    width: int
    height: int
    is_upright: bool
    bits: int
    packing: int
    colours: int
    start: int


def read_bmp(data: bytes) -> Image.Image | None:
    """Return the picture of a BMP with bit masks or in runs; None of others, or if it is cut.

    Its pixels are as many as its header says: to be checked before, for runs.
    """
    header = _header(data)
    if header is None:
        return None
    if header.packing in (_RUNS_8, _RUNS_4):
        pixels = _from_runs(data, header)
    elif header.packing in (_MASKS, _MASKS_AND_ALPHA) and header.bits in (16, 32):
        pixels = _from_masks(data, header)
    else:
        return None
    if pixels is None:
        return None
    from PIL import Image

    pixels = pixels if header.is_upright else pixels[::-1]
    return Image.fromarray(np.ascontiguousarray(pixels))


def _header(data: bytes) -> _Header | None:
    if len(data) < 54:
        return None
    (start,) = struct.unpack_from("<I", data, 10)
    size, width, height, _, bits, packing, _, _, _, colours = struct.unpack_from(
        "<IiiHHIIiiI", data, 14
    )
    if size < 40 or width < 1 or height == 0:
        return None
    return _Header(size, width, abs(height), height < 0, bits, packing, colours, start)


def _from_masks(data: bytes, header: _Header) -> npt.NDArray[np.uint8] | None:
    # Behind a short header, or the same place within a long one.
    count = 4 if header.size >= 56 or header.packing == _MASKS_AND_ALPHA else 3
    masks = struct.unpack_from(f"<{count}I", data, 54)
    stride = (header.width * header.bits + 31) // 32 * 4
    if header.start + stride * header.height > len(data) or not all(masks[:3]):
        return None
    rows = np.frombuffer(data, np.uint8, stride * header.height, header.start)
    words = rows.reshape(header.height, stride)[:, : header.width * header.bits // 8]
    values = np.ascontiguousarray(words).view(f"<u{header.bits // 8}")
    used = masks if count == 4 and masks[3] else masks[:3]
    return np.stack([_channel(values, mask) for mask in used], axis=-1)


def _channel(values: npt.NDArray[np.unsignedinteger], mask: int) -> npt.NDArray[np.uint8]:
    """Return the channel that a mask selects from pixels, as 8 bits."""
    low = (mask & -mask).bit_length() - 1
    most = mask >> low
    taken = (values & values.dtype.type(mask & (2 ** (8 * values.itemsize) - 1))) >> low
    table = most <= 0xFFFF
    if table:
        scaled = np.rint(np.arange(most + 1) * (255 / most)).astype(np.uint8)
        return np.asarray(scaled[taken])
    return np.asarray(np.rint(taken * (255 / most)), np.uint8)


def _from_runs(data: bytes, header: _Header) -> npt.NDArray[np.uint8] | None:
    width, height = header.width, header.height
    indexes = np.zeros((height, width), np.uint8)
    is_set = np.zeros((height, width), bool)
    half = header.packing == _RUNS_4
    at, x, y = header.start, 0, 0
    while at + 2 <= len(data) and y < height:
        count, value = data[at], data[at + 1]
        at += 2
        if count:
            run = [value >> 4, value & 15] if half else [value]
            taken = max(0, min(count, width - x))
            indexes[y, x : x + taken] = (run * count)[:taken]
            is_set[y, x : x + taken] = True
            x += count
        elif value == 0:
            x, y = 0, y + 1
        elif value == 1:
            return _coloured(data, header, indexes, is_set)
        elif value == 2:
            if at + 2 > len(data):
                return None
            x, y = x + data[at], y + data[at + 1]
            at += 2
        else:
            size = (value + 1) // 2 if half else value
            octets = data[at : at + size]
            run = [part for each in octets for part in (each >> 4, each & 15)]
            run = run if half else list(octets)
            taken = max(0, min(value, width - x, len(run)))
            indexes[y, x : x + taken] = run[:taken]
            is_set[y, x : x + taken] = True
            x += value
            at += size + size % 2
    return _coloured(data, header, indexes, is_set) if y >= height else None


def _coloured(
    data: bytes, header: _Header, indexes: npt.NDArray[np.uint8], is_set: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint8]:
    count = min(header.colours or 256, 256)
    octets = data[14 + header.size : min(14 + header.size + 4 * count, header.start)]
    palette = np.zeros((256, 4), np.uint8)
    known = np.frombuffer(octets, np.uint8, len(octets) // 4 * 4).reshape(-1, 4)
    palette[: len(known)] = known
    colours = palette[indexes][..., 2::-1]
    return np.where(is_set[..., None], colours, 0).astype(np.uint8)
