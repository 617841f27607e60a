"""Test recompression: save one JPEG as the other was, and compare block by block.

To save a picture is a function of its pixels: what was made from a JPEG comes out of it again, bit
for bit. The reverse does not hold: rounding to other steps loses what the first had. So it shows
which of two JPEGs was made from the other, also where the later one has the finer steps and the
more bytes; and also turned, as long as it was turned whole.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from safelight.types import DEFAULT_MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from PIL.JpegImagePlugin import JpegImageFile

# Pixels: the side of the part in the middle that is saved again; and of the smaller one with which
# many steps between are tried. Both are multiples of what a JPEG codes together.
_SIDE, _SMALL_SIDE = 512, 192
_UNIT = 16

#: The same for pictures without loss: a drawing may have nothing in its middle.
WIDE_SIDE = 2048

# Blocks with less contrast than this (levels, standard deviation) are equal either way.
_FLAT = 1.0

# Fewer blocks than this say nothing.
_LEAST_BLOCKS = 24

# A step between is tried on a smaller part first; if fewer blocks than this come out equal there,
# it is not tried on more. 248 pairs of edits took 16.3 s of processor time and take 8.7, with the
# same answers (files of bench/copies.py, 2026-11-27).
_PROBE_SIDE, _HOPELESS = 96, 0.5

# Share of the blocks that come out equal: of the true direction, all; with another decoder or
# encoder than this one, most. bench/duplicate_origins.py has what the reverse reaches.
_CERTAIN, _LIKELY, _AHEAD = 0.995, 0.9, 0.1

# Levels by which decoders of one JPEG differ; and the share of pixels that compression changed by
# more, where a picture is not merely that JPEG decoded.
_ROUNDED, _LEAST_CHANGED = 2.5, 0.005

# Three quarters of a drawing have at most so many colours: of 78 photos at least 366, of drawings
# at most 42.
_MOST, _DRAWN_COLOURS = 0.75, 64

# Quality factors of libjpeg's tables, of a step between that is not there any more.
_BETWEEN = tuple(range(98, 69, -1))

# As Pillow numbers 4:4:4, 4:2:2 and 4:2:0.
_SAMPLINGS = (0, 1, 2)

# So many of the most likely qualities are tried with other samplings of the colours.
_NEXT_BEST = 3


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """The middle of a JPEG, as its file stores it.

    Attributes
    ----------
    width, height : int
        Of the whole picture, as stored.
    left, top : int
        Where the part begins.
    pixels : (h, w, 3) uint8
    luma : (h, w) uint8
        As decoded, before any conversion of colours.
    tables : list of list of int
    sampling : int
        As Pillow numbers it: 0, 1, 2.
    """

    width: int
    height: int
    left: int
    top: int
    pixels: npt.NDArray[np.uint8]
    luma: npt.NDArray[np.uint8]
    tables: list[list[int]]
    sampling: int


def saved(data: bytes, max_pixels: int = DEFAULT_MAX_PIXELS, *, side: int = _SIDE) -> Saved | None:
    """Return the middle of a JPEG; None if it is none, or of a kind that is not compared."""
    from PIL import JpegImagePlugin

    if not data.startswith(b"\xff\xd8\xff"):
        return None
    try:
        with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
            if image.mode not in ("RGB", "L") or image.width * image.height > max_pixels:
                return None
            sampling = JpegImagePlugin.get_sampling(image) if image.mode == "RGB" else 0
            tables = [list(table) for _, table in sorted(image.quantization.items())]
            width, height = image.size
            box = _middle(width, height, side)
            pixels = np.asarray(image.crop(box).convert("RGB"))
        luma = _luma(data, box)
    except (OSError, SyntaxError, ValueError):
        return None
    if sampling not in (0, 1, 2) or not tables or min(pixels.shape[:2]) < 4 * _UNIT:
        return None
    return Saved(width, height, box[0], box[1], pixels, luma, tables, sampling)


def lossless_middle(pixels: npt.NDArray[np.uint8]) -> Saved | None:
    """Return the middle of a picture that no JPEG coded; None if it is too small."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = _middle(width, height, WIDE_SIDE)
    part = np.ascontiguousarray(pixels[top:bottom, left:right])
    if min(part.shape[:2]) < 4 * _UNIT:
        return None
    return Saved(width, height, left, top, part, part[..., 1], [], 0)


def saved_from(jpeg: Saved, lossless: Saved) -> float | None:
    """Return the share of a JPEG's blocks that come out if `lossless` is saved as it was.

    None if that does not prove which came first: it is not a drawing, few blocks come out equal, or
    the pixels are those that the JPEG decodes to, and saving them again gives the same JPEG.
    """
    way = _way(lossless, jpeg, WIDE_SIDE)
    if way is None or not _is_drawn(lossless.pixels):
        return None
    told = _equal(lossless, jpeg, way, WIDE_SIDE)
    part = _common(lossless, replace(jpeg, luma=jpeg.pixels), way, WIDE_SIDE)
    if part is None or told is None or told[0] < _LIKELY:
        return None
    pixels, shown = part
    again = _pixels(_jpeg(pixels, qtables=jpeg.tables, subsampling=jpeg.sampling))
    # Luma alone would make a picture without colour the source of one with.
    if np.abs(again.astype(np.int16) - shown).mean() > 1:
        return None
    # Other decoders round otherwise, by a level or two.
    far = np.abs(pixels.astype(np.int16) - shown).max(axis=2)
    if np.count_nonzero(far > _ROUNDED) < _LEAST_CHANGED * far.size:
        return None
    return round(told[0], 4)


def _is_drawn(pixels: npt.NDArray[np.uint8]) -> bool:
    """Tell whether a picture is drawn: few colours make up most of it.

    A photo decoded by others than us comes out nearly equal as well, whichever was first.
    """
    packed = pixels.reshape(-1, 3).astype(np.uint32)
    _, counts = np.unique(packed[:, 0] << 16 | packed[:, 1] << 8 | packed[:, 2], return_counts=True)
    covered = np.cumsum(np.sort(counts)[::-1])
    return int(np.searchsorted(covered, _MOST * len(packed))) < _DRAWN_COLOURS


def made_from(a: Saved, b: Saved, *, between: bool = False) -> tuple[str, float] | None:
    """Return which of two JPEGs of one picture was made from the other, and how sure that is.

    Parameters
    ----------
    a, b : Saved
    between : bool
        Also look for a picture between them that is not there any more; that takes longer.

    Returns
    -------
    (str, float) or None
        ``"a"`` if `a` was made from `b`, ``"b"`` for the reverse; and the share of blocks that come
        out equal. None if their pixels do not tell.
    """
    way = _way(a, b)
    if way is None:
        return None
    back = _INVERSE[way]
    forth, again = _equal(a, b, way), _equal(b, a, back)
    told = _decide(forth, again)
    if told is None and between and forth is not None and again is not None:
        forth = _best(a, b, way)
        told = _decide(forth, _best(b, a, back))
    return told


def _decide(
    b_from_a: tuple[float, int] | None, a_from_b: tuple[float, int] | None
) -> tuple[str, float] | None:
    if b_from_a is None or a_from_b is None:
        return None
    (first, count), (second, _) = b_from_a, a_from_b
    child, most, least = ("b", first, second) if first >= second else ("a", second, first)
    clear = max(0.005, 4 / count)
    if (most >= _CERTAIN and most - least >= clear) or (most >= _LIKELY and most - least >= _AHEAD):
        return child, round(most, 4)
    return None


def _best(parent: Saved, child: Saved, way: int) -> tuple[float, int] | None:
    """Return the largest share of equal blocks over all pictures that may have been between."""
    own, *others = sorted(_SAMPLINGS, key=lambda sampling: sampling != child.sampling)

    def tried(
        between: Sequence[tuple[int, int]], side: int = _SMALL_SIDE
    ) -> list[tuple[float, int] | None]:
        shown = [
            _equal_by_way_of(parent, child, way, between, turned_first, side)
            for turned_first in ((True, False) if way else (True,))
        ]
        return [
            max((each for each in both if each is not None), default=None)
            for both in zip(*shown, strict=True)
        ]

    def looked_at(between: list[tuple[int, int]]) -> bool:
        for step, probe in zip(between, tried(between, _PROBE_SIDE), strict=True):
            if probe is not None and probe[0] < _HOPELESS:
                hopeless.append((probe[0], step))
                continue
            (shown,) = tried([step])
            if shown is not None:
                shares.append((*shown, step[0]))
                if shown[0] >= _CERTAIN:
                    return True
        return False

    shares: list[tuple[float, int, int]] = []
    hopeless: list[tuple[float, tuple[int, int]]] = []
    if not looked_at([(quality, own) for quality in _BETWEEN]):
        likely = [quality for _, _, quality in sorted(shares, reverse=True)]
        likely += [quality for _, (quality, _) in sorted(hopeless, reverse=True)]
        # Colours that were saved more coarsely change the luma of few blocks.
        looked_at([(quality, other) for quality in likely[:_NEXT_BEST] for other in others])
    if shares:
        return max(shares)[:2]
    return tried([max(hopeless)[1]])[0] if hopeless else None


def _equal(parent: Saved, child: Saved, way: int, side: int = _SIDE) -> tuple[float, int] | None:
    """Return the share of the child's blocks that come out of the parent, and of how many."""
    part = _common(parent, child, way, side)
    if part is None:
        return None
    pixels, luma = part
    return _share(_luma(_jpeg(pixels, qtables=child.tables, subsampling=child.sampling)), luma)


def _equal_by_way_of(
    parent: Saved,
    child: Saved,
    way: int,
    between: Sequence[tuple[int, int]],
    turned_first: bool,
    side: int,
) -> list[tuple[float, int] | None]:
    """Return the same for each quality and sampling in which the parent was saved in between.

    Blocks of the luma do not depend on each other, so all are saved as the child was at once.
    """
    found = [_saved_between(parent, child, way, *step, turned_first, side) for step in between]
    parts = [part for part in found if part is not None]
    if not parts or len(parts) < len(found):  # the same of all: it depends on sizes alone
        return [None] * len(found)
    stack = np.concatenate([pixels for pixels, _ in parts])
    again = _luma(_jpeg(stack, qtables=child.tables, subsampling=child.sampling))
    edge = slice(_UNIT, -_UNIT) if turned_first else slice(None)
    return [
        _share(own[edge, edge], luma[edge, edge])
        for own, (_, luma) in zip(np.split(again, len(parts)), parts, strict=True)
    ]


def _saved_between(
    parent: Saved,
    child: Saved,
    way: int,
    quality: int,
    sampling: int,
    turned_first: bool,
    side: int,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]] | None:
    """Return the parent's pixels, saved once and turned before or after, and the child's luma."""
    options = {"quality": quality, "subsampling": sampling}
    if not turned_first:
        high, wide = (min(length, side + 4 * _UNIT) for length in parent.pixels.shape[:2])
        top, left = (
            (length - part) // 2 // _UNIT * _UNIT
            for length, part in zip(parent.pixels.shape[:2], (high, wide), strict=True)
        )
        pixels = parent.pixels[top : top + high, left : left + wide]
        pixels = _pixels(_jpeg(np.ascontiguousarray(pixels), **options))
        # Colours at the edge depend on what lies beyond it.
        edge = slice(_UNIT, -_UNIT)
        parent = replace(
            parent,
            pixels=pixels[edge, edge],
            left=parent.left + left + _UNIT,
            top=parent.top + top + _UNIT,
        )
    part = _common(parent, child, way, side)
    if part is None or not turned_first:
        return part
    return _pixels(_jpeg(part[0], **options)), part[1]


def _share(again: npt.NDArray[np.uint8], luma: npt.NDArray[np.uint8]) -> tuple[float, int] | None:
    one, other = _blocks(again), _blocks(luma)
    told = other.std(axis=2) >= _FLAT
    count = int(told.sum())
    if count < _LEAST_BLOCKS:
        return None
    return float((one == other).all(axis=2)[told].mean()), count


def _common(
    parent: Saved, child: Saved, way: int, side: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]] | None:
    """Return the parent's pixels as they lie in the child, and the child's luma there."""
    turned = _turn(parent.pixels, way)
    high, wide = turned.shape[:2]
    left, top = _corner(parent, way)
    # Both parts lie in the middle; where they overlap, from a corner of the child's own units on.
    x0, x1 = max(left, child.left), min(left + wide, child.left + child.pixels.shape[1])
    y0, y1 = max(top, child.top), min(top + high, child.top + child.pixels.shape[0])
    x0, y0 = -(-x0 // _UNIT) * _UNIT, -(-y0 // _UNIT) * _UNIT
    wide, high = ((min(end - start, side) // _UNIT) * _UNIT for start, end in ((x0, x1), (y0, y1)))
    if min(wide, high) < 3 * _UNIT:
        return None
    pixels = turned[y0 - top : y0 - top + high, x0 - left : x0 - left + wide]
    luma = child.luma[
        y0 - child.top : y0 - child.top + high, x0 - child.left : x0 - child.left + wide
    ]
    return np.ascontiguousarray(pixels), luma


def _corner(picture: Saved, way: int) -> tuple[int, int]:
    """Return where a picture's part begins once the whole was turned."""
    high, wide = picture.pixels.shape[:2]
    left, top = picture.left, picture.top
    right, below = picture.width - left - wide, picture.height - top - high
    if way & 4:  # transposed first
        left, top, right, below = top, left, below, right
    if way & 1:
        left = right
    if way & 2:
        top = below
    return left, top


def _turn(pixels: npt.NDArray[np.uint8], way: int) -> npt.NDArray[np.uint8]:
    """Return a picture transposed (4), then mirrored left to right (1) and top to bottom (2)."""
    if way & 4:
        pixels = pixels.swapaxes(0, 1)
    if way & 1:
        pixels = pixels[:, ::-1]
    return pixels[::-1] if way & 2 else pixels


# ITU-R BT.601, as JFIF has it.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

# Transposing swaps what is left to right and what is top to bottom.
_INVERSE = (0, 1, 2, 3, 4, 6, 5, 7)


def _way(a: Saved, b: Saved, side: int = _SIDE) -> int | None:
    """Return the turn of `a` that lies on `b`; None if none does."""
    far: dict[int, float] = {}
    for way in range(8):
        if (b.width, b.height) != ((a.height, a.width) if way & 4 else (a.width, a.height)):
            continue
        part = _common(a, b, way, side)
        if part is not None:
            pixels, luma = (each[::3, ::3].astype(np.float32) for each in part)
            far[way] = float(np.abs(pixels @ _LUMA - luma).mean())
    return min(far, key=far.__getitem__, default=None)


def _middle(width: int, height: int, side: int) -> tuple[int, int, int, int]:
    sides = [min(length // _UNIT * _UNIT, side + 2 * _UNIT) for length in (width, height)]
    left, top = (
        (length - side) // 2 // _UNIT * _UNIT
        for length, side in zip((width, height), sides, strict=True)
    )
    return left, top, left + sides[0], top + sides[1]


def _blocks(luma: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    high, wide = (length // 8 for length in luma.shape)
    blocks = luma[: high * 8, : wide * 8].reshape(high, 8, wide, 8).swapaxes(1, 2)
    return blocks.reshape(high, wide, 64)


def _jpeg(pixels: npt.NDArray[np.uint8], **options: object) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", **options)
    return out.getvalue()


def _pixels(data: bytes) -> npt.NDArray[np.uint8]:
    from PIL import JpegImagePlugin

    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def _luma(data: bytes, box: tuple[int, int, int, int] | None = None) -> npt.NDArray[np.uint8]:
    """Return the luma of a JPEG, or of a part of it, as the file stores it.

    Where a file surely has a luma, its colours are not decoded at all.
    """
    from PIL import JpegImagePlugin

    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        if image.mode == "RGB":
            image.draft("L" if _stores_luma(image) else "YCbCr", image.size)
        luma = np.asarray(image if box is None else image.crop(box))
    return luma if luma.ndim == 2 else luma[:, :, 0]


def _stores_luma(image: JpegImageFile) -> bool:
    """Tell whether libjpeg takes a file's first component for luma, and not for red."""
    if "jfif" in image.info:
        return True
    if "adobe" in image.info:
        return bool(image.info.get("adobe_transform") == 1)
    return [component[0] for component in image.layer] == [1, 2, 3]
