"""What every embedding model offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from safelight.model import Frame


class Embedder(Protocol):
    """Turns images and texts into unit vectors of one space.

    Safe to call from several threads. Each side (image, text) loads its weights when it is first
    used, so that a text query never pays for the image side.

    Attributes
    ----------
    name : str
        What people call the model, e.g. ``ViT-B-32/openai``.
    fingerprint : str
        Hex digest that names the space: weights, preprocessing and dtype, but not the runtime,
        the device, or the folder the files lie in.
    dimension : int
        Length of every vector.
    logit_scale : float or None
        What the model multiplies a cosine with before the softmax (or sigmoid); None if unknown.
    min_side : int
        Pixels that the shorter side of a frame should have for the model to lose nothing.
    """

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def logit_scale(self) -> float | None: ...
    @property
    def min_side(self) -> int: ...

    def prepare(self, frame: Frame) -> npt.NDArray[np.float32]:
        """Return one frame as the model's input tensor; cheap, for the threads that decode."""
        ...

    def encode_prepared(self, inputs: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        """Embed tensors from :meth:`prepare`; (n, dimension) float32, rows of unit length."""
        ...

    def encode_images(self, frames: Sequence[Frame]) -> npt.NDArray[np.float32]:
        """Embed frames; (n, dimension) float32, rows of unit length."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed texts; (n, dimension) float32, rows of unit length.

        A text longer than the model's context is cut as the model's authors cut it, with a
        :class:`UserWarning`.
        """
        ...
