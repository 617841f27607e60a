from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from safelight.duplicates.clustering.complete_linkage import complete_linkage

NAMES = "abcdefgh"
PAIRS = list(combinations(NAMES, 2))


@st.composite
def ordered_pairs(draw):
    return draw(st.permutations(draw(st.lists(st.sampled_from(PAIRS), unique=True))))


def _by_definition(pairs, together=()):
    """The two nearest clusters are joined, their distance being that of their farthest pair."""
    distance = {frozenset(pair): number for number, pair in enumerate(pairs)}
    inside = set().union(*together)
    clusters = [set(each) for each in together]
    clusters += [{name} for name in NAMES if name not in inside]
    far = len(pairs)

    def apart(one, other):
        return max(distance.get(frozenset((a, b)), far) for a in one for b in other)

    while len(clusters) > 1:
        one, other = min(combinations(clusters, 2), key=lambda two: apart(*two))
        if apart(one, other) == far:
            break
        clusters.remove(other)
        one |= other
    return {frozenset(each) for each in clusters if len(each) > 1}


@given(ordered_pairs())
def test_it_is_what_its_definition_says(pairs) -> None:
    assert {frozenset(each) for each in complete_linkage(pairs)} == _by_definition(pairs)


@given(ordered_pairs(), st.integers(2, 4))
def test_with_members_that_are_together_from_the_beginning(pairs, size) -> None:
    together = [set(NAMES[:size]), set(NAMES[6:])]
    found = complete_linkage(pairs, together)
    assert {frozenset(each) for each in found} == _by_definition(pairs, together)
    assert together[0] == set(NAMES[:size])  # left as it was


@given(ordered_pairs())
def test_every_two_of_a_cluster_are_related_and_nobody_is_in_two(pairs) -> None:
    known = {frozenset(pair) for pair in pairs}
    clusters = complete_linkage(pairs)
    assert sum(map(len, clusters)) == len(set().union(*clusters))
    for cluster in clusters:
        assert all(frozenset(two) in known for two in combinations(cluster, 2))


def test_a_long_chain_is_cut() -> None:
    names = [f"{number:05}" for number in range(20_000)]
    clusters = complete_linkage(pairwise(names))
    assert len(clusters) == 10_000
    assert all(len(cluster) == 2 for cluster in clusters)
