"""Cost of features: with the model, without it, from the cache, and the floor beneath them.

The service runs on pictures with a longer side of 1,024 pixels, ViT-B/32 with random weights (how
fast a model is does not depend on them). The floor is what must be done, one step after the other
on one core each: decode with Pillow, and plain ONNX Runtime on the same graph.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from loguru import logger
from PIL import Image

from bench import photos
from bench.measure import save, table
from bench.models import write
from safelight.embedding.load import load_embedder
from safelight.imaging import decode
from safelight.library.database import Database
from safelight.pipeline.services.features import FeaturesService

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.embedding.base import Embedder


class NoModel:
    """A model that costs nothing: what is left is reading, decoding and measuring."""

    name = "none"
    fingerprint = "0" * 64
    dimension = 8
    logit_scale = 100.0
    logit_bias = None
    batch_size = 8
    workers = 1

    def __init__(self, embedder: Embedder) -> None:
        self.min_side = embedder.min_side
        self.where = embedder.where

    def prepare(self, frame: Any) -> Any:
        return frame.pixels[:1, :1]

    def encode_prepared(self, inputs: Any) -> Any:
        return np.eye(8, dtype=np.float32)[[number % 8 for number in range(len(inputs))]]

    def encode_images(self, frames: Any) -> Any:
        return self.encode_prepared(frames)

    def encode_texts(self, texts: Any) -> Any:
        return self.encode_prepared(texts)

    def close(self) -> None:
        pass


def standardised(folder: Path, count: int) -> list[dict[str, Any]]:
    """Write pictures as preprocess does, and return their artifacts."""
    artifacts = []
    originals = photos.large(folder / "originals", count)
    for path in sorted(originals.iterdir()):
        photo_id = hashlib.sha256(path.read_bytes()).hexdigest()
        with Image.open(path) as image:
            image.draft("RGB", (2048, 1536))
            small = image.resize((1024, 768), Image.Resampling.LANCZOS)
        copy = folder / f"{photo_id}_1024.jpg"
        small.save(copy, quality=95)
        path.unlink()
        artifacts.append({"photo_id": photo_id, "std_uri": str(copy)})
    return artifacts


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    logger.remove()
    folders = write("ViT-B-32")
    models = {dtype: load_embedder(str(folders[dtype])) for dtype in ("fp32", "int8")}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        artifacts = standardised(work, options.photos)
        batch = {"batch_id": "bench", "artifacts": artifacts}
        embedders: dict[str, Any] = {
            "ViT-B/32 fp32": models["fp32"],
            "ViT-B/32 int8": models["int8"],
            "without the model": NoModel(models["fp32"]),
        }
        seconds: dict[str, list[float]] = {name: [] for name in [*embedders, "floor"]}
        for number in range(options.rounds + 1):
            for kind, embedder in embedders.items():
                service = FeaturesService(embedder, root=work / f"{kind} {number}")
                service.process({"batch_id": "warm", "artifacts": artifacts[:1]})
                took = timed(lambda: service.process(batch)) / (len(artifacts) - 1)  # noqa: B023
                if number:  # the first only warms up
                    seconds[kind].append(took)
            took = timed(lambda: floor(models["fp32"], artifacts)) / len(artifacts)
            if number:
                seconds["floor"].append(took)
        cached = from_cache(models["fp32"], artifacts, work, options.rounds)
    found = {
        kind: {"ms": round(1000 * statistics.median(took), 1),
               "lowest": round(1000 * min(took), 1), "highest": round(1000 * max(took), 1)}
        for kind, took in seconds.items()
    }  # fmt: skip
    rows: list[tuple[object, ...]] = [("ms a picture", "median", "lowest", "highest")]
    rows += [(kind, each["ms"], each["lowest"], each["highest"]) for kind, each in found.items()]
    table(rows)
    print()
    rows = [("1,000 cached", "seconds")]
    table([*rows, *cached.items()])
    save("features", {"photos": options.photos, "each": found, "cached": cached})


def floor(embedder: Any, artifacts: list[dict[str, Any]]) -> None:
    """Decode each picture and embed it: what no service can leave out."""
    for artifact in artifacts:
        frame = decode(Path(artifact["std_uri"]).read_bytes(), min_side=embedder.min_side)
        embedder.encode_prepared([embedder.prepare(frame)])


def from_cache(
    embedder: Any, artifacts: list[dict[str, Any]], work: Path, rounds: int
) -> dict[str, float]:
    """Return the seconds that a service needs, from its start, for 1,000 cached artifacts."""
    many = [
        {**artifacts[number % len(artifacts)], "photo_id": f"{number:064x}"}
        for number in range(1000)
    ]
    batch = {"batch_id": "cached", "artifacts": many}
    found = {}
    with Database(work / "library.db") as library:
        for kind, options in {
            "files": {"root": work / "files"},
            "library": {"root": work / "library", "library": library},
        }.items():
            service = FeaturesService(embedder, **options)
            made = service.process({**batch, "artifacts": many[:8]})["artifacts"][0]["features"]
            service._cache.write({artifact["photo_id"]: made for artifact in many})
            took = []
            for _ in range(rounds):
                fresh = FeaturesService(embedder, **options)
                took.append(timed(lambda: fresh.process(batch)))  # noqa: B023
            found[kind] = round(statistics.median(took), 3)
    return found


if __name__ == "__main__":
    sys.exit(main())
