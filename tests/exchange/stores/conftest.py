"""A library of clustered vectors, and every store to send it to."""

from __future__ import annotations

import contextlib
import os
import uuid
from typing import TYPE_CHECKING

import numpy as np
import pytest
from qdrant_client import QdrantClient

from safelight.exchange.stores import open_store
from safelight.exchange.stores.qdrant import QdrantStore
from safelight.library.attributes.label_sets import use_label_set
from safelight.library.attributes.labels import LabelledPhoto, LabelRecord, write_labels
from safelight.library.attributes.scores import ScoreRecord, write_scores
from safelight.library.spaces import add_space
from safelight.library.write import FileRecord, ItemRecord, write
from safelight.types import Space
from tests.exchange.stores import qdrant_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from safelight.exchange.stores import VectorStore
    from safelight.library.database import Database

SPACE = Space("5e" * 32, "clusters", 32, "clusters")

#: One in so many photos is in the namespace, of the label, or scores well.
RARE = 20


def clustered(count: int, seed: int = 0, dimension: int = 32) -> np.ndarray:
    """Unit vectors in clusters, as those of photos are."""
    centres = np.random.default_rng(7).standard_normal((max(8, count // 40), dimension))
    random = np.random.default_rng(seed)
    vectors = centres[random.integers(0, len(centres), count)]
    vectors = vectors + 0.5 * random.standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def photo_id(number: int) -> str:
    return f"{number:064x}"


def fill(library: Database, count: int, first: int = 0, space: Space = SPACE) -> np.ndarray:
    """Add photos with vectors, two namespaces, dates, labels and scores."""
    add_space(library, space)
    vectors = clustered(count, first, space.dimension)
    items = {"default": [], "rare": []}
    for row, number in enumerate(range(first, first + count)):
        taken_at = f"20{number % 20:02}-06-15T12:00:00"
        items["default" if number % RARE else "rare"].append(
            ItemRecord(
                photo_id(number),
                "photo",
                1,
                vectors[row],
                format="JPEG",
                width=30,
                height=20,
                exif={"taken_at": taken_at, "camera_make": "Canon\0"},
            )
        )
    for namespace, some in items.items():
        files = [
            FileRecord(f"/p/{item.id}.jpg", f"{item.id}.jpg", None, item.id, {"by": "Åsa"})
            for item in some
        ]
        write(library, namespace, files, some, fingerprint=space.fingerprint)
    return vectors


def label_and_score(library: Database, count: int) -> None:
    """Label one photo in twenty "beach", and score another one in twenty high."""
    use_label_set(library, "v1", ["beach"], ["a photo of a {}"])
    beach = LabelRecord("beach", 0.9, 0.3, 0.9, True)
    write_labels(
        library,
        SPACE.fingerprint,
        "v1",
        {
            photo_id(number): LabelledPhoto((beach,) if number % RARE == 1 else (), False)
            for number in range(count)
        },
    )
    write_scores(
        library,
        {
            photo_id(number): [ScoreRecord("focus", "1", 1.0, 0.9 if number % RARE == 2 else 0.1)]
            for number in range(count)
        },
    )


@pytest.fixture
def qdrant() -> Iterator[qdrant_server.Server]:
    with qdrant_server.serving() as server:
        yield server


#: The address of a real Qdrant server to test with as well.
REAL_QDRANT = os.environ.get("SAFELIGHT_TEST_QDRANT", "")

KINDS = ["qdrant-memory", "qdrant-folder", "qdrant-rest", "postgresql"]


@pytest.fixture(params=[*KINDS, "qdrant"] if REAL_QDRANT else KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def count(kind: str) -> int:
    """Number of photos that suffices: a folder takes some hundred a second."""
    return 100 if kind == "qdrant-folder" else 400


@pytest.fixture
def open_place(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[], VectorStore]]:
    """Open the store that is tested, which is empty at first."""
    with contextlib.ExitStack() as stack:
        yield _opener(kind, request, tmp_path, stack)


def _opener(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, stack: contextlib.ExitStack
) -> Callable[[], VectorStore]:
    if kind == "qdrant-memory":
        memory = QdrantClient(":memory:")
        stack.callback(memory.close)
        kept = QdrantStore(memory, "qdrant in memory", local=True)
        kept.close = lambda: None  # type: ignore[method-assign]
        return lambda: kept
    if kind == "qdrant-folder":
        address = f"qdrant:{tmp_path / 'qdrant'}"
    elif kind == "qdrant-rest":
        address = request.getfixturevalue("qdrant").url
    elif kind == "qdrant":
        name = f"test-{uuid.uuid4().hex}"
        address = f"{REAL_QDRANT.rstrip('/')}/{name}"
        key = os.environ.get("SAFELIGHT_TEST_QDRANT_KEY")
        stack.callback(lambda: _clear(open_store(address, key=key)))
        return lambda: stack.enter_context(contextlib.closing(open_store(address, key=key)))
    else:
        address = request.getfixturevalue("postgres").new_schema()
    return lambda: stack.enter_context(contextlib.closing(open_store(address)))


def _clear(store: VectorStore) -> None:
    store.drop(SPACE.fingerprint)
    store.close()


@pytest.fixture
def store(open_place: Callable[[], VectorStore]) -> VectorStore:
    """An empty store of each kind."""
    return open_place()
