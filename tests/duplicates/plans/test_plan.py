"""Plans as files: read again as they were written, and refused when they must not be followed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from safelight.duplicates.keeper.filenames import preferences
from safelight.duplicates.model import KEPT_TOGETHER
from safelight.duplicates.plans.model import DEFAULT_RELATIONS, check_target, read_plan, write_plan
from safelight.duplicates.report.page import check_report
from safelight.errors import PlanError, UsageError
from safelight.library.database import Database


@pytest.fixture
def written(shelf, tmp_path):
    """A plan's file, and what is in it."""
    large = shelf.add("large.jpg", b"1", width=400, height=300)
    small = shelf.add("small.jpg", b"2", exif={"latitude": 1.5, "longitude": 2.5})
    shelf.relate("resized", large, small)
    path = tmp_path / "plan.json"
    plan = shelf.plan()
    write_plan(plan, path)
    assert read_plan(path) == plan
    return path, json.loads(path.read_text("utf-8"))


def spoil(plan: dict, *steps: object, to: object) -> None:
    *way, last = steps
    for step in way:
        plan = plan[step]
    plan[last] = to


def test_what_a_plan_says(written, shelf) -> None:
    _, plan = written
    (group,) = plan["groups"]
    (change,) = group["changes"]
    assert group["keeper"]["path"] == str(shelf.folder / "large.jpg")
    assert (plan["files"], plan["bytes_saved"], plan["action"]) == (1, 1, "quarantine")
    assert change["to"].endswith(f".safelight-quarantine/{plan['plan']}/small.jpg")
    assert (change["relation"], change["saves"]) == ("resized", 1)
    assert change["reasons"]
    assert group["carry"]["latitude"] == 1.5


CHANGE = ("groups", 0, "changes", 0)


@pytest.mark.parametrize(
    ("steps", "to", "why"),
    [
        (("version",), 2, "version 2"),
        (("plan",), "../../etc", "id"),
        (("action",), "shred", "Unknown action"),
        (("groups", 0, "keeper", "path"), None, "keeps and changes"),
        (("groups", 0, "relation"), "bracket", "belongs together"),
        ((*CHANGE, "relation"), "raw+jpeg", "belongs together"),
        ((*CHANGE, "to"), None, "where to move"),
        ((*CHANGE, "to"), "here", "not absolute"),
        ((*CHANGE, "path"), "here", "not absolute"),
        ((*CHANGE, "photo_id"), "abc", "not a sha256"),
        ((*CHANGE, "size"), "many", "damaged"),
        (("groups", 0, "keeper"), {}, "damaged"),
        (("groups",), None, "damaged"),
    ],
)
def test_a_plan_that_must_not_be_followed_is_refused(written, steps, to, why) -> None:
    path, plan = written
    if why == "keeps and changes":
        to = plan["groups"][0]["changes"][0]["path"]
    spoil(plan, *steps, to=to)
    path.write_text(json.dumps(plan), "utf-8")
    with pytest.raises(PlanError, match=why):
        read_plan(path)


def test_no_file_is_changed_twice(written) -> None:
    path, plan = written
    plan["groups"] *= 2
    path.write_text(json.dumps(plan), "utf-8")
    with pytest.raises(PlanError, match="twice"):
        read_plan(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "no json", '{"plan": 1}'])
def test_what_is_not_a_plan_is_refused(tmp_path, text) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(PlanError, match="is not a plan"):
        read_plan(path)


def test_where_a_plan_may_be_written(written, tmp_path) -> None:
    path, _ = written
    check_target(path)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not a plan"):
        check_target(tmp_path / "mine.txt")
    check_target(tmp_path / "mine.txt", force=True)
    with pytest.raises(UsageError, match="no folder"):
        check_target(tmp_path / "nowhere" / "plan.json")


def test_by_itself_a_plan_goes_by_whole_pictures_only() -> None:
    assert sorted(DEFAULT_RELATIONS) == [
        "identical", "mirrored", "re-encoded", "resized", "rotated", "same-pixels",
    ]  # fmt: skip
    assert not DEFAULT_RELATIONS & KEPT_TOGETHER


def test_only_what_is_itself_a_form_of_the_one_to_keep_is_changed(shelf) -> None:
    keeper = shelf.add("keeper.jpg", b"1", width=400, height=300)
    small = shelf.add("small.jpg", b"2")
    smaller = shelf.add("smaller.jpg", b"3", width=20, height=15)
    shelf.relate("resized", keeper, small, smaller)  # in a row: the ends share no edge
    plan = shelf.plan()
    assert [change.photo_id for change in plan.changes] == [small]
    (left,) = plan.left
    assert left.path.endswith("smaller.jpg")
    assert "by way of others" in left.why


def test_a_raw_never_goes_for_what_is_none_whatever_the_policy(shelf) -> None:
    raw = shelf.add("IMG_1.cr2", b"raw" * 90, format="RAW", width=40, height=30)
    large = shelf.add("export.jpg", b"jpeg", width=80, height=60)
    shelf.relate("resized", raw, large)
    for policy in ("original", "smallest", "sharpest"):
        plan = shelf.plan(policy=policy)
        assert list(plan.changes) == []
        assert any("more pixels than the RAW" in each.why for each in plan.left)
        assert shelf.suggest(policy)[0].keeper.photo_id == raw


@pytest.mark.parametrize("companion", ["IMG_1.MOV", "IMG_1.CR2"])
def test_a_plain_copy_of_what_has_companions_can_go(shelf, companion) -> None:
    own = shelf.add("Trip/IMG_1.jpg", b"photo", days=9)
    shelf.add("A/IMG_1.jpg", b"photo", days=1)
    (shelf.folder / "Trip" / companion).write_bytes(b"companion")
    shelf.relate("identical", own)
    if companion.endswith("CR2"):
        shelf.relate("raw+jpeg", own, shelf.know(f"Trip/{companion}", format="RAW"))
    (change,) = shelf.plan().changes
    assert Path(change.path).parent.name == "A"
    kept = shelf.suggest()[0]
    assert "companion" in " ".join(kept.keeper.reasons)
    assert not any("stays in any case" in reason for reason in kept.photos[1].reasons)


def test_a_protected_file_stays_and_is_kept(shelf) -> None:
    one = shelf.add("Backup/a.jpg", b"photo", days=9)
    shelf.add("own/a.jpg", b"photo", days=1)
    shelf.relate("identical", one)
    plan = shelf.plan(protect=preferences(protect=[str(shelf.folder / "Backup")]))
    assert list(plan.changes) == []
    assert any("protected folder" in each.why for each in plan.left)


@pytest.mark.parametrize("kind", ["photo", "library", "pipe", "folder", "link to a photo"])
def test_no_plan_and_no_page_replaces_what_would_be_lost(tmp_path, make_photo, kind: str) -> None:
    target = tmp_path / "out.html"
    match kind:
        case "photo":
            make_photo(tmp_path / "a.png").rename(target)
        case "library":
            Database(tmp_path / "a.db").close()
            (tmp_path / "a.db").rename(target)
        case "pipe":
            if not hasattr(os, "mkfifo"):
                pytest.skip("no pipes here")
            os.mkfifo(target)
        case "folder":
            target.mkdir()
        case _:
            target.symlink_to(make_photo(tmp_path / "a.png"))
    for check in (check_target, check_report):
        with pytest.raises(UsageError, match=r"out\.html is a"):
            check(str(target), force=True)
