"""Vectors shaped like CLIP's: photos in a narrow cone, in clusters of unequal size; texts outside.

What is imitated, and measured by ``python -m bench.vectors``: two photos have a cosine of 0.5 on
average, a text and a photo one of 0.12, and the best of 20,000 photos for a text one of 0.4; the
variance of the dimensions, sorted, falls as 1/n. What is not: that real clusters have clusters in
them, and that some photos are nearly the same; both make searching easier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

DIMENSION = 512
TOPICS = 2000
AT_ONCE = 50_000


def _units(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class World:
    """A space of photos and texts about the same topics.

    Parameters
    ----------
    seed : int
        Another one is another world.
    """

    def __init__(self, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        basis, _ = np.linalg.qr(random.standard_normal((DIMENSION, DIMENSION)))
        spread = (1.0 + np.arange(DIMENSION)) ** -0.5
        self._shape = (basis.T * (spread / np.linalg.norm(spread))).T.astype(np.float32)
        directions, _ = np.linalg.qr(random.standard_normal((DIMENSION, 2)))
        self._photo, self._text = directions.T.astype(np.float32)
        self._topics = self._cloud(random, TOPICS)
        weights = (1.0 + np.arange(TOPICS)) ** -0.7
        self._weights = weights / weights.sum()

    def _cloud(self, random: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
        return random.standard_normal((count, DIMENSION), np.float32) @ self._shape

    def photos(self, count: int, seed: int) -> npt.NDArray[np.float32]:
        """Return (count, 512) float32 of unit length."""
        random = np.random.default_rng((1, seed))
        topics = self._topics[random.choice(TOPICS, count, p=self._weights)]
        return _units(self._photo + 0.75 * topics + 0.65 * self._cloud(random, count))

    def texts(self, count: int, seed: int) -> npt.NDArray[np.float32]:
        """Return (count, 512) float32 of unit length."""
        random = np.random.default_rng((2, seed))
        topics = self._topics[random.choice(TOPICS, count, p=self._weights)]
        middle = 1.2 * self._text + 0.25 * self._photo
        return _units(middle + 0.6 * topics + 0.5 * self._cloud(random, count))


def main() -> None:
    world = World()
    photos, texts = world.photos(20_000, 1), world.texts(200, 2)
    among = photos[:2000] @ photos[2000:4000].T
    between = texts @ photos.T
    print(f"photo and photo: mean cosine {among.mean():.2f}, deviation {among.std():.2f}")
    print(f"text and photo:  mean cosine {between.mean():.2f}, deviation {between.std():.2f}")
    print(f"text and its best photo of 20,000: {between.max(axis=1).mean():.2f}")


if __name__ == "__main__":
    main()
