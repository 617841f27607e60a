"""Decoding time of one photo on one core, with and without scaled decoding.

Times: Pillow at full size and then resized, Pillow's scaled decode, and the other libraries that
could do it, where they are installed; how two threads share the work; and what other formats take,
most of which have no scaled decode. Change: the cosine between the embedding of the scaled and of
the full decode, with the frame's shorter side at least once, and twice, what the model takes.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from bench import photos
from bench.measure import save, table
from safelight.embedding.load import load_embedder
from safelight.imaging import decode

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE = 224


def _resized(image: Image.Image) -> np.ndarray:
    scale = SIDE / min(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def full(data: bytes) -> np.ndarray:
    return _resized(Image.open(io.BytesIO(data)).convert("RGB"))


def draft(data: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (2 * SIDE, 2 * SIDE))
    return _resized(image)


def ours(factor: int) -> Callable[[bytes], np.ndarray]:
    return lambda data: _resized(Image.fromarray(decode(data, min_side=factor * SIDE).pixels))


def simplejpeg(data: bytes) -> np.ndarray:
    import simplejpeg as library

    height, width, *_ = library.decode_jpeg_header(data)
    scale = 2 * SIDE / min(height, width)
    pixels = library.decode_jpeg(
        data, "RGB", min_height=int(height * scale), min_width=int(width * scale), min_factor=1
    )
    return _resized(Image.fromarray(pixels))


def opencv(data: bytes) -> np.ndarray:
    import cv2

    cv2.setNumThreads(1)
    flags = cv2.IMREAD_REDUCED_COLOR_4 | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    return _resized(Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)))


def times(files: list[bytes], rounds: int) -> dict[str, float]:
    """Return milliseconds a photo, the median over photos and rounds."""
    ways: dict[str, Callable[[bytes], np.ndarray]] = {
        "Pillow, full size": full,
        "Pillow, draft": draft,
        f"safelight, side {SIDE}": ours(1),
        f"safelight, side {2 * SIDE}": ours(2),
    }
    if find_spec("simplejpeg"):
        ways[f"simplejpeg, side {2 * SIDE}"] = simplejpeg
    if find_spec("cv2"):
        ways["OpenCV, reduced by 4"] = opencv
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for data in files:
            for name, way in ways.items():
                started = time.perf_counter()
                way(data)
                taken[name].append(1000 * (time.perf_counter() - started))
    return {name: round(statistics.median(each), 1) for name, each in taken.items()}


def threads(files: list[bytes], rounds: int) -> dict[str, float]:
    """Return photos a second on one thread and on two, the median over rounds."""
    taken: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for count, each in taken.items():
            with ThreadPoolExecutor(count) as pool:
                started = time.perf_counter()
                list(pool.map(ours(2), files))
                each.append(len(files) / (time.perf_counter() - started))
    return {str(count): round(statistics.median(each), 1) for count, each in taken.items()}


def formats(jpeg: bytes, rounds: int) -> dict[str, float]:
    """Return milliseconds for the same 12-megapixel photo in other formats, the median."""
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    kinds: dict[str, tuple[str, dict[str, object]]] = {
        "JPEG, progressive": ("JPEG", {"quality": 88, "progressive": True}),
        "PNG": ("PNG", {"compress_level": 3}),
        "WebP": ("WEBP", {"quality": 80, "method": 2}),
        "AVIF": ("AVIF", {"quality": 75, "speed": 10}),
        "TIFF, uncompressed": ("TIFF", {}),
        "BMP": ("BMP", {}),
    }
    found = {}
    for name, (form, options) in kinds.items():
        out = io.BytesIO()
        image.save(out, form, **options)
        times = []
        for _ in range(rounds):
            started = time.perf_counter()
            decode(out.getvalue(), min_side=2 * SIDE)
            times.append(1000 * (time.perf_counter() - started))
        found[name] = round(statistics.median(times), 1)
    return found


def change(files: list[bytes], model: str) -> dict[str, object]:
    """Return mean and worst cosine against the full decode."""
    embedder = load_embedder(model)
    cosines: dict[int, list[float]] = {1: [], 2: []}
    for data in files:
        whole = embedder.encode_images([decode(data)])[0]
        for factor, found in cosines.items():
            scaled = decode(data, min_side=factor * embedder.min_side // 2)
            found.append(float(embedder.encode_images([scaled])[0] @ whole))
    return {
        str(factor): {"mean": round(statistics.mean(each), 5), "worst": round(min(each), 5)}
        for factor, each in cosines.items()
    } | {"photos": len(files), "model": model, "side": embedder.min_side // 2}


def scalable(folder: Path, side: int) -> list[bytes]:
    """Return the real JPEGs that are large enough for a scaled decode to happen."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in (".jpg", ".jpeg"):
            try:
                with Image.open(path) as image:
                    if min(image.size) >= 2 * side:
                        found.append(path.read_bytes())
            except OSError:
                continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="starter")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        made = photos.large(Path(name), 8)
        large = [path.read_bytes() for path in sorted(made.iterdir())]
    found: dict[str, object] = {"milliseconds": times(large, options.rounds)}
    table([("12-megapixel JPEG to 224 pixels", "ms"), *found["milliseconds"].items()])
    found["photos a second"] = threads(large, options.rounds)
    print()
    table([("threads", "photos/s"), *found["photos a second"].items()])
    found["formats"] = formats(large[0], min(options.rounds, 3))
    print()
    table([(f"12 megapixels to {2 * SIDE} pixels or more", "ms"), *found["formats"].items()])
    real = os.environ.get("SAFELIGHT_TEST_PHOTOS")
    files = scalable(Path(real), SIDE) if real else large
    changed = change(files, options.model)
    found["cosine"] = changed
    print(f"\n{changed['photos']} JPEGs with {options.model}, cosine against the full decode:")
    table(
        [("shorter side at least", "mean", "worst")]
        + [(f"{n} x the model's", changed[n]["mean"], changed[n]["worst"]) for n in ("1", "2")]
    )
    save("decode", found)


if __name__ == "__main__":
    main()
