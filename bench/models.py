"""Images and texts a second, by model, runtime, dtype and batch size, beside plain ONNX Runtime.

Weights are random: how fast a model is does not depend on them. All contenders of a model take
turns in one run, so that a busy machine is busy for all. On a machine with a GPU:
``python -m bench.models --device cuda --batches 64 256 1024 --photos 20000``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.measure import save, table
from bench.peer import CACHE
from safelight.embedding.devices import is_usable
from safelight.embedding.image_files import embed_files
from safelight.embedding.load import load_embedder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.embedding.base import Embedder
    from safelight.types import Frame

DTYPES = ("fp32", "fp16", "int8")
TEXTS = [f"a photo of a dog and {number} cats on the beach" for number in range(64)]


@dataclass(frozen=True, slots=True)
class Rate:
    """Of one contender: the median a second, and of its ratio to plain ONNX Runtime by round."""

    name: str
    batch: int | None
    per_second: float
    ratio: float | None


def write(architecture: str) -> dict[str, Path]:
    """Return folders of a model with random weights: for open_clip, and exported in each dtype."""
    from tests.embedding.torch import random_models

    from safelight.embedding.torch.export import export_model

    folder = CACHE / "models" / architecture
    found = {"torch": folder / "torch"} | {dtype: folder / dtype for dtype in DTYPES}
    if not all(each.exists() for each in found.values()):
        print(f"writing random weights of {architecture} ...", file=sys.stderr)
        config = random_models.config_of(architecture, None)
        settings = random_models.CLIP_PREPROCESSING
        model = random_models.build_open_clip(config)
        random_models.write_open_clip(found["torch"], model, config, settings)
        original: Any = load_embedder(str(found["torch"]), device="cpu")
        for dtype in DTYPES:
            if not found[dtype].exists():
                export_model(
                    original.model, architecture, found[dtype], frames(8), dtype=dtype, force=True
                )
    return found


def frames(count: int) -> list[Frame]:
    """Return the demo's photos, as often as is needed."""
    from safelight.imaging import decode
    from safelight.ingest.sources import parse_source

    decoded = [decode(Path(e.path).read_bytes()) for e in parse_source("demo").entries()]
    return [decoded[number % len(decoded)] for number in range(count)]


def compare(
    contenders: dict[tuple[str, int | None], Callable[[], int]], base: str, rounds: int
) -> list[Rate]:
    """Run each in turn, `rounds` times; a contender returns how many it embedded."""
    rates: dict[tuple[str, int | None], list[float]] = {key: [] for key in contenders}
    for number in range(rounds + 1):
        for key, call in contenders.items():
            started = time.perf_counter()
            count = call()
            rate = count / (time.perf_counter() - started)
            if number:  # the first only warms up
                rates[key].append(rate)
    best = [key for key in rates if key[0] == base]
    # The peer at its own best batch size.
    peer = max(best, key=lambda key: statistics.median(rates[key]), default=None)
    return [
        Rate(
            name,
            batch,
            round(statistics.median(mine), 2),
            round(statistics.median(a / b for a, b in zip(mine, rates[peer], strict=True)), 3)
            if peer
            else None,
        )
        for (name, batch), mine in rates.items()
    ]


def plain(path: Path, name: str, device: str) -> Callable[[Sequence[Any], int], int]:
    """Return what runs a graph as onnxruntime's own documentation does."""
    import onnxruntime as ort

    providers = ["CUDAExecutionProvider"] if device.startswith("cuda") else []
    session = ort.InferenceSession(str(path), providers=[*providers, "CPUExecutionProvider"])

    def run(inputs: Sequence[Any], batch: int) -> int:
        for start in range(0, len(inputs), batch):
            session.run(None, {name: np.stack(inputs[start : start + batch])})
        return len(inputs)

    return run


def images(
    found: dict[str, Path], device: str, batches: list[int], count: int, rounds: int
) -> list[Rate]:
    """Decoded tensors to vectors."""
    photos = frames(count)
    contenders: dict[tuple[str, int | None], Callable[[], int]] = {}
    tensors = None
    for kind in ("fp32", "fp16", "int8", "torch"):
        if not is_usable("torch" if kind == "torch" else "onnx", device.partition(":")[0]):
            continue
        if kind == "fp16" and device == "cpu":
            continue  # it is computed in float32 there, through conversions
        sizes: list[int | None] = [None]
        if kind == "torch" or device != "cpu":
            sizes += batches
        for size in sizes:
            embedder = load_embedder(str(found[kind]), device=device, batch_size=size)
            inputs = [embedder.prepare(frame) for frame in photos]
            tensors = inputs if kind == "fp32" else tensors
            contenders[f"safelight {kind}", size] = _encode(embedder, inputs)
    if is_usable("onnx", device.partition(":")[0]):
        run = plain(found["fp32"] / "visual" / "model.onnx", "image", device)
        for batch in batches:
            contenders["onnxruntime fp32", batch] = lambda b=batch: run(tensors, b)
    return compare(contenders, "onnxruntime fp32", rounds)


def _encode(embedder: Embedder, inputs: Sequence[Any]) -> Callable[[], int]:
    return lambda: len(embedder.encode_prepared(inputs))


def texts(found: dict[str, Path], device: str, rounds: int) -> list[Rate]:
    """Texts to vectors, 64 in a call."""
    contenders: dict[tuple[str, int | None], Callable[[], int]] = {}
    for kind in ("fp32", "int8", "torch"):
        if is_usable("torch" if kind == "torch" else "onnx", device.partition(":")[0]):
            embedder = load_embedder(str(found[kind]), device=device)
            contenders[f"safelight {kind}", None] = lambda e=embedder: len(e.encode_texts(TEXTS))
    if is_usable("onnx", device.partition(":")[0]):
        tokenizer: Any = load_embedder(str(found["fp32"]), device="cpu")
        ids, _ = tokenizer._text_graph().tokenizer(TEXTS)
        run = plain(found["fp32"] / "textual" / "model.onnx", "text", device)
        rows = list(ids.astype(np.int32))
        contenders["onnxruntime fp32", 16] = lambda: run(rows, 16)
    return compare(contenders, "onnxruntime fp32", rounds)


def from_files(found: dict[str, Path], device: str, count: int, rounds: int) -> list[Rate]:
    """JPEGs of 500 x 375 on the local disk to vectors: read, decoded, prepared, embedded."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as name:
        photos = frames(16)

        def write_one(number: int) -> Path:
            path = Path(name, f"{number}.jpg")
            photo = Image.fromarray(photos[number % len(photos)].pixels)
            photo.resize((500, 375)).save(path, quality=90)
            return path

        with ThreadPoolExecutor() as pool:
            paths = list(pool.map(write_one, range(count)))
        contenders: dict[tuple[str, int | None], Callable[[], int]] = {}
        for kind in ("fp32", "int8", "torch"):
            if is_usable("torch" if kind == "torch" else "onnx", device.partition(":")[0]):
                embedder = load_embedder(str(found[kind]), device=device)
                contenders[f"safelight {kind}", None] = lambda e=embedder: sum(
                    1 for _ in embed_files(e, paths)
                )
        return compare(contenders, "", rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["ViT-B-32"], metavar="ARCHITECTURE")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4, 8, 16])
    parser.add_argument("--count", type=int, default=64, help="images in a round")
    parser.add_argument("--photos", type=int, default=128, help="JPEGs on disk")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    found: dict[str, Any] = {"device": options.device}
    rows: list[tuple[object, ...]] = [("model", "what", "contender", "batch", "a second", "ratio")]
    for architecture in options.models:
        folders = write(architecture)
        parts = {
            "images": images(
                folders, options.device, options.batches, options.count, options.rounds
            ),
            "texts": texts(folders, options.device, options.rounds),
            "files": from_files(folders, options.device, options.photos, min(3, options.rounds)),
        }
        found[architecture] = parts
        for what, rates in parts.items():
            rows += [
                (architecture, what, r.name, r.batch or "its own", r.per_second, r.ratio or "")
                for r in rates
            ]
    table(rows)
    save("models", found)


if __name__ == "__main__":
    sys.exit(main())
