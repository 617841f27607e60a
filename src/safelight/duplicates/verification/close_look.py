"""Verify two photos that seem to be variants of one picture, at full resolution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from safelight.duplicates.verification.close_alignment import (
    CLOSE_MIN_SIDE,
    CLOSE_SIDE,
    NATIVE_SIDE,
    Aligned,
    align_by,
    align_whole,
    followed,
    in_tones_of,
    lost_detail,
    overlaid,
    rescaled,
)
from safelight.duplicates.verification.compression_model import CompressionNoise, compression_noise
from safelight.duplicates.verification.direct_difference import proven_same
from safelight.duplicates.verification.plain_photos import is_blurred, is_soft
from safelight.duplicates.verification.worst_place import WorstPlace, worst_place
from safelight.hashing.dihedral import applied

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.duplicates.photo_features import Look, PhotoFeatures
    from safelight.duplicates.verification.alignment import Alignment
    from safelight.types import Frame

    Align = Callable[[Frame, Frame, int], Aligned]

# As a share of the longer side: photos of one frame move by no more when they are aligned closely.
_MOVED = 0.004

# Of the contrast of a drawing, what may be lost where it was made smaller. More, and what is
# written cannot be read any more: nobody can tell if it is the same.
_LOST = 0.3

# Below this, either has more detail than was compared.
_SHRUNK = 0.95

# One is sharper if its finest detail has so much more contrast.
_SHARPER = 1.3


@dataclass(frozen=True, slots=True)
class CloseLook:
    """The outcome of a close look.

    Attributes
    ----------
    a, b : str
        Photo ids.
    place : WorstPlace or None
        None: too little in common to look at.
    moved : float
        How far the two had to be moved to lie on each other, as a share of the longer side.
    readable : bool
        Whether what is drawn can be told at the size of the smaller one.
    whole : bool
        They fill one frame.
    aligned : Aligned
    noise : CompressionNoise
    """

    a: str
    b: str
    place: WorstPlace | None
    moved: float
    readable: bool
    whole: bool
    aligned: Aligned
    noise: CompressionNoise

    @classmethod
    def at_whole(
        cls, a: PhotoFeatures, b: PhotoFeatures, way: tuple[bool, bool, bool], look: Look
    ) -> Self:
        """Look at two photos that fill one frame."""

        def align(first: Frame, second: Frame, side: int) -> Aligned:
            return overlaid(first.pixels, applied(second.pixels, way), side)

        return cls._looked(a, b, look, align, whole=True, upright=not any(way))

    @classmethod
    def at_part(
        cls,
        a: PhotoFeatures,
        b: PhotoFeatures,
        way: tuple[bool, bool, bool],
        laid: Alignment,
        look: Look,
    ) -> Self:
        """Look at two photos that were aligned by their corners."""

        def align(first: Frame, second: Frame, side: int) -> Aligned:
            pixels = applied(second.pixels, way)
            assert laid.matrix is not None
            factors = (first.pixels.shape[1] / laid.widths[0], pixels.shape[1] / laid.widths[1])
            return align_by(first.pixels, pixels, rescaled(laid.matrix, *factors), side)

        return cls._looked(a, b, look, align, whole=False, upright=False)

    @classmethod
    def _looked(
        cls,
        a: PhotoFeatures,
        b: PhotoFeatures,
        look: Look,
        align: Align,
        *,
        whole: bool,
        upright: bool,
    ) -> Self:
        first, second = look(a, CLOSE_MIN_SIDE), look(b, CLOSE_MIN_SIDE)
        aligned = align(first, second, CLOSE_SIDE)
        noise = _noise(first, second, aligned, upright=upright)
        if whole:
            place = proven_same(aligned.a, aligned.b, noise)
            if place is not None:
                return cls(a.id, b.id, place, 0.0, True, whole, aligned, noise)
            aligned = followed(aligned)
        place = worst_place(aligned, noise)
        readable = True
        if place is not None and not place.differs and not place.is_natural:
            if max(_sizes(first, second, aligned)) < _SHRUNK:
                # Ink may differ in what is too fine for this size.
                first, second = look(a, None), look(b, None)
                aligned = align(first, second, NATIVE_SIDE)
                aligned = followed(aligned) if whole else aligned
                noise = _noise(first, second, aligned, upright=upright)
                place = worst_place(aligned, noise) or place
            lost = max(
                lost_detail(first.pixels, aligned.size_a),
                lost_detail(second.pixels, aligned.size_b),
            )
            readable = place.differs or lost <= _LOST or _is_photo(first, second, noise)
        return cls(a.id, b.id, place, aligned.moved, readable, whole, aligned, noise)

    @property
    def has_moved(self) -> bool:
        return self.moved > _MOVED

    @property
    def differs(self) -> bool:
        """Tell whether they differ in one place by more than anything harmless explains."""
        return self.place is not None and self.place.differs

    def shows_another_picture(self, *, edited: bool) -> bool:
        """Tell whether they are two pictures of one layout, or two exposures of one scene.

        Parameters
        ----------
        edited : bool
            Something was done to the whole of one: its tones, its frame.
        """
        if self.place is None or not self.readable:
            return True
        if not self.place.differs:
            return False
        if self.place.another_colour:
            return True
        if not self.place.is_natural:
            toned = worst_place(in_tones_of(self.aligned), self.noise) if edited else None
            return (toned is None or not toned.is_natural) and not self._is_plain_photo()
        # Noise that was added, or that came with another light, is not a second exposure.
        two = self.place.clearly_two if edited else self.place.two_exposures
        return two and self.whole

    def _is_plain_photo(self) -> bool:
        assert self.place is not None
        if self.place.two_exposures:
            return False
        blurred = is_blurred(self.aligned, self.noise, self.place.detail)
        return blurred or is_soft(self.aligned, self.place.natural)

    @property
    def evidence(self) -> dict[str, float | int | str | bool]:
        """Evidence for an edge."""
        if self.place is None:
            return {}
        found: dict[str, float | int | str | bool] = {
            "worst": round(self.place.factor, 2),
            "fine_detail": round(self.place.detail, 2),
        }
        if self.place.differs:
            found |= {
                "differs": self.place.what,
                "levels": round(self.place.levels, 1),
                "across": round(self.place.across, 3),
                "down": round(self.place.down, 3),
                "area": round(self.place.share, 4),
            }
        if not 1 / _SHARPER <= self.place.detail <= _SHARPER:
            found["sharper"] = self.b if self.place.detail > 1 else self.a
        return found


def _is_photo(first: Frame, second: Frame, noise: CompressionNoise) -> bool:
    """Tell whether the larger of two has natural texture, whatever a small copy shows of it."""
    larger = max(first.pixels, second.pixels, key=lambda pixels: pixels.size)
    place = worst_place(align_whole(larger, larger), noise)
    return place is not None and place.is_natural


def _noise(first: Frame, second: Frame, aligned: Aligned, *, upright: bool) -> CompressionNoise:
    noise = compression_noise(first, second, *_sizes(first, second, aligned))
    # Turned, a picture lies on other blocks.
    return noise if upright else replace(noise, same_steps=False)


def _sizes(first: Frame, second: Frame, aligned: Aligned) -> tuple[float, float]:
    """Return the pixels that were compared for one of each file's own, across."""
    return (
        aligned.size_a * max(first.pixels.shape[:2]) / max(1, first.width, first.height),
        aligned.size_b * max(second.pixels.shape[:2]) / max(1, second.width, second.height),
    )
