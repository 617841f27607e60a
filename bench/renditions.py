"""Cost of a JPEG's quality for the renditions of preprocess, and its effect on their scores.

Each photo is scaled to 1,024 pixels as preprocess does it; what is measured of the pixels is
compared with what is measured of the JPEG.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from bench import photos
from bench.measure import save, table
from safelight.errors import DecodeError
from safelight.imaging import decode
from safelight.pipeline.paths import PipelinePaths
from safelight.pipeline.services import renditions
from safelight.pipeline.services.ingest import IngestService
from safelight.pipeline.services.preprocess import PreprocessService
from safelight.quality import choose, score

METRICS = ("sharpness", "noise", "brisque", "niqe")
WAYS = [(90, "4:2:0"), (95, "4:4:4"), (98, "4:4:4"), (99, "4:4:4"), (100, "4:2:0"), (100, "4:4:4")]


def of_ways(folder: Path, limit: int) -> list[dict[str, object]]:
    """Return what each way of writing a JPEG does, medians over photos."""
    metrics = choose(list(METRICS))
    frames = []
    for path in sorted(folder.rglob("*.*")):
        try:
            frame = decode(path.read_bytes())
        except DecodeError:
            continue
        if max(frame.width, frame.height) < renditions.STD_SIDE:
            continue
        image = Image.fromarray(frame.pixels)
        size = renditions.fitted(image.size, renditions.STD_SIDE)
        frames.append(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
        if len(frames) == limit:
            break
    found = []
    for quality, subsampling in WAYS:
        sizes, noise, shifts = [], [], {name: [] for name in METRICS}
        lost = 0
        for image in frames:
            pixels = np.asarray(image)
            file = io.BytesIO()
            image.save(file, "JPEG", quality=quality, subsampling=subsampling)
            written = decode(file.getvalue()).pixels
            error = np.mean((written.astype(np.float64) - pixels) ** 2)
            sizes.append(len(file.getvalue()) / 1000)
            noise.append(10 * np.log10(255**2 / max(float(error), 1e-9)))
            before, after = score(pixels, metrics, True), score(written, metrics, True)
            lost += before.score("noise") is not None and after.score("noise") is None
            for name in METRICS:
                a, b = before.score(name), after.score(name)
                if a is not None and b is not None:
                    shifts[name].append(abs(a - b))
        row: dict[str, object] = {
            "quality": f"{quality}, {subsampling}",
            "kB": round(statistics.median(sizes)),
            "PSNR": round(statistics.median(noise), 1),
        }
        row |= {
            name: round(statistics.median(each), 4) if each else "-"
            for name, each in shifts.items()
        }
        row["noise lost"] = f"{100 * lost / len(frames):.0f}%"
        found.append(row)
    print(f"{len(frames)} photos")
    return found


def of_time(count: int) -> dict[str, float]:
    """Return milliseconds a 12-megapixel JPEG takes: ingest, preprocess, and when it is done."""
    with tempfile.TemporaryDirectory() as folder:
        places = PipelinePaths(Path(folder) / "data")
        photos.large(places.input, count)
        uris = [{"uri": f"./data/input/{path.name}"} for path in sorted(places.input.iterdir())]
        batch: dict[str, object] = {"batch_id": "b", "photos": uris}
        taken = {}
        for name, service in (
            ("ingest", IngestService(places)),
            ("preprocess", PreprocessService(places)),
            ("preprocess, copies there", PreprocessService(places)),
        ):
            started = time.perf_counter()
            batch = service.process(batch)
            taken[name] = round(1000 * (time.perf_counter() - started) / count, 1)
            if name == "preprocess":
                batch = {
                    "batch_id": "b",
                    "photo_index": [
                        {k: v for k, v in a.items() if k != "std_uri"} for a in batch["artifacts"]
                    ],
                }
        return taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="photos of 1,024 pixels and more")
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--count", type=int, default=24, help="12-megapixel files to time")
    options = parser.parse_args()
    ways = of_ways(options.folder, options.limit)
    table([tuple(ways[0]), *(tuple(row.values()) for row in ways)])
    taken = of_time(options.count)
    table([("step", "ms a photo"), *taken.items()])
    save("copies", {"ways": ways, "milliseconds": taken})


if __name__ == "__main__":
    main()
