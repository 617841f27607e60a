"""Image and text graph of a model: tensors in, embeddings out, whatever the names inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.embedding.devices import PROVIDERS
from safelight.embedding.onnx.batch_size import is_out_of_memory, out_of_memory
from safelight.embedding.onnx.session import open_session
from safelight.embedding.preprocess.tokenizer import TextTokenizer
from safelight.errors import ModelError, ModelInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from safelight.embedding.description import Description
    from safelight.embedding.devices import Device

_IMAGE_OUTPUTS = ("image_embeds", "image_embeddings", "embedding")
_TEXT_OUTPUTS = ("text_embeds", "text_embeddings", "embedding")
_POOLED = "pooler_output"

_IDS = ("input_ids", "text")
_MASK = "attention_mask"

_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}

# Measured on two cores: four images a call and a call on each core, 24.6 photos a second with
# decoding beside it; eight on both cores, 22.1. An accelerator wants more at once.
_CPU_BATCH, _DEVICE_BATCH = 4, 32


class _Graph:
    """An opened graph, with the one output that is the embedding."""

    def __init__(self, path: Path, session: Any, outputs: Sequence[str]) -> None:
        self._path = path
        self._session = session
        self.inputs = {node.name: node for node in session.get_inputs()}
        self._output = _embedding(path, session.get_outputs(), outputs)
        rows = next(iter(self.inputs.values())).shape[0]
        self.fixed_batch: int | None = rows if isinstance(rows, int) else None
        self.on_device = session.get_providers()[0] != PROVIDERS["cpu"]

    @property
    def length(self) -> int | None:
        """Length of the embedding, if the graph says so."""
        last = self._output.shape[-1]
        return last if isinstance(last, int) else None

    def run(self, feed: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """Return (n, d) float32 for inputs of n rows."""
        typed = {name: array.astype(self._dtype(name), copy=False) for name, array in feed.items()}
        if self.fixed_batch is None:
            return self._call(typed)
        rows, step = len(next(iter(typed.values()))), self.fixed_batch
        parts = []
        for start in range(0, rows, step):
            part = {name: array[start : start + step] for name, array in typed.items()}
            lacking = step - len(next(iter(part.values())))
            if lacking:  # fill up with copies of the last row
                part = {n: np.concatenate([a, a[-1:].repeat(lacking, 0)]) for n, a in part.items()}
            parts.append(self._call(part)[: step - lacking])
        return np.concatenate(parts)

    def _call(self, feed: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        try:
            vectors = self._session.run([self._output.name], dict(feed))[0]
        except Exception as error:  # onnxruntime's errors share no other base
            if is_out_of_memory(error):
                raise out_of_memory(str(self._path), error) from error
            raise ModelError(
                f"{self._path} failed to run: {error}", path=str(self._path)
            ) from error
        return np.asarray(vectors, np.float32)

    def _dtype(self, name: str) -> Any:
        kind = self.inputs[name].type
        if kind not in _TYPES:
            raise ModelInvalid(f"{self._path}: the input {name} is a {kind}, which is not known.")
        return _TYPES[kind]


class ImageGraph:
    """The image side of a model.

    Attributes
    ----------
    batch_size, workers : int
        See :class:`safelight.embedding.base.Embedder`.
    fixed_batch : int or None
        Images in a call, if the graph takes no other number.
    device : Device
    on_device : bool
        Whether that is anything but the processor.
    """

    def __init__(self, description: Description, devices: Sequence[Device], threads: int) -> None:
        path = description.image
        session = open_session(path, threads=1, devices=devices)
        outputs = (*_IMAGE_OUTPUTS, _POOLED) if description.pooled else _IMAGE_OUTPUTS
        self._graph = _Graph(path, session, outputs)
        images = [name for name, node in self._graph.inputs.items() if len(node.shape) == 4]
        if len(images) != 1 or len(self._graph.inputs) != 1:
            raise ModelInvalid(
                f"{path}: expected images as the only input, found {_listed(self._graph.inputs)}."
            )
        self._input = images[0]
        self._size = (3, *description.preprocessing.size)
        wanted = self._graph.inputs[self._input].shape[1:]
        if any(isinstance(w, int) and w != s for w, s in zip(wanted, self._size, strict=True)):
            raise ModelInvalid(
                f"{path} takes images of {wanted}, but its preprocessing makes {[*self._size]}: "
                "the files do not belong together."
            )
        self.fixed_batch = self._graph.fixed_batch
        self.device = next(d for d in devices if PROVIDERS[d.kind] in session.get_providers())
        self.on_device = self._graph.on_device
        self.workers = 1 if self.on_device else threads
        preferred = _DEVICE_BATCH if self.on_device else _CPU_BATCH
        self.batch_size = self._graph.fixed_batch or preferred

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return self._graph.length or self.run([np.zeros(self._size, np.float32)]).shape[1]

    def run(self, images: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        """Return (n, d) float32, not normalised."""
        return self._graph.run({self._input: np.stack(images)})


class TextGraph:
    """The text side of a model.

    Attributes
    ----------
    tokenizer : TextTokenizer
    """

    def __init__(self, description: Description, devices: Sequence[Device], threads: int) -> None:
        path = description.text
        session = open_session(path, threads=threads, devices=devices, lean=True)
        outputs = (*_TEXT_OUTPUTS, _POOLED) if description.pooled else _TEXT_OUTPUTS
        self._graph = _Graph(path, session, outputs)
        inputs = self._graph.inputs
        ids = [name for name in _IDS if name in inputs]
        unknown = set(inputs) - {*_IDS, _MASK}
        if len(ids) != 1 or unknown:
            raise ModelInvalid(
                f"{path}: expected token ids and perhaps {_MASK}, found {_listed(inputs)}."
            )
        self._ids = ids[0]
        length = inputs[self._ids].shape[1]
        fixed = isinstance(length, int)
        context = length if fixed else description.rules.context
        if context is None:
            raise ModelInvalid(
                f"Neither {path} nor the configuration beside it says how many tokens the model "
                "reads; model_max_length in tokenizer_config.json is missing."
            )
        self.tokenizer = TextTokenizer(
            description.tokenizer, description.rules, context, fixed=fixed
        )

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return self._graph.length or self.run(*self.tokenizer([""])).shape[1]

    def run(
        self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        """Return (n, d) float32, not normalised."""
        feed = {self._ids: ids}
        if _MASK in self._graph.inputs:
            feed[_MASK] = mask
        return self._graph.run(feed)


def _embedding(path: Path, outputs: Sequence[Any], names: Sequence[str]) -> Any:
    by_name = {node.name: node for node in outputs}
    for name in names:
        if name in by_name:
            return by_name[name]
    flat = [node for node in outputs if len(node.shape) == 2 and node.name != _POOLED]
    if len(outputs) == len(flat) == 1:
        return flat[0]
    raise ModelInvalid(
        f"{path}: none of the outputs is known to be the embedding: {_listed(by_name)}."
    )


def _listed(nodes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {node.type} {node.shape}" for name, node in nodes.items())
