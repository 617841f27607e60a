"""Cost of a cluster beside decoding and embedding, on one core: rows a second of each step.

Writing the manifest, looking up what is known, cutting and merging rows by prefix, and seeking
candidates among hashes. Rows are made: vectors of 512 numbers, 240 words, one file each.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from typing import TYPE_CHECKING

import numpy as np

from bench.measure import save, table
from safelight.cluster.bands import choose_bands
from safelight.cluster.candidate_run import RADIUS
from safelight.cluster.candidates import PHOTO, Plan, all_here
from safelight.cluster.listing import Listed
from safelight.cluster.manifest import read_known, write_round
from safelight.cluster.merging import joined, merge_prefix, split_photos
from safelight.exchange.parquet.columns import photo_schema
from safelight.exchange.parquet.locations import open_place
from safelight.exchange.parquet.to_arrow import photos_to_arrow
from safelight.ingest.sources.entry import Entry
from safelight.library.attributes.hashes import HashRecord
from safelight.library.rows import FileRow, PhotoRow, Provenance
from safelight.types import FileStat

if TYPE_CHECKING:
    from safelight.exchange.parquet.locations import Place

DIMENSION = 512


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--entries", type=int, default=100_000)
    arguments.add_argument("--rows", type=int, default=16_384)
    arguments.add_argument("--hashes", type=int, nargs="+", default=[50_000, 200_000, 800_000])
    given = arguments.parse_args()
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        place = open_place(name)
        found |= manifest(place, given.entries)
        found |= merging(place, given.rows)
    for count in given.hashes:
        found |= candidates(count)
    table([("a second", ""), *((step, f"{rate:,.0f}") for step, rate in found.items())])
    save("cluster_rows", found)


def manifest(place: Place, count: int) -> dict[str, float]:
    listed = [
        Listed(Entry(f"s3://bucket/{n // 1000}/{n}.jpg", f"{n}", FileStat(n, n, 0, 0)))
        for n in range(count)
    ]
    options = {"failing": frozenset(), "retry_failed": False, "most": 160}
    started = time.perf_counter()
    first = write_round(place, 0, "default", listed, known=read_known(place, []), **options)
    written = time.perf_counter()
    again = write_round(place, 1, "default", listed, known=read_known(place, [first]), **options)
    assert (again.entries, again.unchanged) == (0, count)
    return {
        "written into a manifest": count / (written - started),
        "found to be known": count / (time.perf_counter() - written),
    }


def merging(place: Place, count: int) -> dict[str, float]:
    chance = np.random.default_rng(0)
    rows = []
    for number in range(count):
        vector = chance.normal(size=DIMENSION).astype(np.float32)
        words = np.sort(chance.integers(0, 2**24, 240, np.uint32))
        rows.append(
            PhotoRow(
                hashlib.sha256(number.to_bytes(8, "big")).hexdigest(), "photo", 10**6,
                vector / np.linalg.norm(vector), "JPEG", 4000, 3000,
                hashes=HashRecord(
                    "1", chance.integers(0, 2**63, 4).astype(np.uint64), words,
                    chance.integers(0, 2**32, 240, np.uint32),
                ),
                files=(FileRow("default", f"s3://bucket/{number}.jpg", f"{number}.jpg"),),
                provenance=Provenance("0" * 64, "made"),
            )
        )  # fmt: skip
    batches = [photos_to_arrow(rows[n : n + 160], DIMENSION) for n in range(0, count, 160)]
    started = time.perf_counter()
    cut = [
        data
        for n in range(0, len(batches), 64)  # as many chunks as one task takes
        for batch in joined(batches[n : n + 64], photo_schema(DIMENSION))
        for _, data in split_photos(batch, 2)
    ]
    parted = time.perf_counter()
    merged = merge_prefix(place, "00", cut, [], DIMENSION, ())
    assert merged.photos == count
    return {
        "cut by prefix": count / (parted - started),
        "merged and written": count / (time.perf_counter() - parted),
    }


def candidates(count: int) -> dict[str, float]:
    chance = np.random.default_rng(1)
    photos = np.zeros(count, PHOTO)
    photos["hash"] = chance.integers(0, 2**63, (count, 4)).astype(np.uint64)
    # Every hundredth looks like the one before, in as many bits as are allowed.
    for number in range(1, count, 100):
        photos["hash"][number] = photos["hash"][number - 1]
        for bit in chance.choice(256, RADIUS, replace=False):
            photos["hash"][number][bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    photos["id"] = np.frombuffer(chance.bytes(32 * count), "V32")
    started = time.perf_counter()
    plan = Plan(choose_bands(RADIUS, count), max(1, count // 50_000), 2000)
    pairs, _ = all_here(photos, plan)
    seconds = time.perf_counter() - started
    assert len(pairs) == len(range(1, count, 100))
    return {f"sought among {count:,}": count / seconds}


if __name__ == "__main__":
    main()
