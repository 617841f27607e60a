"""Vectors in clouds, and libraries of them, for tests of indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safelight.library.write import FileRecord, ItemRecord, write
from safelight.types import Space

if TYPE_CHECKING:
    from safelight.library.database import Database

DIMENSION = 24

SPACE = Space("c" * 64, "clouds", DIMENSION, "clouds")


def clouds(count: int, seed: int = 0, dimension: int = DIMENSION) -> np.ndarray:
    """Return (count, dimension) float32 of unit length, around 60 directions."""
    middles = np.random.default_rng(99).standard_normal((60, dimension))
    random = np.random.default_rng(seed)
    vectors = middles[random.integers(60, size=count)]
    vectors = vectors + 1.05 * random.standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def fill(
    library: Database,
    vectors: np.ndarray,
    first: int = 0,
    namespace: str = "default",
    fingerprint: str = SPACE.fingerprint,
) -> None:
    """Write vectors as photos whose ids and paths are their numbers, from `first` on."""
    items = [
        ItemRecord(f"{first + number:064x}", "photo", 1, vector)
        for number, vector in enumerate(vectors)
    ]
    files = [FileRecord(f"/photos/{item.id}.jpg", item.id, None, item.id) for item in items]
    write(library, namespace, files, items, fingerprint=fingerprint)
