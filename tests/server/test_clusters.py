from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.library.spaces import add_space
from safelight.library.vector_index.flat import ExactIndex
from safelight.library.vector_index.ivf import ClusteredIndex
from safelight.settings import Settings
from safelight.types import Space
from tests.library.clouds import clouds, fill
from tests.server.conftest import running
from tests.waiting import until

if TYPE_CHECKING:
    from safelight.library.database import Database
    from tests.fakes import ColourEmbedder

COUNT = 3000


@pytest.fixture
def many(library: Database, embedder: ColourEmbedder) -> Database:
    """A library of 3,000 vectors, one in ten of them in a namespace of its own."""
    space = Space(embedder.fingerprint, embedder.name, embedder.dimension, embedder.name)
    add_space(library, space)
    vectors = clouds(COUNT, dimension=embedder.dimension)
    fill(library, vectors[:2700], fingerprint=space.fingerprint)
    fill(library, vectors[2700:], 2700, "rare", space.fingerprint)
    return library


def test_clusters_are_used_once_they_are_made(many: Database, embedder: ColourEmbedder) -> None:
    settings = Settings(library=many.path, clusters_from=1000)
    query = clouds(1, seed=3, dimension=embedder.dimension)[0].tolist()
    with running(many, embedder, settings) as server:

        def ask(**more: object) -> list[tuple[str, float]]:
            answer = server.post(
                "/api/v1/vectors/search", {"embedding": query, "limit": 10, **more}
            )
            assert answer.status_code == 200, answer.text
            return [(each["vector"]["id"], each["score"]) for each in answer.json()]

        before, rare_before = ask(), ask(namespace="rare")
        assert isinstance(server.service.searched().index, ExactIndex | ClusteredIndex)
        until(lambda: isinstance(server.service.searched().index, ClusteredIndex))
        after, rare_after = ask(), ask(namespace="rare")
    for one, other in ((before, after), (rare_before, rare_after)):
        assert [each for each, _ in one] == [each for each, _ in other]
        assert np.allclose([each for _, each in one], [each for _, each in other], atol=1e-5)
    assert len(after) == len(rare_after) == 10
