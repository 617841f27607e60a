"""CLIP's ResNet at any resolution, as CLIP-IQA uses it.

Wang, Chan and Loy, "Exploring CLIP for assessing the look and feel of images", AAAI 2023: without
the positional embedding of its last pooling, the network takes a photo of any size, and its vector
keeps what a fixed 224 pixels throw away. It is a space of its own, for scores and not for searches.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from safelight.arguments import as_list
from safelight.errors import ModelInvalid
from safelight.types import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import torch

    from safelight.embedding.torch.embedder import TorchEmbedder


class WithoutPositions:
    """The image side without positions, and the text side as it is.

    Parameters
    ----------
    embedder : TorchEmbedder
        Of a CLIP model whose image side is a ResNet, such as ``RN50/openai#torch``.
    side : int or None
        The longer side that photos are reduced to; None for their own size, as published, for
        which every megapixel takes about 80 billion multiplications.

    Raises
    ------
    ModelInvalid
        The model's image side pools in another way.
    """

    def __init__(self, embedder: TorchEmbedder, side: int | None) -> None:
        loaded = embedder.model.load()
        pool = getattr(getattr(loaded.module, "visual", None), "attnpool", None)
        if pool is None or not hasattr(pool, "positional_embedding"):
            raise ModelInvalid(f"The image side of {embedder.name} is not a ResNet of CLIP's.")
        import torch

        # One row for all places: nothing is added, whatever their number.
        pool.positional_embedding = torch.nn.Parameter(
            torch.zeros_like(pool.positional_embedding[:1]), requires_grad=False
        )
        self._visual = loaded.module.visual.to(embedder.where.name)
        self._embedder = embedder
        self._side = side
        self.name = f"{embedder.name} without positions"
        self.min_side = side or 1
        self.dimension = embedder.dimension
        self.logit_scale, self.logit_bias = loaded.logit_scale, loaded.logit_bias
        self.fingerprint = hashlib.sha256(
            f"{embedder.fingerprint} without positions, {side}".encode()
        ).hexdigest()

    def encode_images(self, frames: Frame | Sequence[Frame]) -> npt.NDArray[np.float32]:
        """Embed frames, each at its size; (n, dimension) float32, rows of unit length."""
        import torch

        frames = as_list(frames, "frames", Frame)
        with torch.inference_mode():
            vectors = [self._visual(self._tensor(frame))[0] for frame in frames]
            if not vectors:
                return np.empty((0, self.dimension), np.float32)
            units = torch.nn.functional.normalize(torch.stack(vectors).float())
        return np.asarray(units.cpu().numpy(), np.float32)

    def encode_texts(self, texts: str | Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed texts; (n, dimension) float32, rows of unit length."""
        return self._embedder.encode_texts(texts)

    def _tensor(self, frame: Frame) -> torch.Tensor:
        import torch
        from PIL import Image

        pixels = frame.pixels
        longer = max(pixels.shape[:2])
        if self._side is not None and longer > self._side:
            height, width = (max(32, round(n * self._side / longer)) for n in pixels.shape[:2])
            image = Image.fromarray(pixels)
            pixels = np.asarray(image.resize((width, height), Image.Resampling.BOX))
        preprocessing = self._embedder.model.preprocessing
        tensor = pixels.transpose(2, 0, 1) * preprocessing.gain - preprocessing.offset
        return torch.from_numpy(tensor[None].astype(np.float32)).to(self._embedder.where.name)
