"""Speed of each metric: 1 megapixel on one core, and a 12-megapixel file from disk.

Every round measures a fresh picture, so that what metrics share (grey, preview, wavelet) is paid by
the first that needs it, as in use; the sum of the three is what counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

from bench import photos
from bench.measure import save, table
from safelight.imaging import decode
from safelight.ingest.sources import parse_source
from safelight.quality import Picture, choose, score
from safelight.quality.picture import MIN_SIDE

THREE = ("sharpness", "exposure", "noise")


def megapixel() -> np.ndarray:
    """Return a photo of 1,000 by 1,000 pixels."""
    path = next(entry.path for entry in parse_source("demo").entries() if "coffee" in entry.path)
    image = Image.open(path).convert("RGB").resize((1500, 1000), Image.Resampling.BICUBIC)
    return np.asarray(image)[:, 250:1250].copy()


def one_megapixel(rounds: int) -> dict[str, float]:
    """Return the median milliseconds of each metric."""
    pixels = megapixel()
    metrics = {metric.name: metric for metric in choose() if metric.name != "clip_iqa"}
    order = [*THREE, *(name for name in metrics if name not in THREE)]
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds + 2):
        started = time.perf_counter()
        picture = Picture.of(pixels)
        for name in order:
            before = time.perf_counter()
            metrics[name].measure(picture)
            taken[name].append(time.perf_counter() - before)
            if name == THREE[-1]:
                taken["these three"].append(time.perf_counter() - started)
    return {name: round(1000 * statistics.median(each[2:]), 2) for name, each in taken.items()}


def large_file(path: Path, rounds: int) -> dict[str, float]:
    """Return the median milliseconds of a file's stages."""
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds + 1):
        started = time.perf_counter()
        frame = decode(path.read_bytes(), min_side=MIN_SIDE)
        decoded = time.perf_counter()
        Picture.of(frame)
        averaged = time.perf_counter()
        taken["reading and decoding"].append(decoded - started)
        taken["averaging to evaluation size"].append(averaged - decoded)
        started = time.perf_counter()
        score(path)
        taken["score(path), all of it"].append(time.perf_counter() - started)
    return {name: round(1000 * statistics.median(each[1:]), 1) for name, each in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    small = one_megapixel(options.rounds)
    table([("1 megapixel, one core", "ms"), *small.items()])
    with tempfile.TemporaryDirectory() as name:
        (path,) = photos.large(Path(name), 1).iterdir()
        large = large_file(path, max(5, options.rounds // 3))
    print()
    table([("a JPEG of 12 megapixels, one core", "ms"), *large.items()])
    save("quality_speed", {"1 megapixel": small, "12 megapixels": large})


if __name__ == "__main__":
    main()
