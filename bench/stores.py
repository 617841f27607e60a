"""Sending a library to a vector store, and searching there instead of in its own index.

    python -m bench.stores [--count 20000] [--dimension 512] [--store ADDRESS]

Without --store: a PostgreSQL that a package ships, as set up by its packagers. The vectors are
random and in clusters, one for some forty; one photo in twenty is in the namespace `rare`. The
index that everything is compared with is the exact one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tests.exchange.stores import postgres_server

from bench.measure import save, table
from safelight.exchange.stores import StoreIndex, open_store, sync
from safelight.library.database import Database
from safelight.library.files import allowed_items
from safelight.library.spaces import add_space
from safelight.library.vector_index.flat import open_index
from safelight.library.write import FileRecord, ItemRecord, write
from safelight.types import Space

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUERIES = 200
_RARE = 20
_AT_ONCE = 2000


def clustered(count: int, dimension: int, random: np.random.Generator) -> np.ndarray:
    """Unit vectors around centres, with as much noise as keeps neighbours a matter of degree."""
    centres = np.random.default_rng(1).standard_normal((max(8, count // 40), dimension))
    vectors = centres[random.integers(0, len(centres), count)]
    vectors = vectors + 0.6 * random.standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def fill(library: Database, space: Space, count: int) -> float:
    """Write photos; return rows a second."""
    add_space(library, space)
    vectors = clustered(count, space.dimension, np.random.default_rng(2))
    started = time.perf_counter()
    for namespace, rows in (
        ("default", np.flatnonzero(np.arange(count) % _RARE)),
        ("rare", np.arange(0, count, _RARE)),
    ):
        for some in np.array_split(rows, max(1, len(rows) // _AT_ONCE)):
            items = [ItemRecord(f"{row:064x}", "photo", 1, vectors[row]) for row in some]
            files = [FileRecord(f"/p/{item.id}.jpg", item.id, None, item.id) for item in items]
            write(library, namespace, files, items, fingerprint=space.fingerprint)
    return count / (time.perf_counter() - started)


@contextlib.contextmanager
def an_address(given: str | None) -> Iterator[str]:
    if given:
        yield given
        return
    with postgres_server.serving() as server:
        yield server.url


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--store")
    asked = parser.parse_args()
    space = Space("be" * 32, "bench", asked.dimension, "bench")
    with (
        tempfile.TemporaryDirectory() as folder,
        Database(Path(folder) / "library.db") as library,
        an_address(asked.store) as address,
        contextlib.closing(open_store(address, key=os.environ.get("SAFELIGHT_STORE_KEY"))) as store,
    ):
        written = fill(library, space, asked.count)
        sent = sync(library, store, take_over=True)
        if sent.problem or sent.left:
            raise SystemExit(f"{sent.left} left: {sent.problem}")
        exact = open_index(library, space.fingerprint)
        rows: list[tuple[object, ...]] = [("search", "recall at 10", "p50 ms", "p99 ms")]
        rare = np.asarray(allowed_items(library, namespace="rare"), np.int64)
        for name, namespace, allowed in (
            ("all", None, None),
            (f"one in {_RARE}, a namespace", "rare", rare),
        ):
            index = StoreIndex(library, store, space.fingerprint, namespace=namespace)
            times, found = [], 0
            queries = clustered(_QUERIES, asked.dimension, np.random.default_rng(3))
            index.search(queries[0], 10, allowed=allowed)
            for query in queries:
                started = time.perf_counter()
                near = index.search(query, 10, allowed=allowed)
                times.append(1000 * (time.perf_counter() - started))
                expected = exact.search(query, 10, allowed=allowed)
                found += len(np.intersect1d(near.keys, expected.keys))
            rows.append(
                (
                    name,
                    f"{found / (10 * len(queries)):.4f}",
                    f"{np.percentile(times, 50):.1f}",
                    f"{np.percentile(times, 99):.1f}",
                )
            )
        print(f"{asked.count:,} x {asked.dimension} to {sent.store.partition(':')[0]}")
        print(f"written to the library: {written:,.0f} a second")
        rate = sent.sent / sent.seconds
        print(f"sent, with the index built at the end: {rate:,.0f} a second")
        table(rows)
        save("stores", {"asked": vars(asked), "written": written, "sent": rate, "search": rows})
        if asked.store:
            store.drop(space.fingerprint)


if __name__ == "__main__":
    main()
