"""Matches: judged against null queries of the same shape."""

from __future__ import annotations

import numpy as np
import pytest

from safelight.search.matches import LEAST_PHOTOS, null_queries, probabilities
from safelight.search.options import MATCHES
from safelight.search.query import Term

WORDS, PHOTOS = 240, 256


def _units(rng: np.random.Generator, count: int, dimension: int = 128) -> np.ndarray:
    vectors = rng.normal(size=(count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _near(vector: np.ndarray, rng: np.random.Generator, count: int, how: float) -> np.ndarray:
    vectors = how * vector + (1 - how) * _units(rng, count, len(vector))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    "terms",
    [
        [Term("text", "a dog")],
        [Term("text", "a dog"), Term("text", "snow")],
        [Term("text", "a dog", 0.3), Term("text", "snow", 5), Term("text", "people", -1)],
        [Term("text", "a dog"), Term("image", "a.jpg", 0.5)],
        [Term("photo", "3f2a")],
        [Term("image", "a.jpg"), Term("photo", "3f2a", 2.0)],
    ],
)
def test_what_was_asked_for_is_told_from_what_is_nearest(terms: list[Term]) -> None:
    rng = np.random.default_rng(1)
    words, photos, query = _units(rng, WORDS), _units(rng, PHOTOS), _units(rng, 1)[0]
    null = null_queries(terms, words, photos)
    assert null is not None
    assert np.allclose(np.linalg.norm(null.vectors, axis=1), 1)
    there = _near(query, rng, 5, 0.6)
    all_photos = np.concatenate([there, photos])
    found = probabilities(all_photos, query, null, there)
    assert (found[:5] >= MATCHES).all()
    assert (found[5:] >= MATCHES).mean() < 0.05
    # Without them, hardly one of 256 strangers passes.
    nearest = photos[np.argsort(-photos @ query)[:8]]
    assert (probabilities(photos, query, null, nearest) >= MATCHES).sum() <= 1


def test_nothing_is_told_without_anything_to_compare_with() -> None:
    rng = np.random.default_rng(2)
    words, few = _units(rng, WORDS), _units(rng, LEAST_PHOTOS - 1)
    assert null_queries([Term("text", "a")], None, few) is None
    assert null_queries([Term("photo", "3f")], words, few) is None
    assert null_queries([Term("text", "a"), Term("photo", "3f")], words, None) is None
    assert null_queries([Term("text", "a", -1)], words, few) is None


def test_a_model_of_noise_claims_no_matches() -> None:
    """As random weights have it: all photos alike, all texts alike, nothing to do with each other.

    Of 200 queries, hardly one may find anything.
    """
    rng = np.random.default_rng(3)
    towards, of_texts = _units(rng, 2, 512)
    photos = _near(towards, rng, 100, 0.8)
    words, queries = _near(of_texts, rng, WORDS, 0.8), _near(of_texts, rng, 200, 0.8)
    wrong = 0
    for query in queries:
        null = null_queries([Term("text", "x")], words, None)
        assert null is not None
        nearest = photos[np.argsort(-photos @ query)[:8]]
        wrong += bool((probabilities(nearest, query, null, nearest) >= MATCHES).any())
    assert wrong <= 2
