"""One model on several devices: cosine with the first, and images and texts a second.

Made for builds of ONNX Runtime that are installed in place of the plain one, as in
``python -m bench.devices FOLDER --devices cpu openvino``. Devices take turns in one run, so that a
busy machine is busy for all. The photos are those of the demo.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

from bench.measure import save, table
from bench.models import TEXTS, compare, frames
from safelight.embedding.load import load_embedder

if TYPE_CHECKING:
    from safelight.embedding.base import Embedder

_COLD = """
import sys, time, warnings
warnings.simplefilter("ignore")
from safelight.embedding.load import load_embedder
embedder = load_embedder(sys.argv[1], device=sys.argv[2])
started = time.perf_counter()
embedder.encode_texts(["a dog in the snow"])
print(time.perf_counter() - started)
"""


def cold(model: str, device: str, rounds: int) -> list[float]:
    """Return the seconds to a new process's first text, from the loading of weights."""
    call = [sys.executable, "-c", _COLD, model, device]
    return [
        float(subprocess.run(call, capture_output=True, text=True, check=True).stdout)
        for _ in range(rounds)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="what --model takes")
    parser.add_argument("--devices", nargs="+", default=["cpu", "openvino"])
    parser.add_argument("--count", type=int, default=64, help="images in a round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    embedders: dict[str, Embedder] = {
        device: load_embedder(options.model, device=device) for device in options.devices
    }
    first = options.devices[0]
    photos = frames(options.count)
    images = {device: each.encode_images(photos[:16]) for device, each in embedders.items()}
    texts = {device: each.encode_texts(TEXTS) for device, each in embedders.items()}
    inputs = embedders[first].prepare
    prepared = [inputs(photo) for photo in photos]
    rates = {
        "images": compare(
            {(d, None): lambda e=e: len(e.encode_prepared(prepared)) for d, e in embedders.items()},
            first,
            options.rounds,
        ),
        "texts": compare(
            {(d, None): lambda e=e: len(e.encode_texts(TEXTS)) for d, e in embedders.items()},
            first,
            options.rounds,
        ),
    }
    rows: list[tuple[object, ...]] = [
        ("device", "image cosine", "text cosine", "images/s", "ratio", "texts/s", "ratio", "cold s")
    ]
    found: dict[str, Any] = {"model": options.model, "devices": {}}
    for number, device in enumerate(options.devices):
        image = float((images[first] * images[device]).sum(axis=1).min())
        text = float((texts[first] * texts[device]).sum(axis=1).min())
        waits = cold(options.model, device, options.rounds)
        of_images, of_texts = rates["images"][number], rates["texts"][number]
        wait = round(statistics.median(waits), 2)
        rows.append(
            (device, f"{image:.6f}", f"{text:.6f}", of_images.per_second, of_images.ratio,
             of_texts.per_second, of_texts.ratio, wait)
        )  # fmt: skip
        found["devices"][device] = {
            "worst cosine": {"image": image, "text": text},
            "images": of_images,
            "texts": of_texts,
            "first text, cold": wait,
        }
    table(rows)
    save("devices", found)


if __name__ == "__main__":
    main()
