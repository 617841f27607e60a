"""Block residuals: one picture less the other, aligned with it and filtered alike.

What two files of one picture may differ in everywhere alike is taken out first: a blur, a
sharpening, a gain, a shift by part of a pixel are one small kernel, fitted to the whole picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.duplicates.verification.picture_blocks import (
    BLOCK,
    WINDOW,
    block_means,
    picture_blocks,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from safelight.duplicates.verification.close_alignment import Aligned

    Array = npt.NDArray[np.float32]

# Kernels of 5 x 5, fitted to so many pixels near edges, without the share that they explain least.
_REACH = 2
_SAMPLES, _KEPT = 6000, 0.85

# Windows that are examined: the worst, and as many that are like the rest.
_WORST, _USUAL = 96, 160


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Some windows of a pair, examined.

    Attributes
    ----------
    rows, columns : (n,) int
        In blocks.
    unexplained : (n,) float
        Mean square, in levels, of the worst 8 x 8 pixels, after a shift by part of a pixel and a
        blur of this window alone were taken out too.
    activity : (n,) float
        Variance of the luma in the calmer of the two pictures.
    """

    rows: Any
    columns: Any
    unexplained: Any
    activity: Any


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """The difference of two aligned pictures by blocks of 8 x 8.

    Attributes
    ----------
    luma : (rows, columns) float32
        Mean square of what the kernel leaves.
    mean : (rows, columns) float32
        Mean of the same.
    light : (rows, columns) float32
        Mean, less what brighter or darker tones of the whole picture explain.
    chroma_a, chroma_b : (rows, columns, 2) float32
        Means of both colour differences of each picture.
    variance_a, variance_b : (rows, columns) float32
        Of the luma, in windows.
    inside : (rows, columns) bool
        Wholly where both pictures are.
    worst, usual : Windows
    detail : float
        Contrast of the finest detail in `b`, to that in `a`.
    """

    luma: Array
    mean: Array
    light: Array
    chroma_a: Array
    chroma_b: Array
    variance_a: Array
    variance_b: Array
    inside: npt.NDArray[np.bool_]
    worst: Windows
    usual: Windows
    detail: float


def residuals(aligned: Aligned) -> Residuals | None:
    """Compare two aligned pictures; None if hardly anything of them is common."""
    import cv2

    height, width = aligned.a.shape[:2]
    inside = _inside(aligned, (height // BLOCK, width // BLOCK))
    if inside.sum() < 9:
        return None
    first, second = picture_blocks(aligned.a), picture_blocks(aligned.b)
    a, b = first.luma.astype(np.float32), second.luma.astype(np.float32)
    target, source, kernel = _better(a, b, aligned.common)
    explained = cv2.filter2D(
        source, -1, kernel[:-1].reshape(2 * _REACH + 1, -1), borderType=cv2.BORDER_REPLICATE
    )
    left = target - explained - kernel[-1]
    luma, mean = block_means(left * left), block_means(left)
    variances = first.variance, second.variance
    calm = np.minimum(*variances)
    worst, usual = _chosen(luma, calm, inside)
    fine = [float(np.sqrt(each.fine[inside].mean())) for each in (first, second)]
    return Residuals(
        luma,
        mean,
        _without_gain(mean, first.mean if target is a else second.mean, inside),
        first.chroma,
        second.chroma,
        variances[0],
        variances[1],
        inside,
        _examined(left, explained, calm, worst),
        _examined(left, explained, calm, usual),
        sharper_by(*fine),
    )


def _without_gain(mean: Any, level: Any, inside: Any) -> Any:
    """Return block means without the line that their levels explain: a kernel fitted to edges
    leaves tones as they come.
    """
    off = mean[inside].astype(np.float64)
    basis = np.stack([np.ones_like(off), level[inside] / 128.0 - 1], axis=1)
    weight = np.ones_like(off)
    line = np.zeros(2)
    for _ in range(4):
        line = np.linalg.lstsq(basis * weight[:, None], off * weight, rcond=None)[0]
        rest = np.abs(off - basis @ line)
        weight = 1 / np.maximum(1, rest / (2 * np.median(rest) + 0.2))
    return np.asarray(mean - line[0] - line[1] * (level / 128.0 - 1), np.float32)


def _inside(aligned: Aligned, shape: tuple[int, int]) -> Any:
    import cv2

    if aligned.common is None:
        return np.ones(shape, bool)
    # What lies beyond the edge has run into it, as far as the colours of two pixels are one.
    common = cv2.erode(aligned.common.astype(np.uint8), np.ones((17, 17), np.uint8), borderValue=0)
    return np.asarray(block_means(common.astype(np.float32)) > 0.999)


def sharper_by(first: float, second: float) -> float:
    """Return the finest contrast of the second to that of the first; less than 0.1 is rounding."""
    return (second + 0.1) / (first + 0.1)


def _better(a: Any, b: Any, common: Any) -> tuple[Any, Any, Any]:
    """Return the picture to be explained, the one that explains it, and the kernel for it.

    The sharper one explains the softer one better than the reverse.
    """
    import cv2

    rows, columns = (length - 2 * _REACH for length in a.shape)
    size = rows * columns
    chance = np.random.default_rng(0)
    some = chance.integers(0, size, min(size, 10 * _SAMPLES))
    down, across = np.divmod(some, columns)
    at = (down + _REACH) * a.shape[1] + across + _REACH
    if len(at) > _SAMPLES:
        steep = _steepness(a, at) + _steepness(b, at)
        if common is not None:
            margin = np.ones((4 * _REACH + 1,) * 2, np.uint8)
            steep *= cv2.erode(common.astype(np.uint8), margin, borderValue=1).ravel()[at]
        at = at[np.argpartition(-steep, _SAMPLES)[:_SAMPLES]]
    (forth, off_a), (back, off_b) = _fitted(b, a, at), _fitted(a, b, at)
    return (a, b, forth) if off_a <= off_b else (b, a, back)


def _steepness(luma: Any, at: Any) -> Any:
    """Return how far pixels are from the mean of the four beside them, times four."""
    flat, width = luma.ravel(), luma.shape[1]
    beside = flat.take(at - width) + flat.take(at + width) + flat.take(at - 1) + flat.take(at + 1)
    return np.abs(beside - 4 * flat.take(at))


def _fitted(source: Any, target: Any, at: Any) -> tuple[Any, float]:
    """Return the kernel and constant that make `source` most like `target`, and how far off."""
    steps = range(-_REACH, _REACH + 1)
    offsets = [row * source.shape[1] + column for row in steps for column in steps]
    seen = np.full((len(at), len(offsets) + 1), 64.0)
    seen[:, :-1] = source.ravel().take(at[:, None] + np.array(offsets))
    wanted = target.ravel().take(at).astype(np.float64)
    prior = np.zeros(seen.shape[1])
    prior[len(offsets) // 2] = 1
    kernel, used = prior, np.ones(len(at), bool)
    aim = off = wanted - seen @ prior
    all_square, all_aim = seen.T @ seen, seen.T @ aim
    for _ in range(4):
        # Few are left out: theirs is taken off what all have.
        out = np.flatnonzero(~used)
        rest = seen.take(out, axis=0)
        square = all_square - rest.T @ rest
        square[np.diag_indices_from(square)] += 2e-5 * np.trace(square) / len(square) + 1e-3
        kernel = prior + np.linalg.solve(square, all_aim - rest.T @ aim[out])
        off = np.abs(wanted - seen @ kernel)
        used = off <= np.quantile(off, _KEPT)
    kernel = np.append(kernel[:-1], 64.0 * kernel[-1]).astype(np.float32)
    return kernel, float(np.sqrt((off[used] ** 2).mean()) / (wanted.std() + 1))


def _chosen(luma: Any, calm: Any, inside: Any) -> tuple[Any, Any]:
    """Return the windows to examine, by row and column: the worst, and some like the rest."""
    import cv2

    whole = (
        cv2.erode(inside.astype(np.uint8), np.ones((2, 2), np.uint8), anchor=(0, 0), borderValue=0)
        > 0
    )
    if not whole.any():
        whole = inside
    peak = cv2.dilate(luma, np.ones((2, 2), np.uint8), anchor=(0, 0))
    usual = float(np.median((luma / (calm + 25))[whole]))
    floor = float(np.median(luma[whole]))
    score = np.where(whole, peak / (floor + 1 + usual * calm), -1)
    # Also by the plain difference: what is torn out of a busy place is far from what was there.
    plain = np.where(whole, peak, -1)
    chosen = []
    for values in (score, plain):
        top = (values >= cv2.dilate(values, np.ones((3, 3), np.uint8))) & whole
        rows, columns = np.nonzero(top)
        best = np.argsort(-values[rows, columns], kind="stable")[:_WORST]
        chosen.append(np.stack([rows[best], columns[best]]))
    worst = np.unique(np.concatenate(chosen, axis=1), axis=1)
    rows, columns = np.nonzero(whole)
    active = np.argsort(-calm[rows, columns], kind="stable")[: max(_USUAL, len(rows) // 3)]
    chance = np.random.default_rng(0)
    picked = np.concatenate(
        [chance.permutation(active)[:_USUAL], chance.permutation(len(rows))[: _USUAL // 2]]
    )
    return worst, np.stack([rows[picked], columns[picked]])


def _examined(left: Any, explained: Any, calm: Any, places: Any) -> Windows:
    """Take out what a shift and a blur of each window alone explain, and return what is left."""
    rows, columns = places
    steps = np.arange(WINDOW)
    down = np.minimum(rows * BLOCK, left.shape[0] - WINDOW)[:, None, None] + steps[:, None]
    across = np.minimum(columns * BLOCK, left.shape[1] - WINDOW)[:, None, None] + steps
    wanted = left[down, across]
    up, low = np.maximum(down - 1, 0), np.minimum(down + 1, left.shape[0] - 1)
    before, after = np.maximum(across - 1, 0), np.minimum(across + 1, left.shape[1] - 1)
    here = explained[down, across]
    north, south = explained[up, across], explained[low, across]
    west, east = explained[down, before], explained[down, after]
    basis = np.stack(
        [(east - west) / 2, (south - north) / 2, north + south + east + west - 4 * here], axis=-1
    ).reshape(len(rows), -1, 3)
    aim = wanted.reshape(len(rows), -1, 1)
    square = basis.transpose(0, 2, 1) @ basis
    # Shifts beyond half a pixel and blurs beyond a pixel's are not resampling: held back.
    square[:, range(3), range(3)] *= 1.02
    square[:, range(3), range(3)] += 50.0
    factors = np.linalg.solve(square, basis.transpose(0, 2, 1) @ aim)
    factors = np.clip(factors, -0.5, 0.5)
    rest = ((aim - basis @ factors) ** 2).reshape(-1, WINDOW, WINDOW)
    sums = np.pad(rest.cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0)))
    starts = range(0, WINDOW - BLOCK + 1, 4)
    peaks = [
        sums[:, y + BLOCK, x + BLOCK]
        - sums[:, y, x + BLOCK]
        - sums[:, y + BLOCK, x]
        + sums[:, y, x]
        for y in starts
        for x in starts
    ]
    unexplained = np.max(peaks, axis=0) / BLOCK**2 if len(rows) else np.empty(0)
    return Windows(rows, columns, unexplained, calm[rows, columns])
