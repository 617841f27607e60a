from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.errors import StoreError
from safelight.exchange.stores import open_store
from safelight.library.outbox import add_store, queued
from safelight.settings import Secret, Settings
from tests.exchange.stores import qdrant_server
from tests.server.conftest import running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from safelight.library.database import Database
    from tests.fakes import ColourEmbedder


def test_what_is_uploaded_is_told_to_the_store(
    filled: Database,
    embedder: ColourEmbedder,
    make_photo: Callable[..., Path],
    tmp_path: Path,
) -> None:
    with qdrant_server.serving() as store:
        settings = Settings(library=filled.path, store=Secret(store.url))
        with running(filled, embedder, settings) as server:
            found = open_store(store.url)

            def ids() -> set[str]:
                try:
                    return set(found.ids(embedder.fingerprint))
                except StoreError:  # nothing was sent yet
                    return set()

            until(lambda: len(ids()) == 9)
            new = make_photo(tmp_path / "new.png", "blue", seed=7)
            answer = server.upload(("new.png", new.read_bytes()))
            photo_id = answer.json()["photos"][0]["photo_id"]
            until(lambda: photo_id in ids())
            found.close()


def test_a_store_that_is_away_keeps_nobody_from_searching(
    filled: Database, embedder: ColourEmbedder
) -> None:
    with qdrant_server.serving() as store:
        url = store.url
    settings = Settings(library=filled.path, store=Secret(url))
    with running(filled, embedder, settings) as server:
        key = add_store(filled, open_store(url).shown)
        hits = server.post("/api/v1/search", {"text": "red", "limit": 3}).json()
        assert len(hits["matches"]) == 3
        assert server.get("/health").status_code == 200
    assert queued(filled, key) == 9
