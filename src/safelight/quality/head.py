"""A head on the embedding: a small network from a local file that turns a vector into a score.

A linear layer or a few of them, as the LAION aesthetics predictors are, or one trained by the user
on the embeddings of the library. The file's licence is the user's affair; the file's note about
it is passed on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from safelight.errors import ModelInvalid
from safelight.files import sha256_of
from safelight.quality.metric import Measurement
from safelight.quality.tensors import read_tensors

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from safelight.quality.picture import Picture

    Array = npt.NDArray[np.float64]

#: What may stand between two layers. LAION's predictors have nothing there.
ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "none": lambda x: x,
    "relu": lambda x: np.maximum(x, 0.0),
    "tanh": np.tanh,
}

#: The range of the value, unless the file says otherwise: AVA's votes, on which LAION's were
#: trained.
LOW, HIGH = 1.0, 10.0

# "layers.0.weight", "0.bias", "weight": a number orders the layers, where there are several.
_NAME = re.compile(r"(?:.*?\.)??(?:(\d+)\.)?(weight|bias)")


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head on the embedding; read from a file by :meth:`load`.

    The file is ``.safetensors`` or ``.npz``. Its arrays are called as PyTorch calls those of a
    sequence of linear layers: ``layers.0.weight`` (out, in) and ``layers.0.bias`` (out), and so on;
    of a single layer, ``weight`` and ``bias``. The last layer gives one number. Its metadata may
    hold ``activation`` (``none``, ``relu``, ``tanh``), ``low`` and ``high`` (the values that score
    0 and 1), ``fingerprint`` (of the space that it was made for) and ``licence``.
    """

    layers: tuple[tuple[Array, Array], ...]
    digest: str
    activation: str = "none"
    low: float = LOW
    high: float = HIGH
    fingerprint: str | None = None
    licence: str | None = None

    name = "head"

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a head.

        Raises
        ------
        ModelUnavailable
            The file cannot be read.
        ModelInvalid
            It holds no head, or one of a kind that is not known.
        """
        path = Path(path)
        tensors, about = read_tensors(path)
        activation = about.get("activation", "none").lower()
        if activation not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise ModelInvalid(f"{path}: activation is {activation!r}; choose from: {known}.")
        try:
            low, high = float(about.get("low", LOW)), float(about.get("high", HIGH))
        except ValueError as exc:
            raise ModelInvalid(f"{path}: low and high should be numbers.") from exc
        if not (np.isfinite([low, high]).all() and low < high):
            raise ModelInvalid(f"{path}: low is {low} and high {high}; low should be below high.")
        return cls(
            layers=_layers(path, tensors),
            digest=sha256_of(path),
            activation=activation,
            low=low,
            high=high,
            fingerprint=about.get("fingerprint"),
            licence=about.get("licence", about.get("license")),
        )

    @property
    def version(self) -> str:
        """Another file is another version."""
        return f"1-{self.digest[:12]}"

    @property
    def dimension(self) -> int:
        """Length of the vectors that it takes."""
        return int(self.layers[0][0].shape[1])

    def measure(self, picture: Picture) -> Measurement:
        """Run the photo's vector through the layers."""
        embedding = picture.embedding
        if embedding is None:
            return Measurement(None, None, "skipped", "it was not embedded")
        if embedding.shape != (self.dimension,):
            reason = f"its vector has {embedding.size} numbers, the head takes {self.dimension}"
            return Measurement(None, None, "skipped", reason)
        if self.fingerprint not in (None, picture.fingerprint):
            return Measurement(None, None, "skipped", "the head was made for another model")
        value = self(embedding)
        score = min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))
        return Measurement(value, score, details={"licence": self.licence})

    def __call__(self, embedding: npt.NDArray[np.float32]) -> float:
        """Return the value for a vector."""
        x = embedding.astype(np.float64)
        for index, (weight, bias) in enumerate(self.layers):
            if index:
                x = ACTIVATIONS[self.activation](x)
            x = weight @ x + bias
        return float(x[0])


def _layers(path: Path, tensors: Mapping[str, Array]) -> tuple[tuple[Array, Array], ...]:
    found: dict[int, dict[str, Array]] = {}
    for name, tensor in tensors.items():
        match = _NAME.fullmatch(name)
        kinds = found.setdefault(int(match[1] or 0), {}) if match else {}
        if match is None or match[2] in kinds:
            raise ModelInvalid(f"{path}: {name} is not a layer of a head.")
        kinds[match[2]] = tensor
    layers: list[tuple[Array, Array]] = []
    for number, kinds in sorted(found.items()):
        weight = kinds.get("weight")
        if weight is None or weight.ndim != 2 or (layers and weight.shape[1] != layers[-1][1].size):
            raise ModelInvalid(f"{path}: layer {number} does not fit the layer before it.")
        bias = kinds.get("bias", np.zeros(len(weight)))
        if bias.shape != (len(weight),) or not (
            np.isfinite(weight).all() and np.isfinite(bias).all()
        ):
            raise ModelInvalid(f"{path}: layer {number} has an impossible weight or bias.")
        layers.append((weight, bias))
    if not layers or layers[-1][1].size != 1:
        raise ModelInvalid(f"{path}: the last layer should give one number.")
    return tuple(layers)
