"""Keepers and their explanations."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.duplicates.clustering.grouping import group_id
from safelight.duplicates.keeper import Suggestion, judge
from safelight.duplicates.keeper.derivation import Derivation, Lineage
from safelight.duplicates.keeper.filenames import in_order, is_copy_name
from safelight.duplicates.keeper.policy import PRESETS, CriteriaWeights, parse_policy
from safelight.duplicates.model import Edge, Group, Relation
from safelight.errors import SettingsError
from safelight.library.photo_facts import Copy, PhotoFacts

CAMERA = {"camera_make": "Canon", "camera_model": "R5", "taken_at": "2020-01-01T10:00:00"}


def photo(name: str, **facts) -> PhotoFacts:
    given = {"size": 100_000, "format": "JPEG", "width": 400, "height": 300, **facts}
    copies = given.pop("copies", (Copy(f"/p/{name}", given["size"], 10**18, ("default",)),))
    return PhotoFacts(hashlib.sha256(name.encode()).hexdigest(), copies=copies, **given)


def chosen(*photos: PhotoFacts, relation="re-encoded", policy="original", **known):
    facts = {each.id: each for each in photos}
    relation = Relation(relation)
    first, *others = [each.id for each in photos]
    edges = tuple(Edge(min(first, each), max(first, each), relation) for each in others)
    if not others:
        edges = (Edge(first, first, relation),)
    group = Group(group_id(facts), relation, tuple(facts), edges)
    return judge(group, facts, parse_policy(policy), **known)


def made(child: PhotoFacts, parent: PhotoFacts, how: str) -> Lineage:
    return Lineage({child.id: Derivation(parent.id, child.id, how)})


def names(judged) -> list[str]:
    return [each.path.removeprefix("/p/") for each in judged]


def test_the_largest_is_kept_and_the_numbers_are_told() -> None:
    found = chosen(photo("small", width=40, height=30), photo("large"), relation="resized")
    assert names(found) == ["large", "small"]
    assert [each.keeper for each in found] == [True, False]
    assert "the most pixels, 400 x 300" in found[0].reasons
    assert found[1].reasons[:2] == ("resized: p/large is kept", "40 x 30 against 400 x 300")


def test_an_upscale_is_not_better() -> None:
    small, large = photo("small"), photo("large", width=1600, height=1200, size=900_000)
    assert names(chosen(small, large, relation="resized")) == ["large", "small"]
    told = made(large, small, "enlarged")
    found = chosen(small, large, relation="resized", lineage=told)
    assert names(found) == ["small", "large"]
    assert "the source: p/large was enlarged" in found[0].reasons
    assert "enlarged, or blurred: it has no more detail than a smaller one" in found[1].reasons


@pytest.mark.parametrize("root", ["/tmp/p", "/media/Backup/p", "/home/ann/Downloads/p"])
def test_the_folder_told_is_not_one_that_both_lie_in(root: str) -> None:
    def placed(name: str) -> PhotoFacts:
        path = f"{root}/{name}/1.jpg"
        return photo(name, copies=(Copy(path, 100_000, 10**18, ("default",)),))

    found = chosen(placed("2019"), placed("WhatsApp Images"))
    assert "the better folder ('2019' against 'WhatsApp Images')" in found[0].reasons


def test_bytes_alone_make_nothing_better() -> None:
    first, again = photo("first"), photo("again", size=400_000)
    assert names(chosen(first, again)) == ["again", "first"]  # nothing else is known
    told = made(again, first, "saved-again")
    found = chosen(first, again, lineage=told)
    assert names(found) == ["first", "again"]
    lossless = photo("x.png", format="PNG", size=900_000)
    told = made(lossless, first, "saved-again")
    assert names(chosen(first, lossless, lineage=told)) == ["first", "x.png"]


def test_what_a_camera_wrote_is_kept_before_what_was_stripped() -> None:
    plain, original = photo("plain"), photo("original", exif=CAMERA)
    found = chosen(plain, original, relation="same-pixels")
    assert names(found) == ["original", "plain"]
    assert "has the data that a camera wrote" in found[0].reasons
    assert "lacks date, camera" in found[1].reasons


def test_a_crop_is_a_part() -> None:
    whole, crop = photo("whole"), photo("crop", width=390, height=295, size=500_000)
    pair = sorted([whole.id, crop.id])
    evidence = {"part": "a" if pair[0] == crop.id else "b"}
    group = Group(
        "0" * 12, Relation.CROPPED, tuple(pair), (Edge(*pair, Relation.CROPPED, evidence),)
    )
    facts = {whole.id: whole, crop.id: crop}
    assert names(judge(group, facts, PRESETS["original"])) == ["whole", "crop"]


def test_the_presets() -> None:
    sharp = photo("sharp", width=200, height=150, size=50_000)
    large, tiny = photo("large"), photo("tiny", size=2_000)
    scores = {sharp.id: {"focus": 0.9}, large.id: {"focus": 0.5}, tiny.id: {"focus": 0.2}}
    kept = {
        policy: names(chosen(large, sharp, tiny, policy=policy, scores=scores))[0]
        for policy in PRESETS
    }
    assert kept == {"original": "large", "sharpest": "sharp", "smallest": "tiny"}
    weighed = chosen(large, sharp, tiny, policy="original,small=500", scores=scores)
    assert names(weighed)[0] == "tiny"


def test_of_a_burst_the_sharp_one_and_what_sharpness_alone_would_say() -> None:
    one, two = photo("one", exif=CAMERA), photo("two", exif=CAMERA, size=90_000)
    scores = {
        one.id: {"focus": 0.5, "exposure": 0.8, "noise": 0.5},
        two.id: {"focus": 0.8, "exposure": 0.8, "noise": 0.5},
    }
    found = chosen(one, two, relation="burst", scores=scores)
    assert names(found) == ["two", "one"]
    assert "the best focus" in found[0].reasons
    assert "by sharpness alone it would be the same one (focus 0.80)" in found[0].reasons
    assert "focus 0.50 against 0.80" in found[1].reasons
    scores[two.id] = {"focus": 0.52, "exposure": 0.05, "noise": 0.5}
    found = chosen(one, two, relation="burst", scores=scores)
    assert names(found) == ["one", "two"]
    assert "by sharpness alone it would be p/two (focus 0.52 against 0.50)" in found[0].reasons


def test_an_unmeasured_photo_is_reported_and_ranks_no_worse() -> None:
    one, two = photo("one"), photo("two", width=800, height=600)
    found = chosen(one, two, relation="burst", scores={one.id: {"focus": 0.9}})
    assert names(found)[0] == "two"
    assert any("not known" in reason and "p/two" in reason for reason in found[0].reasons)


@pytest.mark.parametrize("relation", ["raw+jpeg", "bracket", "panorama"])
def test_what_belongs_together_is_kept_whole(relation) -> None:
    found = chosen(photo("a.cr2", format="RAW"), photo("a.jpg"), relation=relation)
    assert all(each.keeper for each in found)
    assert all("all of it is kept" in each.reasons[0] for each in found)


def test_a_photo_that_stays_in_any_case_says_with_what() -> None:
    jpeg, small, raw = photo("a.jpg"), photo("small", width=40, height=30), photo("a.cr2")
    whole = {jpeg.id: (Relation.RAW_JPEG, frozenset([raw.id]))}
    facts = {each.id: each for each in (jpeg, small, raw)}
    pair = sorted([jpeg.id, small.id])
    group = Group("0" * 12, Relation.RESIZED, tuple(pair), (Edge(*pair, Relation.RESIZED),))
    found = judge(group, facts, PRESETS["original"], together=whole)
    assert found[0].reasons[-1] == "belongs together with p/a.cr2 (raw+jpeg); stays in any case"


def test_of_files_with_the_same_bytes_the_plain_name_then_the_oldest() -> None:
    def copy(path: str, day: int) -> Copy:
        return Copy(path, 1, 10**18 + day * 86_400 * 10**9, ("default",))

    copies = [copy("/p/IMG (1).jpg", 1), copy("/p/b/IMG.jpg", 3), copy("/p/a/IMG.jpg", 2)]
    assert [each.path for each in in_order(copies)] == [
        "/p/a/IMG.jpg", "/p/b/IMG.jpg", "/p/IMG (1).jpg",
    ]  # fmt: skip
    found = chosen(photo("x", copies=tuple(copies)), relation="identical")
    assert [each.keeper for each in found] == [True, False, False]
    assert (
        "of 3 files with these bytes, the one that is the oldest and is not named a copy"
        in found[0].reasons
    )
    assert found[1].reasons == ("the same bytes as a/IMG.jpg, which is the oldest",)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IMG_1 (1).jpg", True), ("IMG_1 copy.jpg", True), ("Copy of IMG_1.jpg", True),
        ("IMG_1 - Kopie.jpg", True), ("IMG_1_copy 2.png", True), ("IMG_1.jpg", False),
        ("photocopy.jpg", False), ("trip (2019) a.jpg", False),
    ],
)  # fmt: skip
def test_names_of_copies(name, expected) -> None:
    assert is_copy_name(f"/some (1)/{name}") is expected


def test_photos_without_files_are_passed_over() -> None:
    one, two = photo("one"), photo("two")
    pair = sorted([one.id, two.id])
    group = Group("0" * 12, Relation.RESIZED, tuple(pair), (Edge(*pair, Relation.RESIZED),))
    assert judge(group, {}, PRESETS["original"]) == ()
    assert names(judge(group, {one.id: one}, PRESETS["original"])) == ["one"]


def test_json_has_exactly_these_keys() -> None:
    one, two = photo("one"), photo("two", width=40, height=30)
    judged = chosen(one, two, relation="resized")
    pair = sorted([one.id, two.id])
    group = Group(
        "0" * 12, Relation.RESIZED, tuple(pair), (Edge(*pair, Relation.RESIZED, {"x": 1}),)
    )
    found = Suggestion(group, judged).to_dict()
    assert list(found) == ["group", "relation", "photos", "edges"]
    assert list(found["photos"][0]) == ["photo_id", "path", "keeper", "reasons"]
    assert found["edges"] == [
        {"a": pair[0], "b": pair[1], "relation": "resized", "evidence": {"x": 1}}
    ]


@pytest.mark.parametrize("text", ["best", "focus=much", "speed=1", "focus=-1", "focus=inf"])
def test_a_policy_that_means_nothing_is_refused(text) -> None:
    with pytest.raises(SettingsError):
        parse_policy(text)


@given(
    st.lists(
        st.builds(
            lambda name, width, size, form, exif: photo(
                str(name), width=width, height=width, size=size, format=form, exif=exif
            ),
            st.integers(0, 50),
            st.integers(1, 5000),
            st.integers(1, 10**8),
            st.sampled_from(["JPEG", "PNG", "RAW", "WEBP", None]),
            st.sampled_from([{}, CAMERA]),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda each: each.id,
    ),
    st.sampled_from([each.value for each in Relation]),
    st.sampled_from(list(PRESETS)),
)
def test_there_is_one_keeper_and_everything_has_a_reason(photos, relation, policy) -> None:
    found = chosen(*photos, relation=relation, policy=policy)
    assert sorted(each.photo_id for each in found) == sorted(each.id for each in photos)
    kept = tuple(each for each in found if each.keeper)
    whole = relation in ("raw+jpeg", "bracket", "panorama")
    assert kept == (found if whole else () if relation == "similar" else found[:1])
    if len(found) > 1:
        assert all(each.reasons for each in found)


def test_weights_of_nothing_keep_the_first() -> None:
    nothing = ",".join(f"{name}=0" for name in CriteriaWeights.__slots__)
    found = chosen(photo("one"), photo("two", width=800, height=600), policy=nothing)
    assert names(found)[0] == "one"
    assert "no criterion separates them" in found[0].reasons[0]


def test_an_edit_is_not_the_original_however_many_bytes_it_has() -> None:
    original = photo("original", size=300_000)
    turned, small = (
        photo("turned", size=310_000),
        photo("small", width=200, height=150, size=90_000),
    )
    grey = photo("grey.png", format="PNG", size=250_000)
    sharpened = photo("sharpened", size=600_000)
    facts = {each.id: each for each in (grey, sharpened, original, turned, small)}
    related = [
        (original, turned, "rotated"), (original, small, "resized"), (turned, small, "rotated"),
        (original, grey, "edited"), (original, sharpened, "edited"), (turned, grey, "edited"),
        (small, sharpened, "edited"), (grey, sharpened, "edited"),
    ]  # fmt: skip
    edges = tuple(
        Edge(min(one.id, other.id), max(one.id, other.id), Relation(relation))
        for one, other, relation in related
    )
    group = Group(group_id(facts), Relation.EDITED, tuple(facts), edges)
    found = judge(group, facts, parse_policy("original"))
    assert names(found)[0] in ("original", "turned")
    assert names(found).index("grey.png") >= 2
    # What a camera wrote is the original, also alone against copies of an edit.
    camera = photo("camera", exif=CAMERA, size=200_000)
    facts = {each.id: each for each in (original, turned, camera)}
    edges = tuple(
        Edge(min(one.id, other.id), max(one.id, other.id), Relation(relation))
        for one, other, relation in [
            (original, turned, "rotated"),
            (original, camera, "edited"),
            (turned, camera, "edited"),
        ]
    )
    group = Group(group_id(facts), Relation.EDITED, tuple(facts), edges)
    assert names(judge(group, facts, parse_policy("original")))[0] == "camera"


def test_few_colours_packed_without_loss_are_not_more() -> None:
    colours = photo("colours.jpg", width=1600, height=1000, size=360_000)
    palette = photo("palette.png", format="PNG", width=1600, height=1000, size=665_000)
    assert names(chosen(palette, colours))[0] == "colours.jpg"
    whole = photo("whole.png", format="PNG", width=1600, height=1000, size=2_900_000)
    assert names(chosen(colours, whole))[0] == "whole.png"


def test_the_cameras_own_file_is_kept_before_an_edited_export() -> None:
    heic = photo("IMG_1.HEIC", format="HEIF", exif=CAMERA, size=60_000)
    later = (Copy("/p/IMG_1.jpg", 400_000, 10**17, ("default",)),)
    export = photo("IMG_1.jpg", exif=CAMERA, size=400_000, copies=later)
    found = chosen(export, heic, relation="edited")
    assert names(found)[0] == "IMG_1.HEIC"
    assert "the camera's own file" in " ".join(found[1].reasons)
    plain = photo("b.jpg", exif={}, size=400_000, width=500)
    assert names(chosen(plain, photo("a.jpg", exif=CAMERA), relation="edited"))[0] == "a.jpg"
