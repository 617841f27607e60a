"""Of a burst: the shot that is sharper where they differ, or none where that lies apart."""

from __future__ import annotations

import numpy as np
import pytest

from safelight.duplicates.keeper import Suggestion
from safelight.duplicates.keeper.derivation import Lineage
from safelight.duplicates.keeper.picture_data import PictureData
from safelight.duplicates.keeper.policy import PRESETS, parse_policy
from safelight.duplicates.model import Edge, Group, Relation
from tests.duplicates.keeper.test_select import CAMERA, judge, names, photo

MIDDLE = (slice(3, 5), slice(3, 5))


def tiles(**sharp: tuple[tuple[slice, slice], float]) -> np.ndarray:
    found = np.full((8, 8), 10.0)
    for where, energy in sharp.values():
        found[where] = energy
    return found


BACKGROUND = tiles(all=((slice(0, 8), slice(0, 8)), 9000.0), face=(MIDDLE, 60.0))
FACE = tiles(all=((slice(0, 8), slice(0, 8)), 900.0), face=(MIDDLE, 2500.0))


def judged(maps: dict[str, np.ndarray], scores: dict[str, float], **known):
    photos = [photo(name, exif=known.pop(f"exif_{name}", CAMERA)) for name in maps]
    facts = {each.id: each for each in photos}
    first, *others = facts
    edges = tuple(Edge(*sorted((first, each)), Relation.BURST) for each in others)
    group = Group("0" * 12, Relation.BURST, tuple(facts), edges)
    given = dict(zip(facts, maps.values(), strict=True))
    told = {each: {"focus": score} for each, score in zip(facts, scores.values(), strict=True)}
    subject = known.pop("subject", None)
    lineage = Lineage({}, {each: PictureData(1, subject=subject) for each in facts})
    policy = parse_policy(known.pop("policy", "original"))
    found = judge(group, facts, policy, scores=told, maps=given, lineage=lineage, **known)
    return Suggestion(group, found)


def test_a_sharp_background_is_not_chosen_before_a_sharp_face() -> None:
    found = judged({"back": BACKGROUND, "face": FACE}, {"back": 0.9, "face": 0.5})
    assert found.keeper is None
    assert found.others == ()
    for each in found.photos:
        assert "focus lies in different places" in each.reasons[0]
        assert "p/face in the middle" in each.reasons[0]


@pytest.mark.parametrize(("orientation", "area"), [(1, (0.4, 0.4, 0.2, 0.2))])
def test_where_the_camera_says_what_it_focused_on_that_counts(orientation, area) -> None:
    exif = {**CAMERA, "orientation": orientation}
    found = judged(
        {"back": BACKGROUND, "face": FACE}, {"back": 0.9, "face": 0.5}, subject=area, exif_back=exif
    )
    assert names(found.photos)[0] == "face"
    assert found.photos[0].reasons[0] == "sharper in the middle"
    assert not any("no criterion" in reason for reason in found.photos[0].reasons)


def test_two_places_of_one_name_are_not_told_as_if_they_were_different() -> None:
    ring = tiles(part=((slice(2, 6), slice(2, 6)), 3000.0))
    ring[3:5, 3:5] = 100.0
    core = tiles(part=((slice(3, 5), slice(3, 5)), 3000.0))
    found = judged({"ring": ring, "core": core}, {"ring": 0.9, "core": 0.5})
    assert found.keeper is None
    assert found.photos[0].reasons[0].count("in the middle") == 1


def test_the_subject_of_a_turned_photo_is_where_it_lies_upright() -> None:
    right = tiles(part=((slice(0, 2), slice(6, 8)), 3000.0))
    other = tiles(part=((slice(6, 8), slice(0, 2)), 3000.0))
    # Stored lying on its side (orientation 6), its upper left corner is the upper right one.
    exif = {**CAMERA, "orientation": 6}
    found = judged(
        {"a": other, "b": right}, {"a": 0.6, "b": 0.5}, subject=(0.0, 0.0, 0.2, 0.2),
        exif_a=exif, exif_b=exif,
    )  # fmt: skip
    assert names(found.photos)[0] == "b"


def test_a_small_sharp_subject_counts_where_the_rest_is_alike() -> None:
    blurred = np.full((8, 8), 300.0)
    sharp = blurred.copy()
    sharp[MIDDLE] = 4000.0
    found = judged({"missed": blurred, "sharp": sharp}, {"missed": 0.52, "sharp": 0.5})
    assert names(found.photos)[0] == "sharp"


def test_what_is_nearly_the_same_is_chosen_by_the_scores_and_other_policies_are_followed() -> None:
    close = {"a": FACE, "b": FACE * 1.1}
    assert names(judged(close, {"a": 0.5, "b": 0.52}).photos)[0] == "b"
    apart = {"back": BACKGROUND, "face": FACE}
    smallest = judged(apart, {"back": 0.9, "face": 0.5}, policy="smallest")
    assert smallest.keeper is not None
    assert set(PRESETS) == {"original", "sharpest", "smallest"}
    mine = judged(apart, {"back": 0.9, "face": 0.5}, instead=(photo("face").id,))
    assert mine.keeper is not None
    assert mine.keeper.reasons[0] == "chosen by you"
