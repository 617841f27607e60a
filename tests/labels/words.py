"""A text model without weights: each text has a direction of its own."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


class WordModel:
    """Embeds a text as the sum of its words, each a fixed direction; counts what it embeds."""

    dimension = 64

    def __init__(
        self,
        name: str = "words",
        *,
        logit_scale: float | None = 20.0,
        logit_bias: float | None = None,
    ) -> None:
        self.name = name
        self.fingerprint = hashlib.sha256(name.encode()).hexdigest()
        self.logit_scale = logit_scale
        self.logit_bias = logit_bias
        self.embedded = 0

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.embedded += len(texts)
        vectors = np.stack([sum(map(_direction, text.split())) for text in texts])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _direction(word: str) -> npt.NDArray[np.float64]:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(WordModel.dimension)
