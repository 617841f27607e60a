"""Photo features: stored facts, hashes, words and vectors, available without opening the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from safelight.types import Exif, Frame, Structure

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class PhotoFeatures:
    """A photo, as far as a library knows it.

    Attributes
    ----------
    id : str
    format : str
    width, height : int
    exif : Exif
    paths : tuple of str
        Of its files that are not gone.
    dct256 : (4,) uint64 or None
        None if it is not hashed, or has nothing to hash.
    words : (n,) uint32, sorted
    places : (n,) uint32
        Where each word was seen; empty if that is not known.
    vector : (d,) float32 of unit length, or None
    structure : Structure or None
        Of its file; None if it is not known.
    """

    id: str
    format: str
    width: int
    height: int
    exif: Exif = field(default_factory=Exif)
    paths: tuple[str, ...] = ()
    dct256: npt.NDArray[np.uint64] | None = None
    words: npt.NDArray[np.uint32] = field(default_factory=lambda: np.empty(0, np.uint32))
    places: npt.NDArray[np.uint32] = field(default_factory=lambda: np.empty(0, np.uint32))
    vector: npt.NDArray[np.float32] | None = None
    structure: Structure | None = None

    @property
    def proportion(self) -> float:
        """Width by height; 1 if they are not known."""
        return self.width / self.height if self.width and self.height else 1.0


class Look(Protocol):
    """Opens photos; raises DecodeError or OSError when it cannot."""

    def __call__(self, seen: PhotoFeatures, min_side: int | None, /) -> Frame:
        """Return a photo's frame, its shorter side at least `min_side` long; None: full size."""
        ...
