"""The embedder that runs ONNX models."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.arguments import as_list
from safelight.embedding.devices import cores
from safelight.embedding.onnx.batch_size import Batches
from safelight.embedding.onnx.graph import ImageGraph, TextGraph
from safelight.embedding.onnx.session import PROCESSOR
from safelight.errors import ModelInvalid
from safelight.forks import abandon, after_fork
from safelight.types import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from safelight.embedding.description import Description
    from safelight.embedding.devices import Device

# Texts at a time: more gain nothing on a processor, and memory grows with them.
_TEXTS_AT_ONCE = 16


class OnnxEmbedder:
    """An ONNX model of images and texts; see :class:`safelight.embedding.base.Embedder`.

    On a processor, calls of few images on one core each are faster than calls on all cores:
    :meth:`encode_prepared` splits what it is given accordingly.

    Parameters
    ----------
    description : Description
    name : str
        What people call the model.
    devices : sequence of Device
        Where it may run, best first; see :func:`safelight.embedding.onnx.session.open_session`.
    threads : int or None
        Processor cores to use; None for all that this process may use.
    batch_size : int or None
        Images to give to one call of the graph; None for what suits the device.
    """

    #: What ``--model`` takes to load it again; who loads it by a name sets it.
    reload_name: str | None = None

    def __init__(
        self,
        description: Description,
        name: str,
        *,
        devices: Sequence[Device] = (PROCESSOR,),
        threads: int | None = None,
        batch_size: int | None = None,
    ) -> None:
        self.name = name
        self.logit_scale = description.logit_scale
        self.logit_bias = description.logit_bias
        self.min_side = description.preprocessing.min_side
        self._description = description
        self._devices = devices
        self._threads = threads or cores()
        self._wanted = batch_size
        self._lock = Lock()
        self._image: ImageGraph | None = None
        self._text: TextGraph | None = None
        self._images: Batches | None = None
        self._texts = Batches("texts", _TEXTS_AT_ONCE)
        self._pool: ThreadPoolExecutor | None = None
        after_fork(self, OnnxEmbedder._renew)

    def _renew(self) -> None:
        """Leave the parent's sessions to it, whose threads are there; the next call loads again."""
        for inherited in (self._image, self._text, self._pool):
            abandon(inherited)
        self._forget()

    def _forget(self) -> None:
        self._lock = Lock()
        self._image = self._text = self._images = self._pool = None
        self._texts = Batches("texts", _TEXTS_AT_ONCE)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        for name in ("_lock", "_image", "_text", "_images", "_texts", "_pool"):
            del state[name]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Another process loads the weights from where they lie.
        self.__dict__.update(state)
        self._forget()
        after_fork(self, OnnxEmbedder._renew)

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of weights, preprocessing and tokenizer."""
        return self._description.fingerprint()

    @cached_property
    def dimension(self) -> int:
        """Length of every vector."""
        if self._description.dimension:
            return self._description.dimension
        graph = self._image or self._text_graph()
        return graph.dimension

    @property
    def where(self) -> Device:
        """Device that it runs on, or is meant to run on until its weights are loaded."""
        return self._image.device if self._image else self._devices[0]

    @property
    def batch_size(self) -> int:
        self._image_graph()
        return self._batches().size

    @property
    def workers(self) -> int:
        return self._image_graph().workers

    def prepare(self, frame: Frame) -> npt.NDArray[np.float32]:
        """Return one frame as the model's input, (3, height, width) float32."""
        return self._description.preprocessing.apply(frame.pixels)

    def encode_prepared(self, inputs: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """Embed tensors from :meth:`prepare`; (n, dimension) float32, rows of unit length."""
        if not len(inputs):
            return np.empty((0, self.dimension), np.float32)
        graph = self._image_graph()

        def call(start: int, stop: int) -> npt.NDArray[np.float32]:
            return graph.run(inputs[start:stop])

        each = map if graph.workers == 1 else self._workers(graph.workers).map
        return self._units(self._batches().run(len(inputs), call, each))

    def encode_images(self, frames: Frame | Sequence[Frame]) -> npt.NDArray[np.float32]:
        """Embed frames; (n, dimension) float32, rows of unit length."""
        frames = as_list(frames, "frames", Frame)
        return self.encode_prepared([self.prepare(frame) for frame in frames])

    def encode_texts(self, texts: str | Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed texts; (n, dimension) float32, rows of unit length.

        Warns
        -----
        UserWarning
            Once a call, if texts were longer than the model's context and were cut.
        """
        texts = as_list(texts, "texts", str)
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        graph = self._text_graph()
        ids, mask = graph.tokenizer(texts)

        def call(start: int, stop: int) -> npt.NDArray[np.float32]:
            return graph.run(ids[start:stop], mask[start:stop])

        return self._units(self._texts.run(len(texts), call))

    def close(self) -> None:
        """Release weights and threads; the next call loads them again."""
        with self._lock:
            pool, self._pool = self._pool, None
            self._image = self._text = None
        if pool is not None:
            pool.shutdown()

    def _image_graph(self) -> ImageGraph:
        with self._lock:
            if self._image is None:
                self._image = ImageGraph(self._description, self._devices, self._threads)
            return self._image

    def _text_graph(self) -> TextGraph:
        with self._lock:
            if self._text is None:
                self._text = TextGraph(self._description, self._devices, self._threads)
            return self._text

    def _batches(self) -> Batches:
        graph = self._image_graph()
        with self._lock:
            if self._images is None:
                size = graph.fixed_batch or self._wanted or graph.batch_size
                # On a processor it is other programs that take the memory, now and then; what a
                # GPU has room for stays the same.
                key = f"{self.fingerprint} {graph.device.name}" if graph.on_device else None
                self._images = Batches("images", size, None if self._wanted else key)
            return self._images

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
