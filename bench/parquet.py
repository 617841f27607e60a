"""A library out to Parquet and into another library: rows a second, size, memory.

    python -m bench.parquet [--count 100000] [--dimension 512] [--bare]

Photos have a file, EXIF data and a vector; without --bare six scores, three labels and hashes of
two hundred words as well. Each step is a process of its own. Beside wall-clock time, which
tells of what else the machine did, the time of its cores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.measure import save, table
from safelight.exchange.parquet.export import export_library
from safelight.exchange.parquet.load import import_data_set
from safelight.library.attributes.hashes import HashRecord, write_hashes
from safelight.library.attributes.label_sets import use_label_set
from safelight.library.attributes.labels import LabelledPhoto, LabelRecord, write_labels
from safelight.library.attributes.scores import ScoreRecord, write_scores
from safelight.library.database import Database
from safelight.library.spaces import add_space
from safelight.library.write import FileRecord, ItemRecord, write
from safelight.types import FileStat, Space

_AT_ONCE = 2000
_EXIF = {"taken_at": "2026-05-01T12:00:00", "camera_make": "Canon", "iso": 100}
_METRICS = ("sharpness", "focus", "exposure", "noise", "brisque", "niqe")
_LABELS = tuple(LabelRecord(name, 0.3, 0.2, 0.6, True) for name in ("beach", "dog", "sunset"))


def fill(path: Path, count: int, dimension: int, *, bare: bool) -> None:
    """Write photos as an ingest does."""
    random = np.random.default_rng(0)
    space = Space("5e" * 32, "random", dimension, "random")
    with Database(path) as library:
        add_space(library, space)
        use_label_set(library, "v1", ["beach", "dog", "sunset"], ["a photo of a {}"])
        for first in range(0, count, _AT_ONCE):
            some = range(first, min(first + _AT_ONCE, count))
            vectors = random.standard_normal((len(some), dimension)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            ids = [hashlib.sha256(str(number).encode()).hexdigest() for number in some]
            items = [
                ItemRecord(each, "photo", 4_000_000, vector, "JPEG", 6000, 4000, _EXIF)
                for each, vector in zip(ids, vectors, strict=True)
            ]
            files = []
            for number, each in zip(some, ids, strict=True):
                name = f"{number // 1000:04}/IMG_{number:07}.jpg"
                stat = FileStat(4_000_000, 10**18 + number, 10**18 + number, number)
                files.append(FileRecord(f"/photos/{name}", name, stat, each))
            write(library, "default", files, items, fingerprint=space.fingerprint)
            if bare:
                continue
            scores = [ScoreRecord(name, "1", *random.random(2).tolist()) for name in _METRICS]
            write_scores(library, dict.fromkeys(ids, scores))
            words = np.sort(random.integers(0, 2**32, 200, np.uint32))
            hashes = HashRecord("1", random.integers(0, 2**63, 4).astype(np.uint64), words, words)
            write_hashes(library, dict.fromkeys(ids, hashes))
            labelled = dict.fromkeys(ids, LabelledPhoto(_LABELS, False))
            write_labels(library, space.fingerprint, "v1", labelled)


def step(name: str, folder: Path) -> dict[str, Any]:
    """Do one step in this process."""
    began, used = time.perf_counter(), time.process_time()
    if name == "export":
        with Database(folder / "a.db") as library:
            rows = export_library(library, folder / "set").photos
    else:
        with Database(folder / "b.db") as library:
            done = import_data_set(library, folder / "set")
            assert not done.problems
            assert done.new == (done.photos if name == "import" else 0)
            rows = done.photos
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    return {
        "step": name,
        "rows a second": round(rows / wall),
        "rows a CPU second": round(rows / cpu),
        "seconds": round(wall, 2),
        "peak MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--bare", action="store_true", help="no scores, labels and hashes")
    parser.add_argument("--step", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.step:
        print(json.dumps(step(chosen.step[0], Path(chosen.step[1]))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "a.db", chosen.count, chosen.dimension, bare=chosen.bare)
        environ = {
            key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"
        }
        rows = []
        for each in ("export", "import", "import again"):
            done = subprocess.run(
                [sys.executable, "-m", "bench.parquet", "--step", each, name],
                env=environ, capture_output=True, text=True, check=True,
            )  # fmt: skip
            rows.append(json.loads(done.stdout))
        size = sum(each.stat().st_size for each in (folder / "set").rglob("*.parquet"))
        library = (folder / "a.db").stat().st_size
    table([tuple(rows[0]), *(tuple(row.values()) for row in rows)])
    print(f"data set {size / 1e6:,.0f} MB, library {library / 1e6:,.0f} MB")
    what = "bare" if chosen.bare else "all"
    save(
        f"parquet-{what}-{chosen.count}",
        {"count": chosen.count, "rows": rows, "bytes": size, "library": library},
    )


if __name__ == "__main__":
    main()
