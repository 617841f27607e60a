"""Quick benchmark of this machine: photos decoded and embedded a second."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.embedding.load import load_embedder
from safelight.embedding.names import STARTER
from safelight.errors import ModelError
from safelight.imaging import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.embedding.base import Embedder
    from safelight.settings import Settings

#: What is measured takes about this long in all; reading weights comes on top.
SECONDS = 5.0

_DECODING = 1.0

# A model's share goes to images and texts so.
_IMAGES, _TEXTS = 0.6, 0.4

_MOST = 256

_CAPTIONS = ("a dog in snow", "two people", "a red car", "sunset over water")

# The model or the device cannot have the other: nothing to measure, and nothing wrong.
_NOT_THERE = ("device", "no-torch", "offline")


@dataclass(frozen=True, slots=True)
class ModelSpeed:
    """Speed of a model on one device.

    Attributes
    ----------
    device : str
        As ``--device`` names it.
    runtime : str or None
        What ran the model there.
    images, texts : float or None
        A second, decoding not counted.
    error : str or None
        Why it did not run.
    """

    device: str
    runtime: str | None = None
    images: float | None = None
    texts: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Speed:
    """Measured speeds.

    Attributes
    ----------
    photos : float
        Photos of twelve megapixels decoded a second, as an ingest decodes them for this model.
    model : str
    devices : tuple of ModelSpeed
    """

    photos: float
    model: str
    devices: tuple[ModelSpeed, ...]


def measure(
    settings: Settings, model: str, devices: Sequence[str], *, seconds: float = SECONDS
) -> Speed:
    """Measure decoding, and `model` on each of `devices`.

    A device that this model cannot run on is left out, unless it can run on none.

    Parameters
    ----------
    settings : Settings
    model : str
        What ``--model`` takes; it is not downloaded.
    devices : sequence of str
        As ``--device`` names them.
    seconds : float
        For all together.
    """
    from safelight.embedding.devices import cores

    jpeg = _photo()
    threads = settings.threads or cores()
    if model == STARTER:
        devices = [device for device in devices if device == "cpu"]  # which it is made for
    embedders: dict[str, Embedder] = {}
    failed: list[ModelSpeed] = []
    refused: list[ModelSpeed] = []
    for device in devices:
        try:
            embedders[device] = load_embedder(
                model,
                device=device,
                threads=settings.threads,
                batch_size=settings.batch_size,
                local_files_only=True,
            )
        except (ModelError, ImportError, OSError) as error:  # a runtime may be installed badly
            cannot = getattr(error, "code", None) in _NOT_THERE
            (refused if cannot else failed).append(ModelSpeed(device, error=_line(error)))
    if not embedders:
        failed += refused
    decoding = min(_DECODING, seconds / 4)
    sides = [embedder.min_side for embedder in embedders.values()]
    photos = _decoding(jpeg, sides[0] if sides else None, threads, decoding)
    share = (seconds - decoding) / max(1, len(embedders))
    measured = [_model(each, device, jpeg, share) for device, each in embedders.items()]
    return Speed(photos, model, (*measured, *failed))


def rate(call: Callable[[int], object], most: int, seconds: float) -> float:
    """Return how many a second `call` does at its best, given how many to do.

    Begins with one, to get ready, and then doubles the number as long as there is time, up to
    `most`: a large model on a slow machine is done with a few.
    """
    call(1)
    end = time.perf_counter() + seconds
    best, size = 0.0, 1
    while True:
        start = time.perf_counter()
        call(size)
        now = time.perf_counter()
        took = max(now - start, 1e-9)
        best = max(best, size / took)
        following = min(2 * size, most)
        if now + took * following / size > end:
            return best
        size = following


def _decoding(jpeg: bytes, side: int | None, threads: int, seconds: float) -> float:
    end = time.perf_counter() + seconds

    def work(_: int) -> int:
        done = 0
        while time.perf_counter() < end:
            decode(jpeg, min_side=side)
            done += 1
        return done

    start = time.perf_counter()
    with ThreadPoolExecutor(threads, thread_name_prefix="safelight-doctor") as pool:
        done = sum(pool.map(work, range(threads)))
    return done / (time.perf_counter() - start)


def _model(embedder: Embedder, device: str, jpeg: bytes, seconds: float) -> ModelSpeed:
    try:
        prepared = embedder.prepare(decode(jpeg, min_side=embedder.min_side))
        most = min(_MOST, embedder.batch_size * embedder.workers)
        inputs = [prepared] * most
        images = rate(lambda n: embedder.encode_prepared(inputs[:n]), most, seconds * _IMAGES)
        texts = [_CAPTIONS[n % len(_CAPTIONS)] for n in range(_MOST)]
        words = rate(lambda n: embedder.encode_texts(texts[:n]), len(texts), seconds * _TEXTS)
        return ModelSpeed(device, embedder.where.runtime, images, words)
    except (ModelError, ImportError, OSError) as error:
        return ModelSpeed(device, error=_line(error))
    finally:
        embedder.close()


def _photo() -> bytes:
    """Return a JPEG of 12 megapixels that takes as long to decode as those of phones do.

    Coarse colours under a fine grain, 3.6 MB: 29 ms where photos of that size and 3 to 4 MB take
    29 to 38.
    """
    import numpy as np
    from PIL import Image

    numbers = np.random.default_rng(0)
    coarse = Image.fromarray(numbers.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((1000, 750), Image.Resampling.BICUBIC), np.float32)
    grainy = np.clip(smooth + numbers.normal(0, 4, (750, 1000, 1)), 0, 255).astype(np.uint8)
    written = io.BytesIO()
    Image.fromarray(np.tile(grainy, (4, 4, 1))).save(written, "JPEG", quality=90)
    return written.getvalue()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
