"""Scoring in full only what can be among the best finds the same as scoring all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.library.vector_index.flat import ExactIndex
from safelight.server.estimates import Estimates


def units(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def clustered(count: int, dimension: int, seed: int) -> np.ndarray:
    """Vectors as models make them: near each other, and a few components far larger than all."""
    chance = np.random.default_rng(seed)
    middles = chance.standard_normal((5, dimension))
    vectors = middles[chance.integers(0, 5, count)] + 0.3 * chance.standard_normal(
        (count, dimension)
    )
    vectors[:, 0] += 12
    return units(vectors)


def made(vectors: np.ndarray, **options: int) -> Estimates:
    found = Estimates(vectors, **options)
    for _ in found.prepare():
        pass
    return found


def both(vectors: np.ndarray) -> tuple[ExactIndex, ExactIndex]:
    keys = np.arange(len(vectors), dtype=np.int64) * 3
    plain, quick = (ExactIndex(vectors.shape[1], [(keys, vectors)]) for _ in range(2))
    quick.hasten(made(vectors))
    return plain, quick


@given(
    st.integers(1, 400), st.sampled_from([1, 2, 7, 64]), st.integers(1, 30), st.integers(0, 10**6)
)
def test_the_nearest_are_the_same(count, dimension, top, seed) -> None:
    vectors = units(np.random.default_rng(seed).standard_normal((count, dimension)))
    queries = units(np.random.default_rng(seed + 1).standard_normal((3, dimension)))
    some = [np.flatnonzero(np.arange(count) % 2 == 0)]
    few = [np.arange(count)[: count // 20]]
    plain, quick = both(vectors)
    for rows in (None, some, few):
        expected = plain.search_many(queries, [top] * 3, [rows] * 3)
        found = quick.search_many(queries, [top] * 3, [rows] * 3)
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_allclose(one.scores, other.scores, atol=1e-6)
            # Where two score the same but for the last bit, either may come first.
            close = np.abs(np.diff(one.scores, prepend=9, append=-9)).clip(max=1) < 1e-6
            apart = ~(close[1:] | close[:-1])
            np.testing.assert_array_equal(one.keys[apart], other.keys[apart])


def test_vectors_of_real_models_are_close_together_and_uneven() -> None:
    vectors = clustered(3000, 256, 1)
    queries = clustered(8, 256, 2)
    plain, quick = both(vectors)
    expected = plain.search_many(queries, [25] * 8, [None] * 8)
    found = quick.search_many(queries, [25] * 8, [None] * 8)
    for one, other in zip(expected, found, strict=True):
        assert set(one.keys.tolist()) == set(other.keys.tolist())


@pytest.mark.parametrize("vectors", [clustered(2500, 96, 3), units(np.eye(40) + 1e-9)])
def test_no_estimate_is_further_off_than_it_says(vectors) -> None:
    queries = units(np.random.default_rng(5).standard_normal((16, vectors.shape[1])))
    about, error = made(vectors, chunk=1000, turned=300)(queries)
    off = np.abs(about - queries.astype(np.float64) @ vectors.T.astype(np.float64)).max(axis=1)
    assert (off <= error).all()
    # And it says so much that few are left to be scored in full.
    assert error.max() < 0.1


def test_only_what_can_be_among_the_best_is_scored_in_full(monkeypatch) -> None:
    from safelight.library.vector_index import flat

    scored = []
    score = flat.cosines

    def counted(vectors, query, rows):
        scored.append(len(rows))
        return score(vectors, query, rows)

    monkeypatch.setattr(flat, "cosines", counted)
    vectors = units(np.random.default_rng(0).standard_normal((20_000, 128)))
    _, quick = both(vectors)
    quick.search_many(vectors[:1], [10], [None])
    assert len(scored) == 1
    assert 10 <= scored[0] < 2000


def test_what_was_added_since_is_found_as_well() -> None:
    vectors = units(np.random.default_rng(0).standard_normal((500, 32)))
    keys = np.arange(500, dtype=np.int64)
    index = ExactIndex(32, [(keys[:450], vectors[:450]), (keys[450:], vectors[450:])])
    assert len(index.main[0]) == 450
    index.hasten(made(index.main[1]))
    (found,) = index.search_many(vectors[480:481], [1], [None])
    assert found.keys.tolist() == [480]
    assert ExactIndex(32, []).main[1].shape == (0, 32)


def test_a_vector_of_zeros_makes_no_trouble() -> None:
    vectors = np.zeros((10, 8), np.float32)
    about, error = made(vectors)(np.zeros((1, 8), np.float32))
    assert not about.any()
    assert error[0] >= 0
