"""The copy that others are compared with is the likeliest keeper, whatever the order of joining."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest

from safelight.duplicates.candidates.redundant_pairs import CopyTies

LARGE, SMALL = 12_000_000, 3_000_000


@pytest.mark.parametrize(
    ("sizes", "best"),
    [
        pytest.param([(LARGE, 900), (LARGE, 1000), (LARGE, 1100)], 0, id="the earliest"),
        pytest.param([(LARGE, 500), (LARGE, 1000), (LARGE, 1100)], 1, id="clearly more bytes"),
        pytest.param([(SMALL, 9000), (LARGE, 500), (LARGE, 600)], 1, id="more pixels"),
        pytest.param([(LARGE, 400), (LARGE, 500), (LARGE, 700), (LARGE, 900)], 2, id="a chain"),
    ],
)
def test_the_best_of_copies(sizes, best) -> None:
    for order in permutations(range(len(sizes))):
        ties = CopyTies(sizes.__getitem__, pairwise(order))
        assert {ties.best(position) for position in order} == {best}


def test_the_best_changes_when_a_better_one_comes() -> None:
    ties = CopyTies([(SMALL, 500), (SMALL, 500), (LARGE, 400)].__getitem__, [(1, 0)])
    assert ties.best(1) == 0
    ties = CopyTies([(SMALL, 500), (SMALL, 500), (LARGE, 400)].__getitem__, [(1, 0), (2, 0)])
    assert ties.best(1) == 2
