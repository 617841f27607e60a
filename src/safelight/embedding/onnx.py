"""The embedder that runs ONNX models."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from safelight.embedding.digests import file_digest
from safelight.embedding.graphs import ImageGraph, TextGraph
from safelight.errors import ModelInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from safelight.embedding.description import Description
    from safelight.model import Frame

# Texts at a time: more gain nothing on a processor, and memory grows with them.
_TEXTS_AT_ONCE = 16


class OnnxEmbedder:
    """An ONNX model of images and texts; see :class:`safelight.embedding.protocol.Embedder`.

    Parameters
    ----------
    description : Description
    name : str
        What people call the model.
    device : str
        See :func:`safelight.embedding.session.open_session`.
    threads : int or None
        Processor cores to use; None for all that this process may use.
    logit_scale : float or None
        For a model whose files do not say it.

    Attributes
    ----------
    batch_size : int
        Images that are best given to one call of the graph.
    workers : int
        Calls that are best made at the same time. On a processor, calls of few images on one
        core each are faster than calls on all cores: :meth:`encode_prepared` splits what it is
        given accordingly, and may itself be called from several threads.
    """

    def __init__(
        self,
        description: Description,
        name: str,
        *,
        device: str = "auto",
        threads: int | None = None,
        logit_scale: float | None = None,
    ) -> None:
        self._description = description
        self.name = name
        self.logit_scale = description.logit_scale or logit_scale
        self.min_side = description.preprocessing.min_side
        self._device = device
        self._threads = threads or len(_cores())
        self._lock = Lock()
        self._image: ImageGraph | None = None
        self._text: TextGraph | None = None
        self._pool: ThreadPoolExecutor | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of weights, preprocessing and tokenizer."""
        description = self._description
        contents = {
            "weights": [file_digest(path) for path in description.weights],
            "tokenizer": file_digest(description.tokenizer),
            "preprocessing": description.preprocessing.describe(),
            "texts": description.rules.describe(),
            "dtype": "float32",
        }
        return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()

    @cached_property
    def dimension(self) -> int:
        """Length of every vector."""
        if self._description.dimension:
            return self._description.dimension
        graph = self._image or self._text_graph()
        return graph.dimension

    @property
    def batch_size(self) -> int:
        return self._image_graph().batch_size

    @property
    def workers(self) -> int:
        return self._image_graph().workers

    def prepare(self, frame: Frame) -> npt.NDArray[np.float32]:
        """Return one frame as the model's input, (3, height, width) float32."""
        return self._description.preprocessing.apply(frame.pixels)

    def encode_prepared(self, inputs: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        """Embed tensors from :meth:`prepare`; (n, dimension) float32, rows of unit length."""
        if not len(inputs):
            return np.empty((0, self.dimension), np.float32)
        graph = self._image_graph()
        parts = [
            inputs[start : start + graph.batch_size]
            for start in range(0, len(inputs), graph.batch_size)
        ]
        if len(parts) == 1 or graph.workers == 1:
            vectors = [graph.run(part) for part in parts]
        else:
            vectors = list(self._workers(graph.workers).map(graph.run, parts))
        return self._units(vectors)

    def encode_images(self, frames: Sequence[Frame]) -> npt.NDArray[np.float32]:
        """Embed frames; (n, dimension) float32, rows of unit length."""
        return self.encode_prepared([self.prepare(frame) for frame in frames])

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed texts; (n, dimension) float32, rows of unit length.

        Warns
        -----
        UserWarning
            Once a call, if texts were longer than the model's context and were cut.
        """
        if not len(texts):
            return np.empty((0, self.dimension), np.float32)
        graph = self._text_graph()
        ids, mask = graph.tokenizer(texts)
        vectors = [
            graph.run(ids[start : start + _TEXTS_AT_ONCE], mask[start : start + _TEXTS_AT_ONCE])
            for start in range(0, len(texts), _TEXTS_AT_ONCE)
        ]
        return self._units(vectors)

    def close(self) -> None:
        """Let go of weights and threads; the next call loads them anew."""
        with self._lock:
            pool, self._pool = self._pool, None
            self._image = self._text = None
        if pool is not None:
            pool.shutdown()

    def _image_graph(self) -> ImageGraph:
        with self._lock:
            if self._image is None:
                self._image = ImageGraph(self._description, self._device, self._threads)
            return self._image

    def _text_graph(self) -> TextGraph:
        with self._lock:
            if self._text is None:
                self._text = TextGraph(self._description, self._device, self._threads)
            return self._text

    def _workers(self, count: int) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(count, thread_name_prefix="safelight-embed")
            return self._pool

    def _units(self, parts: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        vectors = np.concatenate(parts)
        if vectors.shape[1] != self.dimension:
            raise ModelInvalid(
                f"{self.name} gave vectors of length {vectors.shape[1]}, but its configuration "
                f"says {self.dimension}: its files do not belong together."
            )
        with np.errstate(invalid="ignore", divide="ignore"):
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def _cores() -> Sequence[int]:
    if hasattr(os, "sched_getaffinity"):  # what a container or taskset leaves to us
        return sorted(os.sched_getaffinity(0))
    return range(os.cpu_count() or 1)
