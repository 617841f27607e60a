"""The embedder that runs PyTorch models."""

from __future__ import annotations

import hashlib
import json
import warnings
from copy import copy
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.arguments import as_list
from safelight.embedding.onnx.batch_size import Batches, is_out_of_memory, out_of_memory
from safelight.errors import ModelError
from safelight.forks import after_fork
from safelight.types import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    import torch

    from safelight.embedding.devices import Device
    from safelight.embedding.torch.model import LoadedModel, TorchModel

# Images and texts at once. A GPU is busy from some hundred images on.
_CPU_IMAGES, _GPU_IMAGES = 8, 256
_CPU_TEXTS, _GPU_TEXTS = 16, 512


class TorchEmbedder:
    """A PyTorch model of images and texts; see :class:`safelight.embedding.base.Embedder`.

    Both sides are in one file of weights, and are loaded together when either is first used. On
    a GPU it computes in bfloat16 (float16 where the GPU has none), with the weights kept in
    float32: vectors have a cosine of more than 0.999 with those of the processor, and belong to
    the same space.

    Parameters
    ----------
    model : TorchModel
    name : str
        What people call the model.
    device : Device
    threads : int or None
        Processor cores to use; None for all.
    batch_size : int or None
        Images to give to the model at once; None for what suits the device.
    """

    #: What ``--model`` takes to load it again; who loads it by a name sets it.
    reload_name: str | None = None

    def __init__(
        self,
        model: TorchModel,
        name: str,
        *,
        device: Device,
        threads: int | None = None,
        batch_size: int | None = None,
    ) -> None:
        self.name = name
        self.model = model
        self.where = device
        self.dimension = model.dimension
        self.min_side = model.preprocessing.min_side
        self.workers = 1
        self._threads = threads
        self._lock = Lock()
        self._loaded: LoadedModel | None = None
        on_gpu = device.kind != "cpu"
        key = f"{self.fingerprint} {device.name}" if on_gpu else None
        preferred = batch_size or (_GPU_IMAGES if on_gpu else _CPU_IMAGES)
        self._images = Batches("images", preferred, None if batch_size else key)
        self._texts = Batches("texts", _GPU_TEXTS if on_gpu else _CPU_TEXTS, key)
        self._is_inherited = False
        after_fork(self, TorchEmbedder._renew)

    def _renew(self) -> None:
        self._lock = Lock()
        self._texts, self._images = copy(self._texts), copy(self._images)
        self._is_inherited = self._loaded is not None

    def __getstate__(self) -> dict[str, Any]:
        # Another process loads the weights from where they lie.
        kept = {name: value for name, value in self.__dict__.items() if name != "_lock"}
        return kept | {"_loaded": None, "_is_inherited": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = Lock()
        after_fork(self, TorchEmbedder._renew)

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of architecture, weights, preprocessing and tokenizer."""
        text = json.dumps(self.model.identity, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def batch_size(self) -> int:
        return self._images.size

    @property
    def logit_scale(self) -> float | None:
        return self._ready().logit_scale

    @property
    def logit_bias(self) -> float | None:
        return self._ready().logit_bias

    def prepare(self, frame: Frame) -> npt.NDArray[np.uint8]:
        """Return one frame as the model's input, (height, width, 3) uint8.

        It is scaled and normalised where the model runs: a quarter of the bytes go there.
        """
        return self.model.preprocessing.fit(frame.pixels)

    def encode_prepared(self, inputs: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """Embed arrays from :meth:`prepare`; (n, dimension) float32, rows of unit length."""
        if not len(inputs):
            return np.empty((0, self.dimension), np.float32)
        model = self._ready()
        preprocessing = self.model.preprocessing
        gain, offset = (self._moved(each) for each in (preprocessing.gain, preprocessing.offset))

        def encode(start: int, stop: int) -> torch.Tensor:
            pixels = self._moved(np.stack(inputs[start:stop])).permute(0, 3, 1, 2)
            return model.image(pixels * gain - offset)

        return self._encode(self._images, len(inputs), encode)

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
        model = self._ready()
        ids, cut = model.tokenize(texts)
        if cut:
            warnings.warn(
                f"{cut} of {len(texts)} texts {'is' if cut == 1 else 'are'} longer than the "
                f"{self.model.context} tokens that the model reads; the rest was cut off.",
                stacklevel=2,
            )

        def encode(start: int, stop: int) -> torch.Tensor:
            return model.text(self._moved(ids[start:stop].numpy()))

        return self._encode(self._texts, len(texts), encode)

    def close(self) -> None:
        """Release the weights; the next call loads them again."""
        with self._lock:
            self._loaded = None
        if self.where.kind == "cuda":
            import torch

            torch.cuda.empty_cache()

    def _ready(self) -> LoadedModel:
        if self._is_inherited:
            # Its threads, and the GPU, stayed with the parent; PyTorch would wait for them.
            raise ModelError(
                f"{self.name} was loaded before this process was forked, and PyTorch works in the "
                "parent only. Load it in the child, or start processes with "
                "multiprocessing.get_context('spawn').",
                code="forked",
                model=self.name,
            )
        with self._lock:
            if self._loaded is None:
                import torch

                if self.where.kind == "cpu" and self._threads:
                    torch.set_num_threads(self._threads)
                if self.where.kind == "cuda":
                    # What stays in float32 beside autocast may use the tensor cores.
                    torch.backends.cuda.matmul.allow_tf32 = True
                    torch.backends.cudnn.allow_tf32 = True
                loaded = self.model.load()
                try:
                    loaded.module.to(self.where.name)
                except RuntimeError as error:
                    if is_out_of_memory(error):
                        raise out_of_memory(self.name, error) from error
                    raise
                self._loaded = loaded
            return self._loaded

    def _moved(self, array: npt.NDArray[Any]) -> torch.Tensor:
        import torch

        tensor = torch.from_numpy(array)
        if self.where.kind == "cuda":  # from pinned memory the copy goes on beside the computing
            return tensor.pin_memory().to(self.where.name, non_blocking=True)
        return tensor.to(self.where.name)

    def _encode(
        self, batches: Batches, count: int, encode: Callable[[int, int], torch.Tensor]
    ) -> npt.NDArray[np.float32]:
        import torch

        kind = self.where.kind
        half = torch.float16
        if kind == "cuda" and torch.cuda.is_bf16_supported():
            half = torch.bfloat16

        def call(start: int, stop: int) -> torch.Tensor:
            try:
                with (
                    torch.inference_mode(),
                    torch.autocast("cuda" if kind == "cpu" else kind, half, enabled=kind != "cpu"),
                ):
                    vectors: torch.Tensor = encode(start, stop).float()
                    return vectors / vectors.norm(dim=1, keepdim=True)
            except RuntimeError as error:  # torch.OutOfMemoryError is one
                if is_out_of_memory(error):
                    if kind == "cuda":
                        torch.cuda.empty_cache()
                    raise out_of_memory(self.name, error) from error
                raise ModelError(f"{self.name} failed to run: {error}", model=self.name) from error

        parts = batches.run(count, call)
        # Only here are the results waited for: the batches before were queued without a pause.
        return np.ascontiguousarray(torch.cat(parts).cpu().numpy(), np.float32)
