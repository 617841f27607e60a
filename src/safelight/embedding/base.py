"""Interface of every embedding model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from safelight.arguments import as_having
from safelight.types import TextModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from safelight.embedding.devices import Device
    from safelight.types import Frame


class Embedder(TextModel, Protocol):
    """Turns images and texts into unit vectors of one space.

    Safe to call from several threads. Each side (image, text) loads its weights when it is first
    used, so that a text query never pays for the image side. More attributes: see
    :class:`safelight.types.TextModel`.

    Attributes
    ----------
    min_side : int
        Pixels that the shorter side of a frame should have for the model to lose nothing.
    where : Device
        Where it runs.
    batch_size, workers : int
        Images that are best given to one call of the model, and calls that are best made at the
        same time: :meth:`encode_prepared` splits what it is given accordingly. Asking loads the
        weights of the image side.
    """

    @property
    def min_side(self) -> int: ...
    @property
    def where(self) -> Device: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def workers(self) -> int: ...

    def prepare(self, frame: Frame) -> npt.NDArray[Any]:
        """Return one frame as the model's input array; cheap, for the threads that decode."""
        ...

    def encode_prepared(self, inputs: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """Embed tensors from :meth:`prepare`; (n, dimension) float32, rows of unit length."""
        ...

    def encode_images(self, frames: Frame | Sequence[Frame]) -> npt.NDArray[np.float32]:
        """Embed frames; (n, dimension) float32, rows of unit length."""
        ...

    def close(self) -> None:
        """Release weights and threads; the next call loads them again."""
        ...


#: Of :class:`Embedder`, without what some may leave out: ``close`` and the way to probabilities.
_NEEDED = (
    "name", "fingerprint", "dimension", "min_side", "batch_size", "workers",
    "prepare", "encode_prepared", "encode_images", "encode_texts",
)  # fmt: skip


def require_embedder(value: Any) -> Embedder:
    """Return an argument that is an embedder; no weights are loaded.

    Raises
    ------
    UsageError
        It lacks something, which is named.
    """
    return cast("Embedder", as_having(value, "embedder", "what load_embedder returns", *_NEEDED))
