"""CLIPEmbedder, the asynchronous embedder, and CLIPModel, which it replaces."""

from __future__ import annotations

import asyncio
import operator
import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

import numpy as np
from loguru import logger

from safelight.arguments import as_list, refused
from safelight.embedding.image_files import embed_files
from safelight.embedding.load import load_embedder
from safelight.errors import DecodeError, UsageError
from safelight.files.format import visible
from safelight.forks import abandon, after_fork
from safelight.types import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    from PIL import Image

    Vector = npt.NDArray[np.float32]
    PathLike = str | os.PathLike[str]

T = TypeVar("T")

DEFAULT_MODEL = "openai/clip-vit-base-patch32"


class CLIPEmbedder:
    """Embeds image files and texts; decoding and inference never block the event loop.

    All vectors are float32 of unit length. Use it as a context manager, or call :meth:`close`,
    to let go of the model before the program ends; nothing can be embedded after that.

    Parameters
    ----------
    model_name : str
        What :func:`safelight.load_embedder` takes. There is no falling back to another model.
    device : str
        ``auto`` (a GPU if there is one that can be used), ``cpu``, ``cuda``, ``cuda:N``, ``mps``
        and others (``safelight docs devices``). One that is named and not there is an error.
    local_files_only : bool
        Do not ask the hub for what is not on this machine.

    Raises
    ------
    ModelUnavailable
        The model is not on this machine and cannot be fetched, or the device is not there.
    ModelInvalid
        The model's files are missing, broken or not understood.

    Examples
    --------
    >>> import asyncio
    >>> with CLIPEmbedder("starter") as embedder:
    ...     embedder.encode_text("a red sports car").shape == (embedder.get_embedding_dimension(),)
    ...     asyncio.run(embedder.generate_embeddings_batch([]))
    True
    []
    """

    def __init__(
        self,
        model_name: str = DEFAULT_MODEL,
        device: str = "auto",
        *,
        local_files_only: bool = False,
    ) -> None:
        self.model_name = model_name
        self.device = device
        self._embedder = load_embedder(
            model_name, device=device, local_files_only=local_files_only, progress=True
        )
        # One thread a call that is under way; photos are decoded on threads of the call's own.
        self._is_closed = False
        self._threads = _threads()
        after_fork(self, CLIPEmbedder._renew)
        logger.info("CLIPEmbedder: {} on {}", model_name, self._embedder.where)

    def _renew(self) -> None:
        if not self._is_closed:
            abandon(self._threads)
            self._threads = _threads()

    def __getstate__(self) -> dict[str, Any]:
        self._require_open()
        return {name: value for name, value in self.__dict__.items() if name != "_threads"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._threads = _threads()
        after_fork(self, CLIPEmbedder._renew)

    async def generate_embedding(self, image_path: PathLike) -> Vector | None:
        """Return the vector of an image file, or None if it cannot be decoded.

        Parameters
        ----------
        image_path : path-like

        Returns
        -------
        (d,) float32 or None

        Raises
        ------
        FileNotFoundError
            There is no such file.
        """
        (outcome,) = await self._in_thread(lambda: list(embed_files(self._embedder, [image_path])))
        if isinstance(outcome, FileNotFoundError):
            raise outcome
        return _vector_or_none(image_path, outcome)

    async def generate_embeddings_batch(
        self,
        image_paths: PathLike | Sequence[PathLike],
        batch_size: int = 32,
        show_progress: bool = True,
    ) -> list[Vector | None]:
        """Return the vectors of image files, in order.

        Parameters
        ----------
        image_paths : sequence of path-like
        batch_size : int
            Images that are given to the model at once. No more than two batches are in memory.
        show_progress : bool
            Show a bar on standard error.

        Returns
        -------
        list of (d,) float32 or None
            None, and a warning in the log, for a file that is missing or cannot be decoded.

        Raises
        ------
        UsageError
            `batch_size` is not a whole number, or less than 1.
        """
        self._require_open()
        try:
            operator.index(batch_size)
        except TypeError:
            raise UsageError(f"batch_size should be a whole number, not {batch_size!r}.") from None
        if batch_size < 1:
            raise UsageError(f"batch_size should be at least 1, not {batch_size}.")
        # One that is not a path, like one that leads nowhere, costs its own vector and no other.
        paths: list[PathLike] = (
            [*image_paths]
            if isinstance(image_paths, list | tuple)
            else as_list(image_paths, "image_paths", str, os.PathLike)
        )
        if not paths:
            return []
        cancelled = threading.Event()

        def embed() -> list[Vector | None]:
            from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

            vectors: list[Vector | None] = []
            outcomes = embed_files(self._embedder, paths, batch_size=batch_size)
            bar = tqdm(total=len(paths), unit="image", disable=not show_progress)
            with closing(outcomes), bar:
                for path, outcome in zip(paths, outcomes, strict=True):
                    vectors.append(_vector_or_none(path, outcome))
                    bar.update()
                    if cancelled.is_set():
                        break
            return vectors

        try:
            vectors = await self._in_thread(embed)
        finally:
            cancelled.set()
        failed = sum(vector is None for vector in vectors)
        logger.log(
            "WARNING" if failed else "SUCCESS",
            "{} of {} images embedded",
            len(paths) - failed,
            len(paths),
        )
        return vectors

    @overload
    def encode_text(self, text: str) -> Vector: ...
    @overload
    def encode_text(self, text: list[str]) -> Vector: ...
    def encode_text(self, text: str | list[str]) -> Vector:
        """Return the vector of a text, (d,) float32, or those of a list of texts, (n, d)."""
        self._require_open()
        if isinstance(text, str):
            vector: Vector = self._embedder.encode_texts([text])[0]
            return vector
        return self._embedder.encode_texts(as_list(text, "text", str))

    def compute_similarity(self, embedding1: Vector, embedding2: Vector) -> float:
        """Return the cosine of two vectors of unit length, -1 to 1.

        Raises
        ------
        UsageError
            They are not two vectors of finite numbers of one length.
        """
        pair = _vector(embedding1, "embedding1"), _vector(embedding2, "embedding2")
        if pair[0].shape != pair[1].shape:
            raise UsageError(
                f"The embeddings have {len(pair[0])} and {len(pair[1])} numbers: they come from "
                "two models."
            )
        # Rounding can bring the product of a vector with itself just above 1.
        return float(np.clip(np.dot(*pair), -1.0, 1.0))

    def get_embedding_dimension(self) -> int:
        """Return the length of every vector."""
        return self._embedder.dimension

    def close(self) -> None:
        """Wait for calls under way, then let go of the model and the threads."""
        self._is_closed = True
        self._threads.shutdown()
        self._embedder.close()
        logger.debug("CLIPEmbedder: {} closed", self.model_name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _require_open(self) -> None:
        # The model itself would be loaded again, and nobody would let go of it.
        if self._is_closed:
            raise UsageError("This CLIPEmbedder was closed. Make another one.", code="closed")

    async def _in_thread(self, call: Callable[[], T]) -> T:
        self._require_open()
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


class CLIPModel:
    """The former, synchronous interface; use :class:`CLIPEmbedder` in new code.

    Parameters
    ----------
    device : str
        As :class:`CLIPEmbedder` takes it.
    model_name : str
    local_files_only : bool
        As :class:`CLIPEmbedder` takes it.
    """

    def __init__(
        self,
        device: str = "auto",
        model_name: str = DEFAULT_MODEL,
        *,
        local_files_only: bool = False,
    ) -> None:
        warnings.warn(
            "CLIPModel is deprecated: use CLIPEmbedder.", DeprecationWarning, stacklevel=2
        )
        self.device = device
        self._embedder = load_embedder(
            model_name, device=device, local_files_only=local_files_only, progress=True
        )

    @classmethod
    def from_pretrained(
        cls, model_name: str, *, local_files_only: bool = False, device: str = "auto"
    ) -> Self:
        """Return the model of a name or a folder, as transformers' class of this name does."""
        return cls(device, model_name, local_files_only=local_files_only)

    def encode_image(self, image: Image.Image) -> Vector:
        """Return the vector of a Pillow image, (d,) float32.

        Raises
        ------
        DecodeError
            It is closed, damaged, or not an image.
        """
        from PIL import ImageOps

        from safelight.imaging.colour import to_srgb

        try:
            upright = ImageOps.exif_transpose(image)
            pixels = np.ascontiguousarray(to_srgb(upright, image.info.get("icc_profile")))
            frame = Frame(pixels, upright.width, upright.height, image.format or "")
        except Exception as error:  # Pillow raises a dozen kinds for a closed or damaged image
            raise DecodeError(f"This image cannot be read: {error}.") from error
        vector: Vector = self._embedder.encode_images([frame])[0]
        return vector

    def encode_text(self, text: str | list[str]) -> Vector:
        """Return the vector of a text, (d,) float32, or those of a list of texts, (n, d)."""
        vectors = self._embedder.encode_texts([text] if isinstance(text, str) else text)
        return vectors[0] if isinstance(text, str) else vectors


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, thread_name_prefix="safelight-clip")


def _vector(value: npt.ArrayLike, name: str) -> Vector:
    """Return one vector, which may be a list or a row of its own, of finite numbers."""
    try:
        vector = np.asarray(value, np.float32)
    except (TypeError, ValueError):
        raise refused(name, "a vector", value) from None
    if vector.ndim == 2 and len(vector) == 1:
        vector = vector[0]
    if vector.ndim != 1 or not vector.size or not np.isfinite(vector).all():
        raise refused(name, "a vector of finite numbers", value)
    return vector


def _vector_or_none(path: PathLike, outcome: Vector | DecodeError | OSError) -> Vector | None:
    if isinstance(outcome, OSError):
        logger.warning("{}: {}", _shown(path), outcome.strerror)
        return None
    if isinstance(outcome, DecodeError):
        logger.warning("{} {}", _shown(path), outcome)
        return None
    return outcome


def _shown(path: object) -> str:
    return visible(str(path)[:4096])
