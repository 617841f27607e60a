"""Sizes: the scale of a decode, and turning upright."""

from __future__ import annotations

from PIL import Image

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

#: What libjpeg can leave out while it decodes, at no cost.
_DCT_SCALES = (8, 4, 2)


def dct_scale(size: tuple[int, int], min_side: int | None) -> int:
    """Return the largest of 8, 4, 2, 1 that leaves the shorter side at least `min_side` long."""
    if min_side is None:
        return 1
    for scale in _DCT_SCALES:
        if -(-min(size) // scale) >= min_side:  # libjpeg rounds up
            return scale
    return 1


def box_scale(size: tuple[int, int], min_side: int | None) -> int:
    """Return the largest whole factor that leaves the shorter side at least `min_side` long."""
    return 1 if min_side is None else max(1, min(size) // max(min_side, 1))


def lies_like(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Tell whether two sizes are both landscape, or both not."""
    return (size[0] > size[1]) == (other[0] > other[1])


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return `image` upright, given its EXIF orientation, 1 to 8."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return width and height of the upright photo."""
    return (size[1], size[0]) if orientation >= 5 else size
