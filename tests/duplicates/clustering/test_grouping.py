from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from safelight.duplicates.clustering.grouping import group, group_id
from safelight.duplicates.model import KEPT_TOGETHER, STRICT, Edge, Relation

PHOTOS = "abcdefgh"
ALIKE = (Relation.BURST, Relation.SIMILAR)
BETWEEN = [relation for relation in Relation if relation is not Relation.IDENTICAL]


def _edge(pair: str, relation: str, **evidence: float) -> Edge:
    return Edge(pair[0], pair[1], Relation(relation), evidence)


def _told(edges, photos=PHOTOS, **options):
    return [(each.relation.value, "".join(each.photos)) for each in group(photos, edges, **options)]


def _kind(relation):
    return "strict" if relation in STRICT else relation


@st.composite
def libraries(draw):
    pairs = draw(st.lists(st.sampled_from(list(combinations(PHOTOS, 2))), unique=True))
    edges = [
        Edge(a, b, draw(st.sampled_from(BETWEEN)), {"cosine": draw(st.sampled_from([0.9, 0.95]))})
        for a, b in pairs
    ]
    several = draw(st.sets(st.sampled_from(PHOTOS), max_size=3))
    edges += [Edge(a, a, Relation.IDENTICAL, {"files": 2}) for a in sorted(several)]
    decided = draw(st.sets(st.sampled_from([(a, b) for a in PHOTOS for b in PHOTOS if a <= b])))
    return edges, decided


@given(libraries(), st.randoms())
def test_the_order_of_edges_and_photos_changes_nothing(found, random) -> None:
    edges, decided = found
    expected = {each.id: (each.relation, each.edges) for each in group(PHOTOS, edges)}
    shuffled, photos = list(edges), list(PHOTOS)
    random.shuffle(shuffled)
    random.shuffle(photos)
    found_again = {each.id: (each.relation, each.edges) for each in group(photos, shuffled)}
    assert found_again == expected
    again = group(PHOTOS, shuffled, decided=decided)
    assert again == group(PHOTOS, edges, decided=sorted(decided))


@given(libraries())
def test_no_photo_is_in_two_groups_of_one_kind(found) -> None:
    edges, decided = found
    groups = group(PHOTOS, edges, decided=decided)
    for (_, kind), count in Counter(
        (photo, _kind(each.relation)) for each in groups for photo in each.photos
    ).items():
        assert count == 1, kind
    assert len({each.id for each in groups}) == len(groups)


@given(libraries())
def test_a_group_is_what_its_relation_says(found) -> None:
    edges, decided = found
    order = list(Relation)
    for each in group(PHOTOS, edges, decided=decided):
        assert each.id == group_id(each.photos)
        assert list(each.photos) == sorted(each.photos)
        assert each.edges == tuple(sorted(each.edges, key=lambda edge: (edge.a, edge.b)))
        assert {edge.relation for edge in each.edges} <= set(
            order[: order.index(each.relation) + 1]
        )
        assert each.relation in {edge.relation for edge in each.edges}
        assert {edge.a for edge in each.edges} | {edge.b for edge in each.edges} <= set(each.photos)
        if each.relation not in ALIKE:
            assert _is_connected(each.photos, each.edges)


def _is_connected(photos, edges) -> bool:
    reached, waiting = set(), [photos[0]]
    while waiting:
        photo = waiting.pop()
        reached.add(photo)
        ends = {
            edge.b if edge.a == photo else edge.a for edge in edges if photo in (edge.a, edge.b)
        }
        waiting += ends - reached
    return reached == set(photos)


@given(libraries())
def test_every_two_exposures_of_alike_photos_are_related(found) -> None:
    edges, _ = found
    order = list(Relation)
    wholes = [set(each.photos) for each in group(PHOTOS, edges, relations=KEPT_TOGETHER)]
    exposures = [set(each.photos) for each in group(PHOTOS, edges, relations=[Relation.RAW_JPEG])]

    def exposure(photo):
        return next((each for each in exposures if photo in each), {photo})

    def whole(photo):
        # Sets that share an exposure are one.
        reached = exposure(photo)
        while True:
            more = reached.union(*(each for each in wholes if each & reached))
            more = more.union(*map(exposure, more))
            if more == reached:
                return reached
            reached = more

    for each in group(PHOTOS, edges, relations=ALIKE):
        close = order[: order.index(each.relation) + 1]
        linked = {
            frozenset((a, b))
            for edge in edges
            if edge.relation in close
            for a in exposure(edge.a)
            for b in exposure(edge.b)
        }
        for photo in each.photos:
            assert whole(photo) <= set(each.photos)
        for a, b in combinations(each.photos, 2):
            assert frozenset((a, b)) in linked or b in whole(a)


@given(libraries())
def test_decided_pairs_are_apart(found) -> None:
    edges, decided = found
    wholes = group(PHOTOS, edges, relations=KEPT_TOGETHER)
    for each in group(PHOTOS, edges, decided=decided):
        for a, b in combinations(each.photos, 2):
            if (a, b) in decided:
                # Only as parts of a whole, in a group that is about something else.
                assert each.relation in ALIKE
        for photo in each.photos:
            assert (photo, photo) not in decided or not any(
                edge.a == edge.b == photo for edge in each.edges
            )
    assert {each.photos for each in wholes} >= {
        each.photos for each in group(PHOTOS, edges, relations=KEPT_TOGETHER, decided=decided)
    }


@given(libraries())
def test_what_is_only_whole_together_is_never_made_one_picture(found) -> None:
    edges, decided = found
    wholes = group(PHOTOS, edges, relations=KEPT_TOGETHER)
    forms = {(edge.a, edge.b) for edge in edges if edge.relation in STRICT}
    for each in group(PHOTOS, edges, relations=STRICT, decided=decided):
        for a, b in combinations(each.photos, 2):
            if any({a, b} <= set(whole.photos) for whole in wholes):
                assert (a, b) in forms


def test_copies_of_copies_are_one_group() -> None:
    edges = [_edge("ab", "resized"), _edge("bc", "re-encoded"), _edge("ef", "edited")]
    assert _told(edges) == [("resized", "abc"), ("edited", "ef")]


def test_a_photo_with_several_files_is_a_group_of_its_own_or_part_of_one() -> None:
    edges = [_edge("aa", "identical", files=2), _edge("bb", "identical", files=3)]
    assert _told(edges) == [("identical", "a"), ("identical", "b")]
    assert _told([*edges, _edge("ab", "cropped")]) == [("cropped", "ab")]
    (found,) = group(PHOTOS, [*edges, _edge("ab", "cropped")])
    assert [(edge.a, edge.b) for edge in found.edges] == [("a", "a"), ("a", "b"), ("b", "b")]
    assert _told(edges, decided=[("a", "a")]) == [("identical", "b")]
    assert _told([*edges, _edge("ab", "cropped")], relations=[Relation.CROPPED]) == [
        ("cropped", "ab")
    ]


def test_similar_photos_are_not_chained() -> None:
    chain = [_edge("ab", "similar", cosine=0.93), _edge("bc", "similar", cosine=0.95)]
    assert _told(chain) == [("similar", "bc")]
    assert _told([*chain, _edge("ac", "similar", cosine=0.9)]) == [("similar", "abc")]


def test_a_burst_whose_frames_have_copies() -> None:
    edges = [_edge("ab", "burst"), _edge("ac", "re-encoded"), _edge("bc", "burst")]
    assert _told(edges) == [("re-encoded", "ac"), ("burst", "abc")]


def test_a_copy_that_resembles_two_exposures_of_a_bracket_joins_the_closer() -> None:
    edges = [
        *(_edge(pair, "bracket") for pair in ("ab", "bc")),
        _edge("ad", "re-encoded"),
        _edge("bd", "edited"),
        _edge("cd", "edited"),
    ]
    assert _told(edges) == [("re-encoded", "ad"), ("bracket", "abc")]


def test_copies_of_a_whole_bracket_join_frame_by_frame() -> None:
    bracket = [_edge(a + b, "bracket") for a, b in combinations("abc", 2)]
    copies = [_edge(a + b, "bracket") for a, b in combinations("def", 2)]
    resized = [_edge(pair, "resized") for pair in ("ad", "be", "cf")]
    found = _told([*bracket, *copies, *resized])
    assert found == [
        *(("resized", pair) for pair in ("ad", "be", "cf")),
        *(("bracket", each) for each in ("abc", "def")),
    ]


def test_raw_and_jpeg_are_one_exposure_of_a_burst() -> None:
    pairs = [_edge("ab", "raw+jpeg"), _edge("cd", "raw+jpeg")]
    assert _told([*pairs, _edge("bd", "burst")]) == [
        ("raw+jpeg", "ab"),
        ("raw+jpeg", "cd"),
        ("burst", "abcd"),
    ]


def test_what_a_closer_group_tells_is_not_told_again() -> None:
    edges = [_edge("ab", "resized"), _edge("bc", "resized"), _edge("ac", "similar")]
    assert _told(edges) == [("resized", "abc")]
    assert _told(edges, relations=[Relation.SIMILAR]) == [("similar", "abc")]


def test_a_decision_holds_through_a_third_photo() -> None:
    edges = [_edge("ab", "re-encoded"), _edge("ac", "resized"), _edge("bc", "cropped")]
    assert _told(edges, decided=[("a", "b")]) == [("resized", "ac")]
    assert _told(edges, decided=[("a", "b"), ("a", "c"), ("b", "c")]) == []


def test_a_new_copy_of_photos_that_were_settled_is_suggested_with_the_closest_alone() -> None:
    edges = [_edge("ab", "re-encoded"), _edge("ac", "resized"), _edge("bc", "resized", cosine=0.99)]
    assert _told(edges, decided=[("a", "b")]) == [("resized", "bc")]


def test_only_photos_that_are_asked_for() -> None:
    edges = [_edge("ab", "resized"), _edge("bc", "resized")]
    assert _told(edges, photos="ca") == []
    assert _told(edges, photos="ba") == [("resized", "ba")]


def test_relations_narrow_what_connects() -> None:
    edges = [_edge("ab", "resized"), _edge("bc", "edited"), _edge("de", "similar")]
    assert _told(edges, relations=[Relation.RESIZED]) == [("resized", "ab")]
    assert _told(edges, relations=[]) == []


def test_a_large_group_takes_no_time_to_speak_of() -> None:
    names = [f"{number:05}" for number in range(5000)]
    edges = [Edge("00000", name, Relation.RE_ENCODED) for name in names[1:]]
    edges += [Edge(a, b, Relation.SIMILAR) for a, b in pairwise(names)]
    (found,) = group(names, edges)
    assert len(found.photos) == 5000
