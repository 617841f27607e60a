"""PostgreSQL's index finds what the exact one finds, also where few photos pass a filter."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import psycopg

from safelight.exchange.stores import StoreIndex, open_store, sync
from safelight.library.files import allowed_items
from safelight.library.vector_index.flat import open_index
from tests.exchange.stores.conftest import RARE, SPACE, clustered, fill

if TYPE_CHECKING:
    from safelight.library.database import Database
    from tests.exchange.stores import postgres_server

COUNT = 6000


def test_recall_is_at_least_99_in_a_hundred(
    library: Database, postgres: postgres_server.Server
) -> None:
    address = postgres.new_schema()
    fill(library, COUNT)
    rare = np.asarray(allowed_items(library, namespace="rare"), np.int64)
    half = np.arange(1, COUNT, 2, dtype=np.int64)
    with closing(open_store(address)) as store:
        assert sync(library, store).left == 0
    # So that it is the index that is asked: so few rows would be scanned.
    for setting in ("enable_seqscan", "enable_sort"):
        postgres.run(f"ALTER ROLE postgres SET {setting} = off")
    try:
        table = f"safelight_{SPACE.fingerprint[:16]}"
        with psycopg.connect(address) as connection:
            for condition in ("true", "namespaces @> '{rare}'"):
                plan = connection.execute(
                    f"EXPLAIN SELECT photo_id FROM {table} WHERE {condition} "
                    f"ORDER BY embedding <=> (SELECT embedding FROM {table} LIMIT 1) LIMIT 10"
                ).fetchall()
                assert any("hnsw" in line for (line,) in plan), plan
        with closing(open_store(address)) as store:
            exact = open_index(library, SPACE.fingerprint)
            for allowed, namespace in ((None, None), (half, None), (rare, "rare")):
                # As with a million photos: neither half of them nor the namespace is named by id.
                index = StoreIndex(
                    library, store, SPACE.fingerprint, namespace=namespace, named=100
                )
                found = 0
                queries = clustered(50, seed=123)
                for query in queries:
                    expected = exact.search(query, 10, allowed=allowed)
                    near = index.search(query, 10, allowed=allowed)
                    assert len(near.keys) == 10
                    found += len(np.intersect1d(near.keys, expected.keys))
                assert found >= 0.99 * 10 * len(queries), (namespace, found)
    finally:
        postgres.run("ALTER ROLE postgres RESET ALL")
    assert len(rare) == COUNT // RARE
