"""A small embedder that really is one, for tests of everything but models."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from safelight.embedding.devices import Device
from safelight.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from safelight.types import Frame

_COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "white": (1, 1, 1)}


class ColourEmbedder:
    """Embeds a photo as its mean colour, and a text as the colours that it names.

    Parameters
    ----------
    name : str
        Another name is another space.
    """

    logit_scale = None
    logit_bias = None
    min_side = 8
    where = Device("onnx", "cpu")
    batch_size = 4
    workers = 1

    def __init__(self, name: str = "colours", dimension: int = 3) -> None:
        self.name = name
        self.dimension = dimension
        self.fingerprint = hashlib.sha256(f"{name} {dimension}".encode()).hexdigest()
        self.encoded = 0  # photos that were embedded, so that tests see what was recomputed

    def prepare(self, frame: Frame) -> npt.NDArray[np.float32]:
        return frame.pixels.mean(axis=(0, 1), dtype=np.float32) / 255

    def encode_prepared(self, inputs: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        self.encoded += len(inputs)
        if any(float(colour.sum()) == 0 for colour in inputs):
            raise ModelError("black has no direction")
        return self._units(np.stack(inputs)) if inputs else np.empty((0, self.dimension), "f4")

    def encode_images(self, frames: Sequence[Frame]) -> npt.NDArray[np.float32]:
        return self.encode_prepared([self.prepare(frame) for frame in frames])

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        colours = [
            sum((np.array(_COLOURS.get(word, (0, 0, 0)), "f4") for word in text.split()), 1e-3)
            for text in texts
        ]
        return self._units(np.asarray(colours, "f4").reshape(-1, 3))

    def close(self) -> None:
        pass

    def _units(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        wide = np.zeros((len(vectors), self.dimension), np.float32)
        wide[:, :3] = vectors
        return wide / np.linalg.norm(wide, axis=1, keepdims=True)
