"""Batches with real photos behind their URIs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from safelight.ingest.sources.demo import demo_source
from safelight.labels.label_set import LabelSet
from safelight.pipeline.services.features import FeaturesService
from tests.fakes import ColourEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable

LABELS = LabelSet(("red", "green", "blue", "white", "red green", "blue green"), ("{} light",))


@pytest.fixture(scope="session")
def demo_photos() -> list[Path]:
    """Real photos, 450 pixels and more on their shorter side."""
    return sorted(Path(entry.path) for entry in demo_source().entries())


@pytest.fixture
def example(tmp_path: Path, demo_photos: list[Path]) -> dict[str, Any]:
    """The example of document 3, with a real photo behind its URIs, relative to `tmp_path`."""
    photo = demo_photos[0].read_bytes()
    photo_id = hashlib.sha256(photo).hexdigest()
    name = "992DDF60-302C-4AB3-A794-EE9D0DDC56AA.jpg"
    for place in (
        f"input/{name}",
        f"rankingInput/{photo_id}.jpg",
        f"rankingInput/{photo_id}_1024.jpg",
    ):
        path = tmp_path / "data" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo)
    batch: dict[str, Any] = json.loads(
        (Path(__file__).parent / "batch.json").read_text().replace("PHOTO_ID", photo_id)
    )
    return batch


@pytest.fixture
def make_service(tmp_path: Path) -> Callable[..., FeaturesService]:
    """Make a service in `tmp_path` that knows six colours."""

    def make(embedder: Any = None, **options: Any) -> FeaturesService:
        options = {"label_set": LABELS, "root": tmp_path, **options}
        return FeaturesService(embedder or ColourEmbedder(), **options)

    return make
