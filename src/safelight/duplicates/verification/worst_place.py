"""Find the place where two aligned photos differ most, and explain or reject it.

Two files of one picture differ everywhere alike: compression, scaling and noise leave much where
there is much to see and little where there is little. A difference beyond that in one place is an
edit, or another picture of the same layout, whatever share of the area it has. In photos the rest
tells which: if natural texture agrees to the pixel, one was made from the other. Documents, boards
and chats have none: ink and plain ground agree among strangers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.duplicates.verification.block_residuals import residuals
from safelight.duplicates.verification.picture_blocks import BLOCK, picture_blocks

if TYPE_CHECKING:
    from safelight.duplicates.verification.block_residuals import Residuals
    from safelight.duplicates.verification.close_alignment import Aligned
    from safelight.duplicates.verification.compression_model import CompressionNoise

# Levels, squared: what rounding and the worst of 4 x 4 positions leave anywhere, and how often what
# is usual in the pair its worst windows may have. On 132 copies of drawings and photos the worst
# window had at most 0.8 of what this explains, of 200 look-alikes all but those of one picture more
# than 1.5 (bench/look_alikes.py, half tune, 2026-11-27).
_ROUNDING, _FLOORS, _RATIOS, _MARGIN = 12.0, 4.0, 3.0, 1.8

# Coarse steps leave more in the busiest place of a photo than in that of a page: 84 copies of
# photos at quality 20 to 60 had at most 1.8 times what this explains, 24 retouches 3.7 at least. Of
# 360 copies by steps that explain less than the last, one had more than 1.2 times.
_NATURAL, _NATURAL_FINE, _NATURAL_STEPS = 2.0, 1.4, 350.0

# More than this is not noise of compression, even if it is usual in the pair.
_MOST_FLOOR, _MOST_RATIO, _RATIO_OF_ACTIVITY = 40.0, 0.08, 100.0

# Of the variance around, what rounding of its frequencies may make of it.
_RINGING = 0.2

# Levels: differences of a colour difference's mean in a window.
_CHROMA = 7.0

# Differences of light, by the blocks across and down of the window in which it is averaged: levels,
# and the share of the contrast there that resampling may shift. Noise is averaged out, so that a
# pale patch is seen below it; what the tones of the whole picture and half a step of both files
# explain is taken out before. Of 24 photos, each compressed, scaled, turned and made noisy in 25
# ways, the worst copy had 0.9 of this (WebP 10), one that a box filter made smaller 0.84
# (2026-11-27); see bench/look_alikes.py for what is found so.
_LIGHT = ((1, 2.5, 0.12), (2, 1.5, 0.06), (4, 1.1, 0.03))
_USUAL_LIGHT, _MOST_LIGHT = 1.2, 3.0

# For half a step of a file that does not tell its steps: times what is usual in blocks, at most.
_UNTOLD_LIGHT, _MOST_UNTOLD = 2.0, 2.5

# Steps that leave the noise of a sensor as it is, by what they explain: about quality 88.
_FINE_STEPS = 45.0
_COARSE_STEPS = 150.0

# Levels of a colour difference that a grey picture has at most; and how much of a picture is plain
# that shows one thing on a plain ground.
_GREY, _PLAIN = 4.0, 0.5

# A thing has another colour if most of what is coloured and differs has a hue off by 60 degrees, in
# 1 % of the picture, and the ground around it has kept its own: levels of a colour difference.
_COLOURED, _OTHER_HUE, _SAME_GROUND, _COLOURED_SHARE = 15.0, 0.5, 4.0, 0.01

# Of the strength of a colour, how far its mean may be off.
_OF_COLOUR = 0.35

# Levels of a colour difference, of the whole picture.
_TINT = 12.0

# Pixels: the shorter side that there has to be.
_FEWEST_PIXELS = 48

#: Of a natural block that agrees, so much of the variance is left at most.
AGREES = 0.3


@dataclass(frozen=True, slots=True)
class WorstPlace:
    """The place where two photos differ most.

    Attributes
    ----------
    factor : float
        How much more they differ there than anything harmless explains; above 1 is a difference.
    levels : float
        By how many of 255.
    across, down : float
        Where, as shares of the first picture's width and height.
    what : str
        ``structure``, ``light`` or ``colour``.
    share : float
        Of the area, what differs.
    natural : float
        Of the area, what has natural texture and agrees.
    textured : float
        Of the area, what has any texture.
    two_exposures, clearly_two : bool
        The noise of the two is not the same noise; and has nothing in common at all, so that no
        change of tones explains it.
    another_colour : bool
        A thing on a plain ground has another hue.
    detail : float
        Contrast of the finest detail of the second, to the first's.
    """

    factor: float
    levels: float
    across: float
    down: float
    what: str
    share: float
    natural: float
    textured: float
    two_exposures: bool
    clearly_two: bool
    another_colour: bool
    detail: float

    @property
    def differs(self) -> bool:
        return self.factor > 1

    @property
    def is_natural(self) -> bool:
        """Tell whether natural texture proves that the rest is one picture."""
        return is_natural(self.natural, self.textured)


def is_natural(natural: float, textured: float) -> bool:
    """Tell whether there is natural texture enough, given the area with any."""
    return natural >= 0.1 or natural >= max(0.04, 0.15 * textured)


def worst_place(aligned: Aligned, noise: CompressionNoise) -> WorstPlace | None:
    """Compare two aligned photos; None if hardly anything of them is common."""
    aligned = _enlarged(aligned)
    found = residuals(aligned)
    if found is None:
        return None
    tests = (
        ("structure", *_structure(found, noise)),
        ("light", *_light(found, noise)),
        ("colour", *_colour(found, noise)),
    )
    other = tests[0][1] > 1
    natural, textured, plain = _natural(aligned, found, other)
    another = plain > _PLAIN and _has_another_colour(found, tests[2][1] > 1)
    if plain > _PLAIN and not _is_grey(found.chroma_a) and not _is_grey(found.chroma_b):
        # A thing on a plain ground: in another colour it is another thing.
        natural, textured, _ = _natural(aligned, found, other | (tests[2][1] > 1))
    if is_natural(natural, textured):
        tests[0][1][:] /= _NATURAL_FINE if noise.luma < _NATURAL_STEPS else _NATURAL
    what, factors, levels = max(tests, key=lambda test: test[1].max(initial=0))
    row, column = np.unravel_index(int(factors.argmax()), factors.shape)
    flagged = np.max([test[1] for test in tests], axis=0) > 1
    differs = float(factors.max()) > 1
    two, clearly = _exposures(aligned, found, noise) if differs else (False, False)
    return WorstPlace(
        float(factors.max()),
        float(levels[row, column]),
        (column + 1) * BLOCK / aligned.a.shape[1],
        (row + 1) * BLOCK / aligned.a.shape[0],
        what,
        float(flagged[found.inside].mean()),
        natural,
        textured,
        two,
        clearly,
        another,
        found.detail,
    )


def _enlarged(aligned: Aligned) -> Aligned:
    """Return tiny pictures at a size that has blocks enough."""
    import cv2

    factor = -(-_FEWEST_PIXELS // min(aligned.a.shape[:2]))
    if factor <= 1 or factor * max(aligned.a.shape[:2]) > 4 * _FEWEST_PIXELS**2:
        return aligned
    size = (aligned.a.shape[1] * factor, aligned.a.shape[0] * factor)
    first, second = (
        np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        for each in (aligned.a, aligned.b)
    )
    common = aligned.common
    if common is not None:
        common = common.repeat(factor, axis=0).repeat(factor, axis=1)
    return replace(aligned, a=first, b=second, common=common)


def least_allowed(calm: Any, noise: CompressionNoise) -> Any:
    """Return the unexplained mean square of windows that compression explains in any pair.

    Parameters
    ----------
    calm : (rows, columns) float32
        Variance of the luma in the calmer of two pictures.
    """
    return _MARGIN * (_ROUNDING + _rounded(calm, noise))


def _rounded(calm: Any, noise: CompressionNoise) -> Any:
    import cv2

    # An edge rings as far as the transform's block reaches.
    ringing = cv2.dilate(calm, np.ones((3, 3), np.uint8))
    return np.minimum(noise.luma, _RINGING * ringing)


def _structure(found: Residuals, noise: CompressionNoise) -> tuple[Any, Any]:
    usual, worst = found.usual, found.worst
    floor = min(float(np.median(found.luma[found.inside])), _MOST_FLOOR)
    strong = usual.activity >= np.median(usual.activity)
    ratios = (usual.unexplained - floor) / (usual.activity + _RATIO_OF_ACTIVITY)
    ratio = float(np.clip(np.quantile(ratios[strong], 0.75), 0, _MOST_RATIO)) if len(ratios) else 0
    usually = np.minimum(_RATIOS * ratio * (worst.activity + _RATIO_OF_ACTIVITY), 3 * noise.luma)
    calm = np.minimum(found.variance_a, found.variance_b)
    rounded = _rounded(calm, noise)[worst.rows, worst.columns]
    expected = _MARGIN * (_ROUNDING + _FLOORS * floor + np.maximum(usually, rounded))
    factors = np.zeros(found.luma.shape)
    levels = np.zeros(found.luma.shape)
    factors[worst.rows, worst.columns] = worst.unexplained / expected
    levels[worst.rows, worst.columns] = np.sqrt(worst.unexplained)
    return factors, levels


def _light(found: Residuals, noise: CompressionNoise) -> tuple[Any, Any]:
    import cv2

    busy = cv2.dilate(np.minimum(found.variance_a, found.variance_b), np.ones((3, 3), np.uint8))
    factors, levels = np.zeros(found.light.shape), np.zeros(found.light.shape)
    step = noise.level
    for side, least, of_contrast in _LIGHT:
        if min(found.light.shape) < side:
            break
        off = np.abs(_pooled(found.light, found.inside, side))
        where = _pooled(found.inside.astype(np.float32), None, side) > 0.999
        if not where.any():
            break
        usual = min(float(np.quantile(off[where], 0.9)), _MOST_LIGHT)
        contrast = np.sqrt(np.maximum(_pooled(busy, None, side), 0))
        if side == 1:
            step = noise.level + noise.untold * min(_UNTOLD_LIGHT * usual, _MOST_UNTOLD)
        allowed = least + step + _USUAL_LIGHT * usual + of_contrast * contrast
        factor = np.where(where, off / allowed, 0)
        levels = np.where(factor > factors, off, levels)
        factors = np.maximum(factors, factor)
    return factors, levels


def direct_light(off: Any, calm: Any, noise: CompressionNoise) -> float:
    """Return the most that block means differ, to the least that :func:`_light` allows anywhere.

    Parameters
    ----------
    off : (rows, columns) float32
        Differences of the means of the luma.
    calm : (rows, columns) float32
        Variance of the luma in the calmer of two pictures.
    """
    import cv2

    busy = cv2.dilate(calm, np.ones((3, 3), np.uint8))
    most = 0.0
    for side, least, of_contrast in _LIGHT:
        contrast = np.sqrt(np.maximum(_pooled(busy, None, side), 0))
        allowed = least + noise.level + of_contrast * contrast
        most = max(most, float((np.abs(_pooled(off, None, side)) / allowed).max()))
    return most


def _colour(found: Residuals, noise: CompressionNoise) -> tuple[Any, Any]:
    import cv2

    inside = found.inside
    # A tint of the whole picture is not a difference in one place.
    middle_a, middle_b = (
        np.median(each[inside], axis=0) for each in (found.chroma_a, found.chroma_b)
    )
    tint = np.clip(middle_a - middle_b, -_TINT, _TINT)
    off = np.abs(found.chroma_a - found.chroma_b - tint)
    usual = float(np.quantile(off.max(axis=2)[inside], 0.9))
    # Colours are stored at half the size: those of a thin line run into what is around it.
    strength = np.minimum(np.abs(found.chroma_a - middle_a), np.abs(found.chroma_b - middle_b))
    strength = cv2.dilate(strength, np.ones((3, 3), np.uint8)).reshape(off.shape)
    allowed = _CHROMA + np.maximum(min(2 * noise.chroma, 3 * usual), _OF_COLOUR * strength)
    factors = np.where(inside, (off / allowed).max(axis=2), 0)
    return factors, off.max(axis=2)


def _has_another_colour(found: Residuals, flagged: Any) -> bool:
    ground = [np.median(each[found.inside], axis=0) for each in (found.chroma_a, found.chroma_b)]
    a, b = found.chroma_a - 128, found.chroma_b - 128
    strengths = np.linalg.norm(a, axis=2), np.linalg.norm(b, axis=2)
    strong = found.inside & flagged & (np.minimum(*strengths) > _COLOURED)
    other = strong & ((a * b).sum(axis=2) < _OTHER_HUE * strengths[0] * strengths[1])
    return bool(
        np.abs(ground[0] - ground[1]).max() < _SAME_GROUND
        and strong.sum() >= _COLOURED_SHARE * found.inside.sum()
        and other.sum() > 0.5 * strong.sum()
    )


def _pooled(values: Any, inside: Any, side: int = 2) -> Any:
    """Return means of `side` x `side` blocks, that begin at each block."""
    import cv2

    if inside is not None:
        values = np.where(inside, values, 0)
    return cv2.blur(values, (side, side), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)


def _natural(aligned: Aligned, found: Residuals, flagged: Any) -> tuple[float, float, float]:
    """Return the shares of the area with natural texture that agrees, with any, and with none."""
    import cv2

    blocks = picture_blocks(aligned.a)
    rows, columns = blocks.natural.shape
    if not rows or not columns:
        return 0.0, 0.0, 0.0
    # The residual of the four blocks within, and what both have to agree on.
    at = np.s_[: 2 * rows : 2, : 2 * columns : 2]
    # Light that falls off to the corners leaves texture as it is.
    varied = np.maximum(found.luma - found.mean * found.mean, 0)
    left = _pooled(varied, found.inside)[at][:rows, :columns]
    calm = np.minimum(found.variance_a, found.variance_b)[at][:rows, :columns]
    whole = _pooled(found.inside.astype(np.float32), found.inside)[at][:rows, :columns] > 0.999
    differs = cv2.dilate(flagged.astype(np.uint8), np.ones((2, 2), np.uint8))[at][:rows, :columns]
    textured = whole & blocks.textured
    natural = whole & blocks.natural & (left <= AGREES * calm) & (differs == 0)
    area = max(1, int(whole.sum()))
    plain = whole & blocks.plain
    return float(natural.sum() / area), float(textured.sum() / area), float(plain.sum() / area)


def _is_grey(chroma: Any) -> bool:
    return bool(np.abs(chroma - 128).max() < _GREY)


def _exposures(aligned: Aligned, found: Residuals, noise: CompressionNoise) -> tuple[bool, bool]:
    """Tell whether both have noise where they are smooth, each its own; and if beyond doubt."""
    import cv2

    if min(found.luma.shape) < 4:
        return False, False
    fine = []
    for each in (aligned.a, aligned.b):
        grey = cv2.cvtColor(each, cv2.COLOR_RGB2GRAY).astype(np.float32)
        fine.append(grey - cv2.GaussianBlur(grey, (3, 3), 0))
    rows, columns = found.luma.shape

    def means(values: Any) -> Any:
        part = values[: rows * BLOCK, : columns * BLOCK]
        return cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)

    first, second, both = means(fine[0] ** 2), means(fine[1] ** 2), means(fine[0] * fine[1])
    total = first + second
    smooth = found.inside & (total <= np.quantile(total[found.inside], 0.3))
    one, other, common = (float(each[smooth].mean()) for each in (first, second, both))
    least, most = min(one, other), max(one, other)
    correlation = common / max(1e-9, (one * other) ** 0.5)
    unlike = least > 0.5 and most < 3 * least and correlation < 0.15
    if noise.same_steps and not aligned.resampled:
        # Rounded alike, one picture comes out alike wherever nobody touched it.
        return least > 0.05 and correlation < 0.93, unlike and noise.luma < _FINE_STEPS
    if noise.luma < _FINE_STEPS:
        return least > 0.7 and most < 2 * least and correlation < 0.5, unlike
    if noise.luma > _COARSE_STEPS:
        # What looks like noise may be the edges of blocks.
        return unlike and noise.luma < 1.5 * _COARSE_STEPS, False
    return least > 0.3 and most < 4 * least and correlation < 0.25, False
