"""Resemblance of two photos by their stored features; no file is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.cosine import cosines
from safelight.hashing import dihedral, mirrored
from safelight.hashing.places import agreeing

if TYPE_CHECKING:
    from safelight.duplicates.photo_features import PhotoFeatures
    from safelight.duplicates.thresholds import Thresholds

_BITS = 256


@dataclass(frozen=True, slots=True)
class Resemblance:
    """Distances and similarities of two photos, one a signal.

    Attributes
    ----------
    bits : int
        In which their hashes differ, of 256; all of them if one has none.
    turned_bits : int
        The same, of the way to turn or mirror the second photo that is nearest to the first.
    way : int
        That way, of :data:`safelight.hashing.dihedral.DIHEDRAL`.
    words, mirrored_words : int
        That they share and that agree on how one lies on the other: as they are, and with one of
        them mirrored.
    cosine : float or None
        Of their vectors; None if one has none.
    """

    bits: int
    turned_bits: int
    way: int
    words: int
    mirrored_words: int
    cosine: float | None

    def worth_looking(self, limits: Thresholds) -> bool:
        """Tell whether they may be forms of one picture."""
        cosine = -1.0 if self.cosine is None else self.cosine
        words = max(self.words, self.mirrored_words)
        return (
            self.bits <= limits.hash_bits
            or self.turned_bits <= limits.turned_hash_bits
            or words >= limits.words
            or (words >= limits.few_words and cosine >= limits.few_words_cosine)
        )

    def of_a_burst(self, limits: Thresholds) -> bool:
        """Tell whether two exposures within seconds show the same."""
        return (
            self.bits <= limits.burst_bits
            or self.words >= limits.burst_words
            or (self.cosine is not None and self.cosine >= limits.burst_cosine)
        )

    @property
    def evidence(self) -> dict[str, float | int | str | bool]:
        """Evidence for an edge."""
        found: dict[str, float | int | str | bool] = {}
        if self.turned_bits < _BITS:
            found["hash_bits"] = min(self.bits, self.turned_bits)
        if self.words or self.mirrored_words:
            found["words"] = max(self.words, self.mirrored_words)
        if self.cosine is not None:
            found["cosine"] = round(self.cosine, 4)
        return found


def resemble(a: PhotoFeatures, b: PhotoFeatures) -> Resemblance:
    """Return the resemblance of two photos."""
    bits, turned_bits, way = _BITS, _BITS, 0
    if a.dct256 is not None and b.dct256 is not None:
        bits = turned_bits = int(np.bitwise_count(a.dct256 ^ b.dct256).sum())
        if bits > _NEAR:
            ways = np.bitwise_count(dihedral(b.dct256) ^ a.dct256).sum(axis=1)
            way = int(ways.argmin())
            turned_bits = int(ways[way])
    words = _shared(a, b, mirror=False)
    mirrored_words = _shared(a, b, mirror=True)
    cosine = None
    if a.vector is not None and b.vector is not None:
        cosine = float(cosines(a.vector[None], b.vector)[0])
    return Resemblance(bits, turned_bits, way, words, mirrored_words, cosine)


def _shared(a: PhotoFeatures, b: PhotoFeatures, *, mirror: bool) -> int:
    if not len(a.words) or not len(b.words):
        return 0
    words = mirrored(b.words) if mirror else b.words
    rows = np.searchsorted(a.words, words)
    rows[rows == len(a.words)] = 0
    same = a.words[rows] == words
    if not len(a.places) or not len(b.places):
        return int(same.sum())
    return agreeing(
        a.places[rows[same]],
        b.places[same],
        a.proportion,
        b.proportion,
        mirrored=mirror,
    )


# Nearer than this, a photo is not turned or mirrored: only one that looks the same then as before
# would be near in two ways, and the first is the simpler.
_NEAR = 12
