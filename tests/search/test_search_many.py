"""Searches over clusters give what searches over everything give, whatever is filtered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from safelight.cli import safelight
from safelight.library.attributes.scores import ScoreRecord, write_scores
from safelight.library.database import Database
from safelight.library.spaces import add_space
from safelight.library.vector_index.flat import open_index
from safelight.library.vector_index.ivf import ClusteredIndex
from safelight.library.vector_index.ivf_build import make
from safelight.library.vector_index.open import open_fastest
from safelight.library.write import mark_gone
from safelight.search import search
from safelight.types import Space
from tests.fakes import ColourEmbedder
from tests.library.clouds import DIMENSION, clouds, fill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EMBEDDER = ColourEmbedder("clouds", DIMENSION)
FINGERPRINT = EMBEDDER.fingerprint


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """4,000 photos in clusters and 200 newer ones, in two namespaces, a third measured."""
    path: Path = tmp_path_factory.mktemp("many") / "library.db"
    with Database(path) as library:
        add_space(library, Space(FINGERPRINT, "clouds", DIMENSION, "clouds"))
        vectors = clouds(4200, seed=21)
        fill(library, vectors[:3600], 0, "default", FINGERPRINT)
        fill(library, vectors[3600:4000], 3600, "trips", FINGERPRINT)
        assert make(library, FINGERPRINT)
        fill(library, vectors[4000:], 4000, "trips", FINGERPRINT)
        score = np.random.default_rng(1).random(4200).tolist()
        write_scores(
            library,
            {f"{n:064x}": [ScoreRecord("focus", "1", s, s)] for n, s in enumerate(score) if n % 3},
        )
        mark_gone(library, range(1, 4201, 7))
        yield library


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"namespace": "trips"},
        {"least": {"focus": 0.3}},
        {"least": {"focus": 0.99}, "namespace": "default"},
        {"under": "/photos"},
        {"min_score": 0.6},
    ],
)
def test_hits_are_those_of_an_exact_search(many: Database, filters: dict[str, object]) -> None:
    assert isinstance(open_fastest(many, FINGERPRINT, clusters_from=4000), ClusteredIndex)
    exact = open_index(many, FINGERPRINT)
    for number in range(70, 4200, 140):
        query = f"photo:{number:064x}"
        near = search(many, query, EMBEDDER, clusters_from=4000, **filters)
        expected = search(many, query, EMBEDDER, index=exact, **filters)
        assert [hit.photo_id for hit in near] == [hit.photo_id for hit in expected]
        assert all(hit.path.startswith("/photos/") for hit in near)
        assert not any(int(hit.photo_id, 16) % 7 == 0 for hit in near), "those are gone"


def test_status_says_what_is_searched_with(many: Database) -> None:
    def index(clusters_from: int) -> tuple[str, dict[str, object]]:
        environ = {
            "SAFELIGHT_LIBRARY": str(many.path),
            "SAFELIGHT_CLUSTERS_FROM": str(clusters_from),
        }
        text = CliRunner().invoke(safelight, ["status"], env=environ).output
        found = json.loads(CliRunner().invoke(safelight, ["status", "--json"], env=environ).output)
        (line,) = [line for line in text.splitlines() if line.startswith("Index ")]
        return line.removeprefix("Index").strip(), found["spaces"][0]["index"]

    text, found = index(4000)
    assert text == "4,000 vectors in clusters, 200 newer ones compared one by one"
    assert (found["kind"], found["clustered"]) == ("clusters", 4000)
    text, found = index(50_000)
    assert text == "exact; clusters from 50,000 vectors on"
    assert (found["kind"], found["clustered"]) == ("exact", 0)
