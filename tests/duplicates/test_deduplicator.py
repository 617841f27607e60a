"""Duplicates for programs, over a library that was really ingested."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from safelight import Deduplicator, parse_source
from safelight.duplicates.model import KEPT_TOGETHER, Relation
from safelight.duplicates.plans.apply import apply_plan
from safelight.errors import SettingsError, UsageError
from safelight.ingest import ingest
from safelight.library.attributes.scores import read_scores


def taken(second: int, **more: object) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "R5"
    inner = exif.get_ifd(0x8769)
    inner[0x9003] = f"2024:05:01 10:00:{second:02}"
    inner[0x829D], inner[0x8827] = 8.0, 100
    for tag, value in more.items():
        inner[int(tag[1:], 16)] = value
    return exif


@pytest.fixture
def finder(tmp_path, library, embedder) -> Deduplicator:
    photos = tmp_path / "photos"
    photos.mkdir()
    cat = data.chelsea()
    Image.fromarray(cat).save(photos / "cat.jpg", quality=90)
    shutil.copy(photos / "cat.jpg", photos / "cat copy.jpg")
    Image.fromarray(cat).resize((225, 150)).save(photos / "small.jpg", quality=90)
    coffee = Image.fromarray(data.coffee())
    for second in range(2):
        moved = coffee.crop((second * 4, second * 3, 592 + second * 4, 392 + second * 3))
        moved.save(photos / f"burst {second}.jpg", quality=90, exif=taken(second, x829A=0.01))
    ingest(library, [parse_source(str(photos))], embedder, model="colours")
    return Deduplicator(library, threads=2)


def test_groups_are_typed_and_explained(finder) -> None:
    found = {each.group.relation: each for each in finder.groups()}
    assert Relation.RESIZED in found
    names = [Path(each.path).name for each in found[Relation.RESIZED].photos]
    assert names == ["cat.jpg", "cat copy.jpg", "small.jpg"]
    assert found[Relation.RESIZED].keeper.reasons


def test_photos_of_a_burst_are_measured_once_and_for_all(finder, library) -> None:
    (burst,) = finder.groups([Relation.BURST])
    ids = [each.photo_id for each in burst.photos]
    assert any("by sharpness alone" in reason for reason in burst.keeper.reasons)
    assert all(records["focus"].status == "ok" for records in read_scores(library, ids).values())
    assert len(read_scores(library, ids)) == 2
    told: list[str] = []
    again = Deduplicator(library, progress=lambda doing, *_: told.append(doing))
    assert again.groups(["burst"]) == [burst]
    assert "Measuring" not in told


def test_only_strict_relations_are_planned_by_themselves(finder, library) -> None:
    plan = finder.plan()
    assert {Path(change.path).name for change in plan.changes} == {"cat copy.jpg", "small.jpg"}
    bursts = finder.plan([Relation.BURST])
    assert len(bursts.changes) == 1
    assert apply_plan(library, plan).changed == 2
    assert Relation.RESIZED not in {each.group.relation for each in finder.groups()}


def test_one_photo_against_the_library(finder, library, tmp_path) -> None:
    found = finder.against(tmp_path / "photos" / "small.jpg")
    assert [Path(each.path).name for each in found] == ["cat copy.jpg", "cat.jpg"]
    assert {each.edge.relation for each in found} == {Relation.RESIZED}
    whole = (tmp_path / "photos" / "cat.jpg").read_bytes()
    assert [each.edge.relation for each in finder.against(whole)][:2] == [Relation.IDENTICAL] * 2


def test_what_cannot_be_is_refused(finder) -> None:
    with pytest.raises(UsageError, match="twins"):
        finder.groups(["twins"])
    with pytest.raises(UsageError, match="never taken apart"):
        finder.plan(["raw+jpeg", "identical"])
    with pytest.raises(UsageError, match="Unknown action 'shred'"):
        finder.plan(action="shred")
    with pytest.raises(UsageError, match="no group"):
        finder.group("")


def test_a_bracket_is_not_offered_not_even_its_copies(tmp_path, library, embedder) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    scene = data.coffee().astype(float) / 255
    for number, seconds in enumerate((0.005, 0.01, 0.02)):
        light = np.clip(scene**2.2 * seconds / 0.01, 0, 1) ** (1 / 2.2)
        image = Image.fromarray((light * 255).astype(np.uint8))
        image.save(photos / f"{number}.jpg", quality=92, exif=taken(number, x829A=seconds))
    shutil.copy(photos / "1.jpg", photos / "1 copy.jpg")
    with Image.open(photos / "1.jpg") as image:
        image.resize((300, 200)).save(photos / "small.jpg", quality=90)
    ingest(library, [parse_source(str(photos))], embedder, model="colours")
    finder = Deduplicator(library)
    assert "bracket" in {each.group.relation for each in finder.groups()}
    every = set(Relation) - KEPT_TOGETHER
    plan = finder.plan(every)
    assert {Path(change.path).name for change in plan.changes} <= {"small.jpg"}
    # Settled, the bracket is not suggested any more, and stays whole all the same.
    (bracket,) = (each for each in finder.groups() if each.group.relation == "bracket")
    finder.decide(bracket.group.id, "resolved")
    assert "bracket" not in {each.group.relation for each in finder.groups()}
    assert {Path(change.path).name for change in finder.plan(every).changes} <= {"small.jpg"}


def test_limits_of_relations_can_be_set(finder) -> None:
    assert Relation.BURST in {each.group.relation for each in finder.groups()}
    strict = replace(finder, limits="burst_seconds=0.5")
    assert Relation.BURST not in {each.group.relation for each in strict.groups()}
    with pytest.raises(SettingsError, match="limit 'wrods'"):
        replace(finder, limits="wrods=3").groups()


def test_all_of_many_copies_are_compared_with_the_one_to_keep(tmp_path, library, embedder) -> None:
    photos = tmp_path / "many"
    photos.mkdir()
    cat = Image.fromarray(data.chelsea())
    cat.save(photos / "original.jpg", quality=97)
    for quality in range(70, 94):
        cat.save(photos / f"copy {quality}.jpg", quality=quality)
    ingest(library, [parse_source(str(photos))], embedder, model="colours")
    finder = Deduplicator(library, threads=2)
    plan = finder.plan()
    assert {Path(group.keeper).name for group in plan.groups} == {"original.jpg"}
    assert len(plan.groups[0].changes) == 24
    assert not plan.left
    (group,) = finder.groups()
    assert len(group.group.edges) < 25 * 24 / 2  # and by far not all with each other
