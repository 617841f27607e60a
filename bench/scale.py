"""Growth of cost with the number of vectors: write, index, search, start cold.

Libraries of 10,000, 100,000 and 1,000,000 vectors x 512 (``bench/vectors.py``), each searched with
our two indexes and, in processes of their own, with numpy, FAISS and usearch as their manuals
show it. Half of the queries are texts, half photos. ``pip install usearch`` for that.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import photos
from bench.measure import SAFELIGHT, median, run, save, table
from bench.peer import CACHE, MODEL
from bench.scale_plot import plot
from bench.vectors import DIMENSION, World
from safelight.library.database import Database
from safelight.library.spaces import default_space
from safelight.library.vector_index import flat_file, ivf_build
from safelight.library.vector_index.flat import matrix_path, open_index, open_with_state
from safelight.library.vector_index.ivf import ClusteredIndex
from safelight.library.write import FileRecord, ItemRecord, write
from safelight.server.estimates import Estimates
from safelight.types import FileStat

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

SIZES = (10_000, 100_000, 1_000_000)
TOP = 10
QUERIES = 100  # of each kind
BATCH = 500  # photos written at once
USEARCH_MOST = 100_000  # its graph takes minutes to build beyond
FILTERS = (0.5, 0.05, 0.005, 0.0005)
SECONDS = 30.0  # one contender's queries

OURS = ("exact", "exact in 8 bits", "clusters")
PEERS = ("numpy", "faiss flat", "faiss ivf", "usearch")


def queries() -> npt.NDArray[np.float32]:
    """Return the texts, then the photos."""
    world = World()
    return np.concatenate([world.texts(QUERIES, 7), world.photos(QUERIES, 10**9)])


def environ(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "SAFELIGHT_LIBRARY": str(folder / "library.db"),
        "XDG_CACHE_HOME": str(folder.parent / "cache"),  # digests of the model: made once
        "HF_HUB_OFFLINE": "1",
    }


def fill(folder: Path, count: int, model: Path) -> dict[str, Any]:
    """Write `count` photos as an ingest does, and index them; one of them is a real ingest's."""
    folder.mkdir(parents=True, exist_ok=True)
    one = photos.small(folder / "photos", 1)
    run([SAFELIGHT, "ingest", "-q", "--model", model, one], environ(folder))
    world = World()
    wall = cpu = 0.0
    with Database(folder / "library.db") as library:
        space = default_space(library)
        assert space is not None
        assert space.dimension == DIMENSION
        for start in range(0, count, 10 * BATCH):
            vectors = world.photos(10 * BATCH, start)
            for first in range(0, min(10 * BATCH, count - start), BATCH):
                items, files = _records(start + first, vectors[first : first + BATCH])
                began, used = time.perf_counter(), time.process_time()
                write(library, "default", files, items, fingerprint=space.fingerprint)
                wall += time.perf_counter() - began
                cpu += time.process_time() - used
        began = time.perf_counter()
        open_index(library, space.fingerprint)
        made_matrix = time.perf_counter() - began
        began, used = time.perf_counter(), time.process_time()
        assert ivf_build.make(library, space.fingerprint)
        made_clusters = time.perf_counter() - began
        cpu_clusters = time.process_time() - used
        sizes = {
            "library": library.path.stat().st_size,
            "matrix": matrix_path(library, space.fingerprint).stat().st_size,
            "clusters": ivf_build.clusters_path(library, space.fingerprint).stat().st_size,
        }
    return {
        "rows a second": round(count / wall),
        "rows a CPU second": round(count / cpu),
        "matrix seconds": round(made_matrix, 2),
        "clusters seconds": round(made_clusters, 2),
        "clusters CPU seconds": round(cpu_clusters, 2),
        "megabytes": {name: round(size / 1e6, 1) for name, size in sizes.items()},
    }


def _records(
    first: int, vectors: npt.NDArray[np.float32]
) -> tuple[list[ItemRecord], list[FileRecord]]:
    exif = {"taken_at": "2026-05-01T12:00:00", "make": "Canon", "model": "EOS R6"}
    items, files = [], []
    for number, vector in enumerate(vectors, first):
        item = ItemRecord(
            f"{number:064x}", "photo", 4_000_000 + number, vector, "jpeg", 6000, 4000, exif
        )
        path = f"/photos/{number // 1000:04}/IMG_{number:07}.jpg"
        stat = FileStat(item.size, 10**18 + number, 10**18, number)
        items.append(item)
        files.append(FileRecord(path, path[8:], stat, item.id, {}))
    return items, files


def _opened(folder: Path) -> tuple[Database, str]:
    library = Database(folder / "library.db", create=False)
    space = default_space(library)
    assert space is not None
    return library, space.fingerprint


def truth(folder: Path) -> npt.NDArray[np.int64]:
    """Return the keys of the nearest of each query, by comparing all."""
    library, fingerprint = _opened(folder)
    with library:
        index = open_index(library, fingerprint)
        return np.stack([index.search(query, TOP).keys for query in queries()])


# --- one contender, in a process of its own ----------------------------------------------------


def contend(name: str, folder: Path) -> dict[str, Any]:
    """Build what `name` searches with, ask everything once, then measure."""
    search, seconds = _built(name, folder)
    asked = queries()
    right = np.load(folder / "truth.npy")
    found = [search(query) for query in asked]  # also warms up
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < 5 * len(asked) and time.perf_counter() - began < SECONDS:
        query = asked[len(times) * 37 % len(asked)]
        started = time.perf_counter()
        search(query)
        times.append(1000 * (time.perf_counter() - started))
    recall = [np.isin(keys, best).mean() for keys, best in zip(found, right, strict=True)]
    return {
        "build seconds": round(seconds, 2),
        "p50": round(statistics.median(times), 2),
        "p99": round(float(np.percentile(times, 99)), 2),
        "least": round(min(times), 2),
        "recall": round(float(np.mean(recall)), 4),
        "recall of texts": round(float(np.mean(recall[:QUERIES])), 4),
        "megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _built(
    name: str, folder: Path
) -> tuple[Callable[[npt.NDArray[np.float32]], npt.NDArray[np.int64]], float]:
    library, fingerprint = _opened(folder)
    began = time.perf_counter()
    if name in OURS:
        exact, state = open_with_state(library, fingerprint)
        index: Any = exact
        if name == "exact in 8 bits":  # as `safelight serve` searches
            estimates = Estimates(exact.main[1])
            for _ in estimates.prepare():
                pass
            exact.hasten(estimates)
        if name == "clusters":
            assert state is not None
            found = ivf_build.read_current(library, fingerprint, state)
            assert found is not None
            index = ClusteredIndex(found, exact)
        return lambda query: index.search(query, TOP).keys, time.perf_counter() - began
    kept = flat_file.read(matrix_path(library, fingerprint))
    assert kept is not None
    keys = np.array(kept.keys)
    # Read, not mapped: what is mapped would count as this contender's memory.
    vectors = np.fromfile(
        matrix_path(library, fingerprint), "<f4", offset=4096 + 8 * len(keys)
    ).reshape(-1, DIMENSION)
    began = time.perf_counter()
    rows = _peer(name, vectors)
    return lambda query: keys[rows(query)], time.perf_counter() - began


def _peer(
    name: str, vectors: npt.NDArray[np.float32]
) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.int64]]:
    count = len(vectors)
    if name == "numpy":
        return lambda query: np.argpartition(vectors @ query, count - TOP)[count - TOP :]
    if name == "usearch":
        from usearch.index import Index

        graph = Index(ndim=DIMENSION, metric="ip", dtype="f16")
        graph.add(np.arange(count), vectors)
        return lambda query: graph.search(query, TOP).keys.astype(np.int64)
    import faiss

    index: Any = faiss.IndexFlatIP(DIMENSION)
    if name == "faiss ivf":
        lists = round(count**0.5)
        index = faiss.IndexIVFFlat(index, DIMENSION, lists, faiss.METRIC_INNER_PRODUCT)
        chosen = np.random.default_rng(0).choice(count, min(count, 64 * lists), replace=False)
        index.train(vectors[chosen])
        index.nprobe = 64
    index.add(vectors)
    return lambda query: index.search(query[None], TOP)[1][0]


# --- the whole -----------------------------------------------------------------------------------


def filtered(folder: Path) -> dict[str, Any]:
    """Return recall and milliseconds with filters that keep a part of the photos."""
    library, fingerprint = _opened(folder)
    results: dict[str, Any] = {}
    with library:
        exact, state = open_with_state(library, fingerprint)
        assert state is not None
        found = ivf_build.read_current(library, fingerprint, state)
        assert found is not None
        index = ClusteredIndex(found, exact)
        keys = exact.blocks[0][0]
        for share in FILTERS:
            random = np.random.default_rng(1)
            allowed = np.sort(random.choice(keys, round(share * len(keys)), replace=False))
            recall, times = [], []
            for query in queries()[:: QUERIES // 20]:
                started = time.perf_counter()
                near = index.search(query, TOP, allowed=allowed).keys
                times.append(1000 * (time.perf_counter() - started))
                best = exact.search(query, TOP, allowed=allowed).keys
                recall.append(np.isin(best, near).mean())
            results[f"{share:.2%}"] = {
                "recall": round(float(np.mean(recall)), 4),
                "p50": round(statistics.median(times), 1),
            }
    return results


def cold(folder: Path, rounds: int, **variables: str) -> dict[str, Any]:
    values = {**environ(folder), **variables}
    words = ("a dog in the snow", "two people on a beach", "red flowers", "an old car")
    search = [SAFELIGHT, "search"]
    run([*search, "a cat asleep"], values)
    return {
        "search": median([run([*search, words[each % 4]], values) for each in range(rounds)]),
        "status": median([run([SAFELIGHT, "status"], values) for _ in range(rounds)]),
    }


def real(folder: Path) -> dict[str, Any] | None:
    """Return the recall on real photos, each asked for what is like it, looking at a tenth.

    They are few: at its usual setting the search would look at all of them.
    """
    given = os.environ.get("SAFELIGHT_TEST_PHOTOS")
    if not given:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    run([SAFELIGHT, "ingest", "-q", "--model", "starter", given], environ(folder))
    library, fingerprint = _opened(folder)
    with library:
        ivf_build.make(library, fingerprint)
        exact, state = open_with_state(library, fingerprint)
        assert state is not None
        found = ivf_build.read_current(library, fingerprint, state)
        assert found is not None
        vectors = exact.blocks[0][1]
        index = ClusteredIndex(found, exact, scanned=len(vectors) // 10, few=0)
        recall = [
            np.isin(exact.search(query, TOP).keys, index.search(query, TOP).keys).mean()
            for query in np.array(vectors)
        ]
    return {"photos": len(vectors), "recall": round(float(np.mean(recall)), 4)}


def measure(folder: Path, count: int, model: Path, rounds: int) -> dict[str, Any]:
    if not (folder / "filled.json").exists():
        (folder.parent / "cache").mkdir(parents=True, exist_ok=True)
        filled = fill(folder, count, model)
        np.save(folder / "truth.npy", truth(folder))
        (folder / "filled.json").write_text(json.dumps(filled), encoding="utf-8")
    result = json.loads((folder / "filled.json").read_text(encoding="utf-8"))
    result["contenders"] = {}
    for name in (*OURS, *PEERS):
        if name == "usearch" and count > USEARCH_MOST:
            continue
        command = [sys.executable, "-m", "bench.scale", "--contender", name, "--folder", folder]
        with contextlib.suppress(ModuleNotFoundError):
            result["contenders"][name] = json.loads(run(command, dict(os.environ)).output)
        print(f"  {count:,} {name}: {result['contenders'][name]}", file=sys.stderr)
    result["filtered"] = filtered(folder)
    result["cold"] = cold(folder, rounds, SAFELIGHT_CLUSTERS_FROM="1")
    result["cold exact"] = cold(folder, rounds, SAFELIGHT_CLUSTERS_FROM=str(10**9))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="a folder for the libraries, to use them again")
    parser.add_argument("--model", type=Path, default=CACHE / MODEL, help="see bench/peer.py")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        print(json.dumps(contend(options.contender, options.folder)))
        return
    if not (options.model / "config.json").exists():
        sys.exit("A model of 512 numbers is needed: --model FOLDER, or run bench/against_rclip.py.")
    with tempfile.TemporaryDirectory() as name:
        work = options.keep or Path(name)
        found = {
            str(count): measure(work / str(count), count, options.model, options.rounds)
            for count in options.sizes
        }
        photos_found = real(work / "real")
    show(found)
    if photos_found is not None:
        print(f"\nreal photos, looking at a tenth of them: {photos_found}")
    save("scale", {"sizes": found, "real": photos_found})
    plot(found, Path(__file__).parent.parent / "docs" / "pictures" / "scale.svg")


def show(found: dict[str, dict[str, Any]]) -> None:
    rows: list[tuple[object, ...]] = [
        ("vectors", "searched with", "build s", "p50 ms", "p99 ms", "recall", "of texts", "MB")
    ]
    for count, each in found.items():
        for name, got in each["contenders"].items():
            built = got["build seconds"]
            if name == "clusters":
                built = each["clusters seconds"]
            elif name in OURS:  # the 8 bits need the matrix as well
                built = round(each["matrix seconds"] + built, 2)
            rows.append(
                (f"{int(count):,}", name, built, got["p50"], got["p99"], got["recall"],
                 got["recall of texts"], got["megabytes"])
            )  # fmt: skip
    table(rows)
    print()
    rows = [("vectors", "rows/s", "rows/CPU s", "library MB", "matrix MB", "clusters MB",
             "cold s", "cold MB", "cold exact s", "cold exact MB", "status s")]  # fmt: skip
    for count, each in found.items():
        size, cold_, exact = each["megabytes"], each["cold"], each["cold exact"]
        rows.append(
            (f"{int(count):,}", each["rows a second"], each["rows a CPU second"], size["library"],
             size["matrix"], size["clusters"], cold_["search"].seconds, cold_["search"].megabytes,
             exact["search"].seconds, exact["search"].megabytes, cold_["status"].seconds)
        )  # fmt: skip
    table(rows)
    print()
    rows = [("vectors", "filter keeps", "recall", "p50 ms")]
    for count, each in found.items():
        for share, got in each["filtered"].items():
            rows.append((f"{int(count):,}", share, got["recall"], got["p50"]))
    table(rows)


if __name__ == "__main__":
    main()
