"""Pixels of TIFF pages of more than 8 bits a sample, as they are coded: any depth, any layout.

Pillow reads some of these as noise, negatives or black, and none of them deeper than 16 bits grey.
The packing without loss (LZW, Deflate, PackBits, Zstandard, LZMA) works on bytes, whatever these
mean: a page is given to libtiff as one of 8-bit grey, and what comes out is put together here.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.errors import DecodeError
from safelight.imaging.containers import tiff

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image

    from safelight.imaging.containers.tiff import Directory

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _INKS = 0, 1, 2, 5
_COLOURS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _INKS: 4}
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}

_UNPACKED = 1
_PACKED = frozenset((5, 8, 32773, 32946, 34925, 50000))  # LZW, Deflate, PackBits, ..., LZMA, Zstd

_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_DIFFERENCES, _FLOAT_DIFFERENCES = 2, 3

#: Rows whose bits are taken apart at once.
_ROWS = 256

#: A picture whose brightest value is below this share of what its depth allows was meant to be
#: scaled to it: shown as it is, it would be black.
_BLACK = 1 / 256


def is_for_us(page: Directory) -> bool:
    """Tell whether a page is not for Pillow: deeper than 8 bits, or with further channels."""
    colours = _COLOURS.get(page.value(tiff.PHOTOMETRIC, _BLACK_IS_ZERO), 99)
    extra = page.value(tiff.SAMPLES, 1) - colours
    packing = page.value(tiff.COMPRESSION, _UNPACKED)
    is_plain = packing == _UNPACKED or packing in _PACKED
    return max(page.depths) > 8 or (min(page.depths) == 8 and extra > 1 and is_plain)


def read_samples(page: Directory) -> npt.NDArray[Any]:
    """Return the samples of a page, (h, w, samples), in their own type and byte order.

    Raises
    ------
    DecodeError
        ``unsupported`` for a kind that is not known, ``truncated`` for data that end too early.
    """
    depths, count = page.depths, page.value(tiff.SAMPLES, 1)
    bits = depths[0]
    kind = page.value(tiff.SAMPLE_FORMAT, _UNSIGNED)
    packing, predictor = page.value(tiff.COMPRESSION, _UNPACKED), page.value(tiff.PREDICTOR, 1)
    kind = _UNSIGNED if kind == 4 else kind  # undefined
    if (
        len(set(depths)) > 1
        or not (bits in (8, 16, 24, 32, 64) or (bits in range(9, 16) and predictor == 1))
        or kind not in (_UNSIGNED, _SIGNED, _FLOAT)
        or (kind == _FLOAT and bits in (8, 24))
        or (packing != _UNPACKED and packing not in _PACKED)
        or predictor not in ((1, 2) if kind != _FLOAT else (1, 3))
        or (predictor == _DIFFERENCES and bits == 24)
    ):
        raise _unknown(f"{bits} bits, packing {packing}, predictor {predictor}")
    planes = count if page.value(tiff.PLANAR, 1) == 2 else 1
    each = count // planes
    parts = [_plane(page, plane, each, bits, kind) for plane in range(planes)]
    return parts[0] if planes == 1 else np.concatenate(parts, axis=2)


def _plane(page: Directory, plane: int, count: int, bits: int, kind: int) -> npt.NDArray[Any]:
    """Return one plane, (h, w, count)."""
    width, height = page.size
    tiled = tiff.TILE_OFFSETS in page.tags
    if tiled:
        across, down = page.value(tiff.TILE_WIDTH), page.value(tiff.TILE_HEIGHT)
    else:
        across, down = width, min(height, page.value(tiff.ROWS_PER_STRIP, height) or height)
    if not across or not down:
        raise _unknown("no tiles")
    row = (across * count * bits + 7) // 8
    columns, rows = -(-width // across), -(-height // down)
    coded = page.coded
    number = columns * rows
    coded = coded[plane * number : (plane + 1) * number]
    if len(coded) < number:
        raise DecodeError("is truncated: its TIFF data end too early", code="truncated")
    heights = [down] * rows if tiled else [min(down, height - at * down) for at in range(rows)]
    if page.value(tiff.COMPRESSION, _UNPACKED) == _UNPACKED:
        bands = []
        for at, tall in enumerate(heights):
            pieces = [
                _exactly(coded[at * columns + column], tall * row) for column in range(columns)
            ]
            bands.append(np.stack(pieces).reshape(columns, tall, row).swapaxes(0, 1))
        octets = np.concatenate(bands)
    else:
        octets = _unpacked(page, coded, columns * row, sum(heights), (row, down) if tiled else None)
        octets = octets.reshape(-1, columns, row)
    samples = _samples(page, octets, across, count, bits, kind)  # (rows, columns, across, count)
    return np.ascontiguousarray(samples.reshape(samples.shape[0], -1, count)[:height, :width])


def _exactly(piece: memoryview, size: int) -> npt.NDArray[np.uint8]:
    if len(piece) < size:
        raise DecodeError("is truncated: its TIFF data end too early", code="truncated")
    return np.frombuffer(piece[:size], np.uint8)


def _unpacked(
    page: Directory,
    coded: list[memoryview],
    width: int,
    height: int,
    tile: tuple[int, int] | None,
) -> npt.NDArray[np.uint8]:
    """Return packed strips or tiles as (height, width) bytes."""
    from PIL import TiffImagePlugin

    body = b"".join(coded)
    offsets = np.cumsum([0, *(len(each) for each in coded)])[:-1]
    tags: dict[int, tuple[int, ...]] = {
        tiff.WIDTH: (width,),
        tiff.HEIGHT: (height,),
        tiff.BITS: (8,),
        tiff.COMPRESSION: (page.value(tiff.COMPRESSION),),
        tiff.PHOTOMETRIC: (_BLACK_IS_ZERO,),
        tiff.FILL_ORDER: (page.value(tiff.FILL_ORDER, 1),),
        tiff.SAMPLES: (1,),
        tiff.ORIENTATION: (1,),
    }
    sizes = tuple(len(each) for each in coded)
    entries = 8 + 12 * (len(tags) + 4) + 6
    places = tuple(int(each) + entries + 8 * len(coded) for each in offsets)
    if tile is None:
        tags |= {
            tiff.STRIP_OFFSETS: places,
            tiff.STRIP_SIZES: sizes,
            tiff.ROWS_PER_STRIP: (page.value(tiff.ROWS_PER_STRIP, height) or height,),
        }
    else:
        tags |= {
            tiff.TILE_WIDTH: (tile[0],),
            tiff.TILE_HEIGHT: (tile[1],),
            tiff.TILE_OFFSETS: places,
            tiff.TILE_SIZES: sizes,
        }
    if tile is not None and tile[0] % 16:
        # Tiles have sides of multiples of 16: of bytes as well as of pixels, for all but 9 to 15
        # bits, and there also if the tile has 16 pixels.
        raise _unknown("tiles")
    directory, lists = b"", b""
    for tag, values in sorted(tags.items()):
        if len(values) > 1:
            at = entries + len(lists)
            lists += struct.pack(f"<{len(values)}I", *values)
            values_field = struct.pack("<I", at)
        else:
            values_field = struct.pack("<I", values[0])
        directory += struct.pack("<HHI", tag, 4, len(values)) + values_field
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + directory + bytes(4)
    head = head.ljust(entries, b"\0") + lists.ljust(8 * len(coded), b"\0")
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(head + body))
    return np.asarray(image)


def _samples(
    page: Directory, octets: npt.NDArray[np.uint8], across: int, count: int, bits: int, kind: int
) -> npt.NDArray[Any]:
    """Return bytes, (rows, columns, bytes of a row), as samples, (rows, columns, across, count)."""
    shape = (*octets.shape[:2], across, count)
    predictor = page.value(tiff.PREDICTOR, 1)
    if bits % 8:
        return _from_bits(octets, across * count, bits).reshape(shape)
    if bits == 24:
        parts = octets.reshape(*shape, 3).astype(np.uint32)
        parts = parts if page.order == "<" else parts[..., ::-1]
        return parts[..., 0] | parts[..., 1] << 8 | parts[..., 2] << 16
    size = bits // 8
    letter = {_UNSIGNED: "u", _SIGNED: "i", _FLOAT: "f"}[kind]
    if predictor == _FLOAT_DIFFERENCES:
        steps = octets.reshape(*octets.shape[:2], -1, count)
        whole = np.cumsum(steps, axis=2, dtype=np.uint8).reshape(*octets.shape[:2], size, -1)
        swapped = np.ascontiguousarray(whole.swapaxes(-1, -2))
        return swapped.view(f">f{size}")[..., 0].reshape(shape).astype(f"f{size}")
    values = np.ascontiguousarray(octets).view(f"{page.order}{letter}{size}").reshape(shape)
    native = values.astype(f"{letter}{size}", copy=False)
    if predictor == _DIFFERENCES:
        return np.cumsum(native, axis=2, dtype=native.dtype)
    return native


def _from_bits(octets: npt.NDArray[np.uint8], count: int, bits: int) -> npt.NDArray[np.uint16]:
    """Return samples of 9 to 15 bits, the highest bit first, a row's padded to whole bytes."""
    found = np.empty((*octets.shape[:2], count), np.uint16)
    for at in range(0, len(octets), _ROWS):
        some = np.unpackbits(octets[at : at + _ROWS], axis=-1)[..., : count * bits]
        some = some.reshape(*some.shape[:2], count, bits)
        value: npt.NDArray[np.uint16] = np.zeros(some.shape[:3], np.uint16)
        for bit in range(bits):
            value = (value << 1 | some[..., bit]).astype(np.uint16)
        found[at : at + _ROWS] = value
    return found


def as_image(page: Directory, samples: npt.NDArray[Any]) -> Image.Image:
    """Return samples as an 8-bit image in the colours of the file.

    Raises
    ------
    DecodeError
        Of a kind of colours that is not known.
    """
    from PIL import Image

    photometric = page.value(tiff.PHOTOMETRIC, _BLACK_IS_ZERO)
    colours = _COLOURS.get(photometric)
    if colours is None or samples.shape[2] < colours:
        raise _unknown(f"colours of kind {photometric}")
    extra = page.values(tiff.EXTRA_SAMPLES)
    has_alpha = bool(extra) and extra[0] in (1, 2) and samples.shape[2] > colours < 4
    tones = to_8_bit(page, samples[..., :colours])
    if photometric == _WHITE_IS_ZERO:
        tones = 255 - tones
    if photometric == _INKS:
        return Image.fromarray(np.ascontiguousarray(tones), "CMYK")
    if has_alpha:
        tones = np.concatenate([tones, to_8_bit(page, samples[..., colours : colours + 1])], axis=2)
    mode = _MODES[tones.shape[2]]
    image = Image.fromarray(np.ascontiguousarray(tones[..., 0] if mode == "L" else tones))
    if has_alpha and extra[0] == 1:  # multiplied by its opacity
        image = _divided(image)
    return image


def _divided(image: Image.Image) -> Image.Image:
    from PIL import Image

    multiplied = image.convert("RGBA")
    return Image.frombytes("RGBa", image.size, multiplied.tobytes()).convert("RGBA")


def to_8_bit(page: Directory, samples: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return samples as the nearest tones of 8 bits."""
    bits = page.depths[0]
    if samples.dtype.kind == "f":
        from safelight.imaging.colour import float_to_8_bit

        return np.asarray(float_to_8_bit(samples), np.uint8)
    low, top = 0.0, float(2**bits - 1)
    if samples.dtype.kind == "i":
        low = float(-(2 ** (bits - 1))) if samples.min() < 0 else 0.0
        top = float(2 ** (bits - 1) - 1)
    most = float(page.value(tiff.MAXIMUM, 0)) if bits > 16 else 0.0
    if bits > 16 and 0 < most < top:
        top = most
    elif bits > 16 and 0 < (brightest := float(samples.max())) < low + _BLACK * (top - low):
        top = max(brightest, 65535.0) if brightest > 255 else 255.0
    out = np.empty(samples.shape, np.uint8)
    for at in range(0, len(samples), _ROWS):
        part = (samples[at : at + _ROWS].astype(np.float64) - low) * (255 / (top - low))
        out[at : at + _ROWS] = np.clip(np.rint(part), 0, 255)
    return out


def _unknown(what: str) -> DecodeError:
    return DecodeError(
        f"is a TIFF file of a kind that safelight does not read ({what}); save it as JPEG or PNG",
        code="unsupported",
    )
