"""Candidates: within the distance none is lost, and crowds are bounded and told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.cluster.bands import Bands, choose_bands
from safelight.cluster.candidates import PAIR, PHOTO, Plan, all_here


def _photos(hashes: np.ndarray) -> np.ndarray:
    photos = np.zeros(len(hashes), PHOTO)
    photos["hash"] = hashes
    names = [number.to_bytes(2, "big") + bytes(29) + b"\1" for number in range(len(hashes))]
    photos["id"] = np.array(names, "V32")
    return photos


def _number(name: bytes) -> int:
    return int.from_bytes(name[:2], "big")


def _all_pairs(hashes: np.ndarray, radius: int) -> set[tuple[int, int]]:
    bits = np.bitwise_count(hashes[:, None] ^ hashes[None]).sum(axis=2)
    return {(a, b) for a, b in zip(*np.nonzero(bits <= radius), strict=True) if a < b}


@st.composite
def _hashes(draw: st.DrawFn) -> np.ndarray:
    """A few pictures, and others that differ from them in some bits; some of them not at all."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    first = chance.integers(0, 2**63, (draw(st.integers(1, 6)), 4)).astype(np.uint64)
    if draw(st.booleans()):
        first[0] = 0  # a blank picture
    found = list(first)
    for _ in range(draw(st.integers(0, 60))):
        one = found[chance.integers(len(found))].copy()
        for bit in chance.choice(256, draw(st.integers(0, 45)), replace=False):
            one[bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
        found.append(one)
    return np.stack(found)


@given(_hashes(), st.sampled_from([0, 1, 5, 11, 12, 16, 24, 40]), st.sampled_from([10, 10**9]))
def test_no_pair_within_the_distance_is_lost(hashes: np.ndarray, radius: int, count: int) -> None:
    plan = Plan(choose_bands(radius, count), 3, 10_000)
    pairs, skipped = all_here(_photos(hashes), plan)
    assert skipped == 0
    found = {(_number(bytes(pair["a"])), _number(bytes(pair["b"]))): pair["bits"] for pair in pairs}
    assert len(found) == len(pairs), "a pair stands there twice"
    first: dict[bytes, int] = {}
    of = [first.setdefault(each.tobytes(), number) for number, each in enumerate(hashes)]
    wanted = _all_pairs(hashes, radius)
    for a, b in wanted:
        if of[a] == of[b]:  # all with one hash are tied to the first
            tied = [(of[a], each) for each in (a, b) if each != of[a]]
            assert all(found[pair] == 0 for pair in tied)
        else:
            pair = (min(of[a], of[b]), max(of[a], of[b]))
            assert found[pair] == np.bitwise_count(hashes[a] ^ hashes[b]).sum()
    assert set(found) <= wanted, "and nothing else is found"


@pytest.mark.parametrize("count", [1, 10**4, 10**7, 10**10])
@pytest.mark.parametrize("radius", [0, 8, 16, 24, 40, 64])
def test_bands_keep_the_promise_of_the_pigeonhole(radius: int, count: int) -> None:
    bands = choose_bands(radius, count)
    # The worst pair differs in one bit more than each part that is used would notice.
    unnoticed = sum(2 * reach + 1 if reach >= 0 else 0 for reach in bands.reaches)
    assert unnoticed > radius


def test_a_million_blank_pictures_would_not_be_half_a_billion_pairs() -> None:
    hashes = np.zeros((3000, 4), np.uint64)
    pairs, skipped = all_here(_photos(hashes), Plan(choose_bands(16, 3000), 2, 10))
    assert len(pairs) == 2999
    assert {_number(bytes(each)) for each in pairs["a"]} == {0}
    assert skipped == 0


def test_crowds_under_one_value_are_bounded_and_told() -> None:
    # All differ, and are alike in the only part that is looked at.
    hashes = np.zeros((500, 4), np.uint64)
    hashes[:, 3] = np.arange(500) << 40
    bands = Bands(200, 12, (0, *[-1] * 11))
    few, skipped = all_here(_photos(hashes), Plan(bands, 1, 20))
    every, none = all_here(_photos(hashes), Plan(bands, 1, 500))
    assert none == 0
    assert len(few) + skipped >= len(every) > len(few) > 0


def test_nothing_comes_of_nothing() -> None:
    pairs, skipped = all_here(np.zeros(0, PHOTO), Plan(choose_bands(16, 0), 4, 10))
    assert (len(pairs), pairs.dtype, skipped) == (0, PAIR, 0)
