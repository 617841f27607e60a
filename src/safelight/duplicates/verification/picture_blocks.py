"""Statistics of a picture's blocks of 8 x 8: means, squares, colours, finest detail, texture.

They are computed strip by strip, so that what is between stays in the processor's cache, and are
kept for the last pictures: of many copies, one is compared with all others.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.forks import renew_lock

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]
    Mask = npt.NDArray[np.bool_]
    Pixels = npt.NDArray[np.uint8]

#: Pixels across and down of a block; windows are two blocks wide and begin at every block.
BLOCK = 8
WINDOW = 2 * BLOCK

# Rows that are computed at a time, a multiple of a window's.
_STRIP = 128

# A block with natural texture has a range of levels, and few of its pixels near either end of it:
# ink has most of them there. Median over 435 photos: 0.73 of the blocks with any texture; 144
# drawings: 0.34 at most.
_RANGE, _NEAR_END, _AT_ENDS, _AT_ONE_END = 24, 0.2, 0.6, 0.45

# Pictures of so many bytes at most are remembered, and so many of them.
_KEPT_BYTES, _MOST_KEPT = 8 * 2**20, 8
_KEPT: OrderedDict[int, tuple[Pixels, PictureBlocks]] = OrderedDict()
_LOCK = threading.Lock()
renew_lock(_LOCK)


@dataclass(frozen=True, slots=True, eq=False)
class PictureBlocks:
    """A picture's blocks.

    Attributes
    ----------
    luma : (h, w) uint8
        All pixels.
    mean, square : (rows, columns) float32
        Means of the luma and of its square.
    chroma : (rows, columns, 2) float32
        Means of both colour differences.
    fine : (rows, columns) float32
        Mean square of the finest detail.
    textured, natural, plain : (rows / 2, columns / 2) bool
        Of blocks of 16 x 16: of a range of levels; of these, those that are not ink; of hardly any.
    """

    luma: Pixels
    mean: Array
    square: Array
    chroma: Array
    fine: Array
    textured: Mask
    natural: Mask
    plain: Mask

    @property
    def variance(self) -> Array:
        """Variance of the luma in windows, by the block where they begin."""
        level = window_means(self.mean)
        return np.asarray(np.maximum(window_means(self.square) - level * level, 0))


def picture_blocks(pixels: Pixels) -> PictureBlocks:
    """Return the blocks of a picture, (h, w, 3), which nobody may change."""
    key = id(pixels)  # nobody else has it while the picture is kept
    with _LOCK:
        if key in _KEPT:
            _KEPT.move_to_end(key)
            return _KEPT[key][1]
    blocks = _computed(pixels)
    if pixels.nbytes <= _KEPT_BYTES:
        with _LOCK:
            _KEPT[key] = pixels, blocks
            while len(_KEPT) > _MOST_KEPT:
                _KEPT.popitem(last=False)
    return blocks


def block_means(values: Any) -> Any:
    """Return the mean of every block."""
    import cv2

    rows, columns = values.shape[0] // BLOCK, values.shape[1] // BLOCK
    means = values[: rows * BLOCK, : columns * BLOCK]
    factor = BLOCK
    while factor > 1:  # OpenCV halves twice as fast as it divides by eight
        factor //= 2
        size = (columns * factor, rows * factor)
        means = cv2.resize(means, size, interpolation=cv2.INTER_AREA)
    return means


def window_means(means: Any) -> Any:
    """Return means of 2 x 2 blocks, that begin at each block."""
    import cv2

    return cv2.blur(means, (2, 2), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)


def _computed(pixels: Pixels) -> PictureBlocks:
    import cv2

    height, width = pixels.shape[:2]
    rows, columns = height // BLOCK, width // BLOCK
    luma = np.empty((height, width), np.uint8)
    mean, square, fine = (np.empty((rows, columns), np.float32) for _ in range(3))
    chroma = np.empty((rows, columns, 2), np.float32)
    textures = [np.empty((rows // 2, columns // 2), bool) for _ in range(3)]
    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        planes = cv2.split(cv2.cvtColor(pixels[top:bottom], cv2.COLOR_RGB2YCrCb))
        luma[top:bottom] = planes[0]
    for top in range(0, rows * BLOCK, _STRIP):
        bottom = min(top + _STRIP, rows * BLOCK)
        at = slice(top // BLOCK, bottom // BLOCK)
        part = luma[top:bottom].astype(np.float32)
        mean[at] = block_means(part)
        square[at] = block_means(part * part)
        planes = cv2.split(cv2.cvtColor(pixels[top:bottom], cv2.COLOR_RGB2YCrCb))
        for number, plane in enumerate(planes[1:]):
            chroma[at, :, number] = block_means(plane.astype(np.float32))
        above, below = max(top - 1, 0), min(bottom + 1, height)
        around = luma[above:below].astype(np.float32)
        detail = (around - cv2.GaussianBlur(around, (3, 3), 0))[top - above :][: bottom - top]
        fine[at] = block_means(detail * detail)
        at = slice(top // WINDOW, bottom // WINDOW)
        for whole, found in zip(textures, _textures(pixels[top:bottom]), strict=True):
            whole[at] = found
    return PictureBlocks(luma, mean, square, chroma, fine, *textures)


def _textures(pixels: Pixels) -> tuple[Mask, Mask, Mask]:
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    rows, columns = grey.shape[0] // WINDOW, grey.shape[1] // WINDOW
    part = grey[: rows * WINDOW, : columns * WINDOW].reshape(rows, WINDOW, columns, WINDOW)
    blocks = np.ascontiguousarray(part.swapaxes(1, 2)).reshape(rows, columns, WINDOW * WINDOW)
    high, low = blocks.max(-1, initial=0), blocks.min(-1, initial=255)
    span = high.astype(np.int16) - low
    near = np.maximum(_NEAR_END * span, 8).astype(np.int16)
    at_high = _share(blocks >= np.clip(high - near, 0, 255).astype(np.uint8)[..., None])
    at_low = _share(blocks <= np.clip(low + near, 0, 255).astype(np.uint8)[..., None])
    textured = span >= _RANGE
    natural = (at_high + at_low <= _AT_ENDS) & (np.maximum(at_high, at_low) <= _AT_ONE_END)
    return textured, textured & natural, span < _RANGE / 2


def _share(told: Mask) -> Any:
    """Return the share that is true of the last axis, which has a multiple of 64."""
    words = np.packbits(told, axis=-1).view(np.uint64)
    return np.bitwise_count(words).sum(-1) / told.shape[-1]
