"""Photos for benchmarks, made from the demo's: large JPEGs, and a great many tiny files."""

from __future__ import annotations

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from safelight.ingest.sources import parse_source

if TYPE_CHECKING:
    from pathlib import Path

LARGE = (4000, 3000)


def large(folder: Path, count: int) -> Path:
    """Write `count` different 12-megapixel JPEGs, 4 to 6 MB each as cameras write them."""
    folder.mkdir(parents=True, exist_ok=True)
    originals = [Image.open(entry.path).convert("RGB") for entry in parse_source("demo").entries()]

    def make(number: int) -> None:
        chance = np.random.default_rng(number)
        photo = originals[number % len(originals)]
        # Another part of the photo each time, enlarged, with the grain of a real sensor.
        share = chance.uniform(0.7, 1.0)
        width, height = int(photo.width * share), int(photo.height * share)
        left = int(chance.integers(0, photo.width - width + 1))
        top = int(chance.integers(0, photo.height - height + 1))
        part = photo.crop((left, top, left + width, top + height))
        pixels = np.asarray(part.resize(LARGE, Image.Resampling.BICUBIC), np.int16)
        grain = chance.integers(-9, 10, pixels.shape, np.int16)
        noisy = Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))
        noisy.save(folder / f"photo {number:03}.jpg", quality=88, subsampling="4:2:0")

    with ThreadPoolExecutor() as pool:
        list(pool.map(make, range(count)))
    return folder


def small(folder: Path, count: int) -> Path:
    """Write `count` PNGs of one pixel, a thousand a folder; only a hundred differ.

    What is timed is bookkeeping: each file is listed, read, hashed and recorded, few are embedded.
    """
    for number in range(count):
        place = folder / f"{number // 1000:03}"
        if number % 1000 == 0:
            place.mkdir(parents=True)
        (place / f"{number}.png").write_bytes(_png(number % 100))
    return folder


def _png(number: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = b"\0" + number.to_bytes(3, "big")
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(pixels))
        + chunk(b"IEND", b"")
    )
