"""Each kind of index finds the same pairs as comparing every pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.duplicates.candidates import hamming_index
from safelight.duplicates.candidates.cosine_index import CosineIndex
from safelight.duplicates.candidates.hamming_index import HashIndex
from safelight.duplicates.candidates.inverted_index import WordIndex
from safelight.duplicates.candidates.pairs import CandidatePairs, nearest
from safelight.duplicates.candidates.time_window_index import MomentIndex

COUNT = 700
ALL = np.arange(COUNT)


def _pairs(near: CandidatePairs) -> dict[tuple[int, int], float]:
    pairs = list(zip(near.asked.tolist(), near.found.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    return dict(zip(pairs, near.measured.tolist(), strict=True))


def _hashes(words: int, seed: int = 1) -> np.ndarray:
    """Hashes of which half are others with some bits changed, and some are equal."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, (COUNT, words), dtype=np.uint64)
    for row in range(COUNT // 2, COUNT):
        hashes[row] = hashes[rng.integers(0, COUNT // 2)]
        for bit in rng.choice(64 * words, rng.integers(0, 20), replace=False):
            hashes[row, bit // 64] ^= np.uint64(1 << int(bit % 64))
    hashes[rng.integers(0, COUNT, 20)] = hashes[0]
    return hashes


def _bits(one, other) -> np.ndarray:
    return np.bitwise_count(one[:, None] ^ other[None]).sum(axis=2)


@pytest.mark.parametrize(("words", "radius"), [(1, 0), (1, 3), (1, 9), (4, 10), (4, 31), (4, 40)])
@pytest.mark.parametrize("scanning", [0.0, 1e9])
def test_no_hash_within_the_radius_is_missed(words, radius, scanning) -> None:
    hashes = _hashes(words)
    bits = _bits(hashes, hashes)
    expected = {
        (row, other): float(bits[row, other])
        for row in range(COUNT)
        for other in range(row)
        if bits[row, other] <= radius
    }
    index = HashIndex(hashes, radius, scanning=scanning)
    assert bool(index._tables) == bool(scanning)
    assert _pairs(index.near(hashes[:, None], ALL, COUNT)) == expected
    # Few are compared with all, with the same result.
    found = {}
    for start in range(0, COUNT, 100):
        part = slice(start, start + 100)
        near = index.near(hashes[part, None], ALL[part], COUNT)
        found |= _pairs(CandidatePairs(near.asked + start, near.found, near.measured))
    assert found == expected


def test_tables_are_made_where_they_help() -> None:
    assert hamming_index._parts(64, 8, 100_000)
    assert hamming_index._parts(256, 31, 100_000)
    assert hamming_index._parts(256, 100, 100_000) is None


@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 2**32))
def test_parts_leave_no_way_to_differ_in_few_bits(parts, radius, seed) -> None:
    bits = 64
    within = hamming_index.split_radius(bits, radius, parts)
    assert sum(size for size, _ in within) == bits
    # Whoever differs in `radius` bits is within the limit of some part.
    flipped = np.random.default_rng(seed).choice(bits, radius, replace=False)
    assert any((flipped % parts == part).sum() <= limit for part, (_, limit) in enumerate(within))


def test_the_nearest_variant_counts_and_the_nearest_hashes_are_taken() -> None:
    hashes = _hashes(4)
    asked = np.stack([np.roll(hashes, 7, axis=0), hashes], axis=1)
    bits = np.minimum(_bits(asked[:, 0], hashes), _bits(asked[:, 1], hashes))
    near = HashIndex(hashes, 31).near(asked, ALL, 2)
    found = _pairs(near)
    for row in range(COUNT):
        distances = sorted(bits[row, other] for other in range(row) if bits[row, other] <= 31)
        mine = sorted(measured for (asked_row, _), measured in found.items() if asked_row == row)
        assert mine == distances[:2]
    assert all(bits[row, other] == measured for (row, other), measured in found.items())


def test_ten_thousand_equal_hashes_do_not_make_a_hundred_million_pairs() -> None:
    hashes = np.zeros((10_000, 4), np.uint64)
    near = HashIndex(hashes, 31).near(hashes[:, None], np.arange(10_000), 3)
    assert _pairs(CandidatePairs(near.asked[-3:], near.found[-3:], near.measured[-3:])) == {
        (9999, 9998): 0.0,
        (9999, 9997): 0.0,
        (9999, 9996): 0.0,
    }
    assert len(near) == 1 + 2 + 9997 * 3


def _vectors(dimension: int, *, spread: float) -> np.ndarray:
    rng = np.random.default_rng(2)
    scale = np.arange(1, dimension + 1) ** -spread
    vectors = rng.standard_normal((COUNT, dimension)) * scale
    vectors[COUNT // 2 :] = vectors[: COUNT // 2] + 0.3 * vectors[COUNT // 2 :]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("spread", [0.0, 0.7])
@pytest.mark.parametrize("floor", [0.3, 0.9])
@pytest.mark.parametrize("at_once", [64, COUNT])
def test_no_cosine_above_the_floor_is_missed(spread, floor, at_once) -> None:
    vectors = _vectors(96, spread=spread)
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    expected = {
        (row, other) for row in range(COUNT) for other in range(row) if cosines[row, other] >= floor
    }
    index = CosineIndex([vectors[:300], vectors[300:]], ALL, floor, compared=128, few=256)
    found = {}
    for start in range(0, COUNT, at_once):
        part = slice(start, start + at_once)
        near = index.near(vectors[part], ALL[part], COUNT)
        found |= _pairs(CandidatePairs(near.asked + start, near.found, near.measured))
    assert set(found) == expected
    assert all(abs(cosines[pair] - cosine) < 1e-5 for pair, cosine in found.items())


def test_what_the_short_products_leave_out_could_not_reach_the_floor() -> None:
    vectors = _vectors(96, spread=0.7)
    index = CosineIndex([vectors], ALL, 0.9, few=256)
    assert index._bounding is not None
    directions, short = index._bounding
    assert directions.shape[1] < 96
    bounds = short[0] @ short[0].T
    assert (bounds >= vectors @ vectors.T - 1e-5).all()


def test_only_places_before_and_only_those_that_are_compared() -> None:
    vectors = _vectors(32, spread=0.7)
    places = ALL[::-1].copy()
    places[5] = -1
    found = _pairs(CosineIndex([vectors], places, 0.5, few=256).near(vectors, places, COUNT))
    expected = _pairs(CosineIndex([vectors], ALL, 0.5, few=256).near(vectors, ALL, COUNT))
    rows = {place: row for row, place in enumerate(places.tolist())}
    assert {frozenset((row, rows[place])) for row, place in found} == {
        frozenset(pair) for pair in expected if 5 not in pair
    }


def test_a_crowd_of_equal_vectors_is_bounded_and_the_latest_are_taken() -> None:
    vectors = np.zeros((2000, 8), np.float32)
    vectors[:, 0] = 1
    rows = np.arange(2000)
    near = CosineIndex([vectors], rows, 0.9, compared=256, crowd=1000).near(vectors, rows, 2)
    assert set(_pairs(near)) == {(1, 0)} | {
        (row, row - step) for row in range(2, 2000) for step in (1, 2)
    }


def test_the_crowd_and_the_few_agree() -> None:
    vectors = _vectors(16, spread=0.0)
    usual = _pairs(CosineIndex([vectors], ALL, 0.2, few=256).near(vectors, ALL, 5))
    crowded = CosineIndex([vectors], ALL, 0.2, compared=100, crowd=10, few=256)
    assert _pairs(crowded.near(vectors, ALL, 5)) == usual


moments = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), max_size=60)


@given(moments, st.integers(0, 10))
def test_moments_within_the_window_are_found(found, window) -> None:
    cameras, seconds = (
        (np.array(each, np.int64) for each in (zip(*found, strict=True)))
        if (found)
        else (np.empty(0, np.int64), np.empty(0, np.int64))
    )
    rows = np.arange(len(found))
    near = MomentIndex(cameras, seconds, window).near(cameras, seconds, rows, len(found) + 1)
    assert _pairs(near) == {
        (row, other): float(abs(found[row][1] - found[other][1]))
        for row in range(len(found))
        for other in range(row)
        if found[row][0] == found[other][0] and abs(found[row][1] - found[other][1]) <= window
    }


def test_the_nearest_moments_are_taken() -> None:
    seconds = np.array([0, 10, 11, 11, 12, 11])
    near = MomentIndex(np.zeros(6, np.int64), seconds, 30).near(
        np.array([0]), np.array([11]), np.array([5]), 3
    )
    assert _pairs(near) == {(0, 2): 0.0, (0, 3): 0.0, (0, 1): 1.0}


sets = st.lists(st.sets(st.integers(0, 12), max_size=8), min_size=1, max_size=20)


def _flat(found, offset: int = 0):
    words = [np.array(sorted(each), np.uint32) + np.uint32(offset) for each in found]
    bounds = np.concatenate([[0], np.cumsum([len(each) for each in words])]).astype(np.int64)
    return np.concatenate(words).astype(np.uint32), bounds


def _by_hand(found, least, common):
    expected = {}
    for row, mine in enumerate(found):
        telling = {word for word in mine if sum(word in each for each in found[:row]) <= common}
        for other in range(row):
            if len(telling & found[other]) >= least:
                expected[row, other] = float(len(telling & found[other]))
    return expected


@given(sets, st.integers(1, 3), st.integers(1, 6), st.sampled_from([0, 2**31]))
def test_sets_with_words_in_common_are_found(found, least, common, offset) -> None:
    words, bounds = _flat(found, offset)
    expected = _by_hand(found, least, common)
    listed = WordIndex(words, bounds, least=least, common=common)
    listed.make_lists()
    assert _of_rows(listed, 0, len(found)) == expected
    read = WordIndex(words, bounds, least=least, common=common)
    one_by_one = {}
    for row in range(len(found)):
        one_by_one |= _of_rows(read, row, row + 1)
    assert one_by_one == expected
    for row in range(len(found)):
        mine, _ = listed.rows(row, row + 1)
        none = np.zeros(len(mine), np.int64)
        assert _pairs(CandidatePairs.joined(listed.near(mine, none, none + len(found)))) == _pairs(
            CandidatePairs.joined(read.near(mine, none, none + len(found)))
        )


def _of_rows(index: WordIndex, start: int, stop: int) -> dict[tuple[int, int], float]:
    words, rows = index.rows(start, stop)
    return _pairs(CandidatePairs.joined(index.near(words, rows, rows)))


@pytest.mark.parametrize("word", [5, 2**31])
def test_words_that_no_set_has(word) -> None:
    index = WordIndex(np.array([1, 2], np.uint32), np.array([0, 2]), least=1, common=9)
    zero, one = np.zeros(1, np.int64), np.ones(1, np.int64)
    asked = np.array([word], np.uint32)
    assert _pairs(CandidatePairs.joined(index.near(asked, zero, one))) == {}
    index.make_lists()
    assert _pairs(CandidatePairs.joined(index.near(asked, zero, one))) == {}
    assert _pairs(CandidatePairs.joined(index.near(np.array([2], np.uint32), zero, one))) == {
        (0, 0): 1.0
    }


def test_words_are_counted_in_portions() -> None:
    rng = np.random.default_rng(3)
    found = [set(rng.choice(50, 12, replace=False).tolist()) for _ in range(60)]
    words, bounds = _flat(found)
    index = WordIndex(words, bounds, least=3, common=1000)
    whole = _of_rows(index, 0, 60)
    index = WordIndex(words, bounds, least=3, common=1000, at_once=30)
    words, rows = index.rows(0, 60)
    assert len(list(index.near(words, rows, rows))) > 10
    assert _of_rows(index, 0, 60) == whole == _by_hand(found, 3, 1000)


def test_nearest_takes_the_latest_among_equals() -> None:
    near = CandidatePairs(
        np.array([0, 0, 0, 1]), np.array([5, 9, 7, 2]), np.array([1, 1, 0, 8], np.float32)
    )
    kept = nearest(near, near.measured, 2)
    assert list(_pairs(kept)) == [(0, 7), (0, 9), (1, 2)]
