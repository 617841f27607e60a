"""A cluster beside the ordinary engine: photos a second with one and two workers, bytes a photo.

Both engines index the same made-up photos, 12-megapixel JPEGs and pictures of web size, with the
same model on a processor each. The time of processors that a photo takes depends less than the rate
on what else the machine does. What a cluster needs to start is told apart: Ray itself, and the
workers up to the first photos that are done. The rate is that of what comes after.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from PIL import Image

from bench import photos
from bench.measure import save, table
from safelight.cluster import command
from safelight.cluster.engine import cluster
from safelight.cluster.options import ClusterOptions
from safelight.embedding.load import load_embedder
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.database import Database
from safelight.settings import Settings

if TYPE_CHECKING:
    from safelight.ingest import Progress

#: The longer side of a picture on the web.
_WEB = 1024


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--photos", type=int, default=160, help="of 12 megapixels")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--model", default="starter")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folders = {"12 megapixels": photos.large(place / "large", given.photos)}
        folders["web size"] = web(folders["12 megapixels"], place / "web", copies=4)
        found: dict[tuple[str, str, int], list[Round]] = {}
        for number in range(given.rounds):
            for kind, folder in folders.items():
                for cores in (1, 2):  # in turns, so that a busy machine is busy for both
                    for engine, measure in (("ordinary", ordinary), ("ray", on_cluster)):
                        done = measure(
                            place / f"{kind} {cores} {number}", folder, cores, given.model
                        )
                        found.setdefault((kind, engine, cores), []).append(done)
        stored = sizes(place / f"web size 2 {given.rounds - 1}" / "set")
    rows = [row(*key, rounds) for key, rounds in found.items()]
    table([tuple(rows[0]), *(tuple(each.values()) for each in rows)])
    print()
    table([("bytes a photo", ""), *((column, f"{size:,.0f}") for column, size in stored.items())])
    save("cluster", {"rows": rows, "bytes": stored, "model": given.model})


def web(large: Path, folder: Path, copies: int) -> Path:
    """Write each photo smaller, `copies` times with another part of it, all different."""
    folder.mkdir()
    for number, path in enumerate(sorted(large.iterdir())):
        with Image.open(path) as opened:
            opened.draft("RGB", (2 * _WEB, 2 * _WEB))
            photo = opened.convert("RGB")
        for copy in range(copies):
            edge = photo.width * copy // 20
            part = photo.crop((edge, 0, photo.width, photo.height))
            part.thumbnail((_WEB, _WEB))
            part.save(folder / f"{number:03} {copy}.jpg", quality=85)
    return folder


class Clock:
    """Times of the first and the last photos, and their number."""

    def __init__(self) -> None:
        self.first: tuple[float, int] | None = None
        self.last: tuple[float, int] = (0.0, 0)

    def __call__(self, now: Progress) -> None:
        self.last = (time.perf_counter(), now.done)
        if self.first is None:
            self.first = self.last

    @property
    def rate(self) -> float:
        """Photos a second after the first ones."""
        assert self.first is not None
        return (self.last[1] - self.first[1]) / (self.last[0] - self.first[0])


@dataclass(frozen=True)
class Round:
    """Photos a second, milliseconds of processors a photo, and the seconds before the first."""

    rate: float
    processor: float
    start: float = 0.0
    first: float = 0.0


def ordinary(place: Path, folder: Path, threads: int, model: str) -> Round:
    clock, spent = Clock(), time.process_time()
    embedder = load_embedder(model, threads=threads)
    place.mkdir()
    with pinned(threads), Database(place / "library.db") as library:
        done = ingest(
            library,
            [parse_source(str(folder))],
            embedder,
            model=model,
            threads=threads,
            progress=clock,
        )
    clock.last = (time.perf_counter(), clock.last[1])  # the last batch was still to come
    embedder.close()
    assert (done.failed, done.new) == (0, len(os.listdir(folder)))
    return Round(clock.rate, 1000 * (time.process_time() - spent) / done.new)


def on_cluster(place: Path, folder: Path, workers: int, model: str) -> Round:
    clock, started = Clock(), time.perf_counter()
    with cluster(workers=workers):
        start = time.perf_counter() - started
        began = time.perf_counter()
        done = command.ingest(
            Settings.load({}),
            [str(folder)],
            ClusterOptions(output=str(place / "set"), model=model, workers=workers),
            progress=clock,
        )
    assert (done.failed, done.new) == (0, len(os.listdir(folder)))
    assert clock.first is not None
    return Round(clock.rate, 1000 * done.stages["work"] / done.new, start, clock.first[0] - began)


def row(kind: str, engine: str, cores: int, rounds: list[Round]) -> dict[str, Any]:
    rates = [each.rate for each in rounds]
    start, first = (
        statistics.median(getattr(each, name) for each in rounds) for name in ("start", "first")
    )
    return {
        "photos": kind,
        "engine": engine,
        "cores": cores,
        "a second": round(statistics.median(rates), 1),
        "from": round(min(rates), 1),
        "to": round(max(rates), 1),
        "processor ms": round(statistics.median(each.processor for each in rounds), 1),
        "Ray's start": round(start, 1) or "",
        "first done": round(first, 1) or "",
    }


@contextlib.contextmanager
def pinned(cores: int) -> Any:
    """Let this process have so many cores, as each worker of a cluster has its own."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:cores]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def sizes(data_set: Path) -> dict[str, float]:
    """Return the bytes of each column of a data set, a photo; and of its files as a whole."""
    columns: dict[str, float] = {}
    count = whole = 0
    for path in sorted(data_set.glob("photos/**/*.parquet")):
        file = pq.ParquetFile(path)
        whole += path.stat().st_size
        count += file.metadata.num_rows
        for group in range(file.metadata.num_row_groups):
            for number in range(file.metadata.num_columns):
                chunk = file.metadata.row_group(group).column(number)
                column = ".".join(chunk.path_in_schema.split(".")[:2])
                column = column if column.startswith("hashes") else column.split(".")[0]
                columns[column] = columns.get(column, 0) + chunk.total_compressed_size
    found = {column: size / count for column, size in columns.items()}
    return {"all": whole / count, "all but footers": sum(found.values()), **found}


if __name__ == "__main__":
    main()
