"""Plans applied and undone, on real files: each thing that can be in the way has its outcome."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from safelight.duplicates.model import Edge, Relation
from safelight.duplicates.plans.apply import apply_plan
from safelight.duplicates.plans.companions import Companions
from safelight.duplicates.plans.journal import Journal, folder_of, journals
from safelight.duplicates.plans.model import QUARANTINE, read_plan, write_plan
from safelight.duplicates.plans.undo import undo_plan
from safelight.errors import PlanError
from safelight.library.attributes.decisions import decide
from safelight.metadata.tags import Tags
from safelight.metadata.xmp import add_to_xmp, read_xmp
from tests.rights import AS_ANYBODY


def why(outcome, path) -> str:
    return next(left.why for left in outcome.left if left.path == str(path))


@pytest.fixture
def pair(shelf):
    """One photo in two files."""
    photo = shelf.add("a.jpg", b"the same")
    shelf.add("deep/copy of a.jpg", b"the same", days=1)
    shelf.relate("identical", photo)
    return shelf


def test_a_copy_goes_into_the_quarantine_and_comes_back(pair, library) -> None:
    before = pair.state()
    plan = pair.plan()
    assert [change.path for change in plan.changes] == [str(pair.folder / "deep/copy of a.jpg")]
    assert plan.saves == 8
    outcome = apply_plan(library, plan)
    assert (outcome.changed, outcome.left) == (1, [])
    moved = pair.folder / QUARANTINE / plan.id / "deep/copy of a.jpg"
    assert moved.read_bytes() == b"the same"
    assert not (pair.folder / "deep/copy of a.jpg").exists()
    assert pair.present() == {"a.jpg"}
    again = apply_plan(library, plan)
    assert (again.changed, again.before, again.left) == (0, 1, [])
    name, outcome = undo_plan(library.path)
    assert (name, outcome.changed, outcome.left) == (plan.id, 1, [])
    assert pair.state() == before
    assert pair.present() == {"a.jpg", "deep/copy of a.jpg"}
    assert not (pair.folder / QUARANTINE).exists()
    with pytest.raises(PlanError, match="Nothing was applied"):
        undo_plan(library.path)


def test_undone_it_can_be_applied_again(pair, library) -> None:
    before, plan = pair.state(), pair.plan()
    for _ in range(3):
        assert apply_plan(library, plan).changed == 1
        assert undo_plan(library.path, plan.id[:12])[1].changed == 1
        assert pair.state() == before


def test_a_trial_changes_nothing(pair, library) -> None:
    before = pair.state()
    outcome = apply_plan(library, pair.plan(), trial=True)
    assert (outcome.changed, outcome.bytes_held, outcome.bytes_freed) == (1, 8, 0)
    assert pair.state() == before
    assert journals(library.path) == []
    assert pair.present() == {"a.jpg", "deep/copy of a.jpg"}


def test_a_plan_survives_its_file(pair, library, tmp_path) -> None:
    plan = pair.plan()
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == plan
    apply_plan(library, read_plan(tmp_path / "plan.json"))
    assert undo_plan(library.path, str(tmp_path / "plan.json"))[1].changed == 1


def test_hard_links(pair, library) -> None:
    other = pair.add("b.jpg", b"another", days=2)
    pair.relate("re-encoded", pair.groups[0].photos[0], other)
    before = pair.state()
    plan = pair.plan(action="hardlink")
    assert [Path(change.path).name for change in plan.changes] == ["copy of a.jpg"]
    assert "same bytes" in why(plan, pair.folder / "b.jpg")
    assert apply_plan(library, plan).changed == 1
    assert os.path.samefile(pair.folder / "a.jpg", pair.folder / "deep/copy of a.jpg")
    assert pair.present() == {"a.jpg", "deep/copy of a.jpg", "b.jpg"}
    # What is a link already is not offered again.
    assert pair.plan(action="hardlink").changes == []
    assert undo_plan(library.path)[1].changed == 1
    assert pair.state() == before
    assert not os.path.samefile(pair.folder / "a.jpg", pair.folder / "deep/copy of a.jpg")


def test_a_hard_link_that_was_written_to_stays(pair, library) -> None:
    plan = pair.plan(action="hardlink")
    apply_plan(library, plan)
    (pair.folder / "a.jpg").write_bytes(b"edited in place")
    _, outcome = undo_plan(library.path)
    assert "has changed since" in why(outcome, pair.folder / "deep/copy of a.jpg")


@pytest.mark.skipif(os.name == "nt", reason="Windows tells nobody where its trash is")
def test_the_trash(pair, library, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    before, plan = pair.state(), pair.plan(action="trash")
    assert apply_plan(library, plan).changed == 1
    trash = tmp_path / "data/Trash"
    assert (trash / "files/copy of a.jpg").read_bytes() == b"the same"
    note = (trash / "info/copy of a.jpg.trashinfo").read_text()
    assert note.startswith("[Trash Info]\nPath=/")
    assert "copy%20of%20a.jpg" in note
    undo_plan(library.path)
    assert pair.state() == before
    assert list(trash.rglob("*.*")) == []


def test_an_emptied_trash_is_told(pair, library, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    apply_plan(library, pair.plan(action="trash"))
    (tmp_path / "data/Trash/files/copy of a.jpg").unlink()
    _, outcome = undo_plan(library.path)
    assert "cannot be brought back" in outcome.left[0].why


# What changed between plan and apply.


def test_a_file_that_changed_since_the_plan_stays(pair, library) -> None:
    plan = pair.plan()
    path = pair.folder / "deep/copy of a.jpg"
    before = path.stat()
    path.write_bytes(b"the samE")
    os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))  # only the bytes tell
    outcome = apply_plan(library, plan)
    assert outcome.changed == 0
    assert why(outcome, path) == "has changed since the plan was made"
    assert path.read_bytes() == b"the samE"
    assert len(pair.present()) == 2


def test_without_the_one_to_keep_nothing_goes(pair, library) -> None:
    plan = pair.plan()
    (pair.folder / "a.jpg").unlink()
    outcome = apply_plan(library, plan)
    assert outcome.changed == 0
    assert "is gone" in why(outcome, pair.folder / "deep/copy of a.jpg")
    (pair.folder / "a.jpg").write_bytes(b"something else")
    outcome = apply_plan(library, plan)
    assert "has changed since the plan" in why(outcome, pair.folder / "deep/copy of a.jpg")
    assert (pair.folder / "deep/copy of a.jpg").exists()


def test_a_keeper_that_became_a_link_to_the_other_is_seen(pair, library) -> None:
    plan = pair.plan()
    (pair.folder / "a.jpg").unlink()
    (pair.folder / "a.jpg").symlink_to(pair.folder / "deep/copy of a.jpg")
    outcome = apply_plan(library, plan)
    assert outcome.changed == 0
    assert "hard link to the kept file" in why(outcome, pair.folder / "deep/copy of a.jpg")


def test_a_file_that_is_gone_is_told(pair, library) -> None:
    plan = pair.plan()
    (pair.folder / "deep/copy of a.jpg").unlink()
    assert why(apply_plan(library, plan), pair.folder / "deep/copy of a.jpg") == "is gone"


def test_a_decision_since_the_plan_counts(pair, library) -> None:
    plan = pair.plan()
    photo = pair.groups[0].photos[0]
    decide(library, [(photo, photo)], "keep-both")
    outcome = apply_plan(library, plan)
    assert "your decision" in why(outcome, pair.folder / "deep/copy of a.jpg")
    assert pair.plan().changes == []


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_a_folder_that_may_not_be_written_to(pair, library, tmp_path) -> None:
    plan = pair.plan()
    write_plan(plan, tmp_path / "plan.json")
    safelight = str(Path(sys.executable).with_name("safelight"))
    command = (*AS_ANYBODY, safelight, "apply", str(tmp_path / "plan.json"))
    environ = {**os.environ, "SAFELIGHT_LIBRARY": str(library.path)}
    (pair.folder / "deep").chmod(0o555)
    try:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    finally:
        (pair.folder / "deep").chmod(0o755)
    assert "cannot be moved" in done.stdout + done.stderr
    assert (pair.folder / "deep/copy of a.jpg").read_bytes() == b"the same"
    assert len(pair.present()) == 2
    assert apply_plan(library, plan).changed == 1


def test_a_place_that_is_taken_is_not_written_over(pair, library) -> None:
    plan = pair.plan()
    target = Path(plan.changes[0].to or "")
    target.parent.mkdir(parents=True)
    target.write_bytes(b"somebody's")
    outcome = apply_plan(library, plan)
    assert "is taken" in why(outcome, plan.changes[0].path)
    assert target.read_bytes() == b"somebody's"


def test_a_new_file_under_the_old_name_is_not_written_over(pair, library) -> None:
    plan = pair.plan()
    apply_plan(library, plan)
    (pair.folder / "deep/copy of a.jpg").write_bytes(b"new")
    _, outcome = undo_plan(library.path)
    assert "is another file by now" in why(outcome, plan.changes[0].path)
    assert (pair.folder / "deep/copy of a.jpg").read_bytes() == b"new"
    (pair.folder / "deep/copy of a.jpg").unlink()
    assert undo_plan(library.path)[1].changed == 1


def test_what_was_changed_in_the_quarantine_stays_there(pair, library) -> None:
    plan = pair.plan()
    apply_plan(library, plan)
    Path(plan.changes[0].to or "").write_bytes(b"edited")
    _, outcome = undo_plan(library.path)
    assert "was changed in" in why(outcome, plan.changes[0].path)


# Links, and names of one file.


def test_a_link_is_not_a_copy(pair, library) -> None:
    (pair.folder / "link.jpg").symlink_to(pair.folder / "a.jpg")
    pair.know("link.jpg")
    plan = pair.plan()
    assert "link.jpg" not in {Path(change.path).name for change in plan.changes}
    assert why(plan, pair.folder / "link.jpg").startswith("is kept in group")


def test_one_folder_by_two_names_holds_one_file(shelf, library) -> None:
    photo = shelf.add("real/a.jpg")
    (shelf.folder / "alias").symlink_to(shelf.folder / "real")
    shelf.know("alias/a.jpg")
    shelf.relate("identical", photo)
    assert shelf.plan().changes == []


def test_hard_links_of_the_kept_file_are_left(shelf, library) -> None:
    photo = shelf.add("a.jpg")
    os.link(shelf.folder / "a.jpg", shelf.folder / "b.jpg")
    shelf.know("b.jpg")
    shelf.relate("identical", photo)
    plan = shelf.plan()
    assert plan.changes == []
    assert "hard link to the kept file" in plan.left[0].why


def test_bytes_that_another_link_holds_are_not_counted_as_saved(pair, library) -> None:
    os.link(pair.folder / "deep/copy of a.jpg", pair.folder / "third.jpg")
    plan = pair.plan()
    assert (len(plan.changes), plan.saves) == (1, 0)


# Another file system.


def test_to_another_disk_and_back(pair, library, other_disk) -> None:
    (pair.folder / "deep/copy of a.jpg").chmod(0o640)
    before = pair.state()
    plan = pair.plan(quarantine=str(other_disk / "q"))
    assert apply_plan(library, plan).changed == 1
    moved = Path(plan.changes[0].to or "")
    assert moved.is_relative_to(other_disk)
    assert moved.read_bytes() == b"the same"
    assert stat.S_IMODE(moved.stat().st_mode) == 0o640
    assert undo_plan(library.path)[1].changed == 1
    assert pair.state() == before
    assert list(other_disk.rglob("*.*")) == []


def test_no_hard_link_across_disks(shelf, library, other_disk) -> None:
    photo = shelf.add("a.jpg", b"the same")
    (other_disk / "b.jpg").write_bytes(b"the same")
    shelf.know(str(other_disk / "b.jpg"))
    shelf.relate("identical", photo)
    plan = shelf.plan(action="hardlink")
    assert plan.changes == []
    assert "another file system" in plan.left[0].why


# What belongs together.


def test_a_raw_beside_it_keeps_a_photo_even_if_the_library_does_not_know_it(pair, library) -> None:
    plan = pair.plan()
    (pair.folder / "deep/COPY of a.CR2").write_bytes(b"raw")
    (pair.folder / "a.MOV").write_bytes(b"and the other one is one of several as well")
    assert "belongs together with COPY of a.CR2" in why(
        pair.plan(), pair.folder / "deep/copy of a.jpg"
    )
    outcome = apply_plan(library, plan)  # it was made before
    assert "belongs together" in why(outcome, pair.folder / "deep/copy of a.jpg")


@pytest.mark.parametrize("relation", ["raw+jpeg", "bracket", "panorama"])
def test_what_is_only_whole_together_stays_whole(shelf, library, relation) -> None:
    one, other = shelf.add("one.jpg", b"1"), shelf.add("other.jpg", b"2")
    small = shelf.add("small.jpg", b"3", width=20, height=15)
    shelf.add("backup/one.jpg", b"1", days=3)
    shelf.relate(relation, one, other)
    shelf.relate("resized", one, small)
    shelf.relate("identical", one)
    shelf.relate("burst", other, small)
    plan = shelf.plan()
    assert {Path(change.path).name for change in plan.changes} <= {"small.jpg"}
    apply_plan(library, plan)
    assert {"one.jpg", "other.jpg", "backup/one.jpg"} <= shelf.present()


# Sidecars.


def test_notes_of_the_others_come_into_the_keepers_sidecar(shelf, library) -> None:
    large = shelf.add("large.jpg", b"large", width=400, height=300)
    small = shelf.add("small.jpg", b"small")
    noted = Tags("2019-05-01T12:30:00", 10.5, 20.25, None, 5, ("beach", "family"))
    (shelf.folder / "small.jpg.xmp").write_bytes(add_to_xmp(None, noted))
    mine = add_to_xmp(None, Tags(rating=3, keywords=("beach",)))
    (shelf.folder / "large.xmp").write_bytes(mine)
    shelf.relate("resized", large, small)
    before = shelf.state()
    plan = shelf.plan()
    assert plan.groups[0].keeper.endswith("large.jpg")
    outcome = apply_plan(library, plan)
    assert (outcome.changed, outcome.sidecars) == (1, 1)
    found = read_xmp((shelf.folder / "large.xmp").read_bytes())
    assert found == Tags("2019-05-01T12:30:00", 10.5, 20.25, None, 3, ("beach", "family"))
    assert (shelf.folder / "large.jpg").read_bytes() == b"large"
    assert not (shelf.folder / "small.jpg.xmp").exists()  # it went with its photo
    assert not (shelf.folder / "large.jpg.xmp").exists()
    assert apply_plan(library, plan).sidecars == 0
    assert undo_plan(library.path)[1].sidecars == 1
    assert shelf.state() == before


def test_a_sidecar_that_was_not_there_is_gone_after_undo(shelf, library) -> None:
    large = shelf.add("large.jpg", b"large", width=400, height=300)
    small = shelf.add("small.jpg", b"small", exif={"latitude": 1.5, "longitude": 2.5})
    shelf.relate("resized", large, small)
    before, plan = shelf.state(), shelf.plan()
    assert apply_plan(library, plan).sidecars == 1
    assert read_xmp((shelf.folder / "large.jpg.xmp").read_bytes()).latitude == 1.5
    undo_plan(library.path)
    assert shelf.state() == before


def test_a_sidecar_that_was_edited_since_is_left(shelf, library) -> None:
    large = shelf.add("large.jpg", b"large", width=400, height=300)
    small = shelf.add("small.jpg", b"small", exif={"latitude": 1.5, "longitude": 2.5})
    shelf.relate("resized", large, small)
    apply_plan(library, shelf.plan())
    sidecar = shelf.folder / "large.jpg.xmp"
    edited = add_to_xmp(sidecar.read_bytes(), Tags(rating=2))
    sidecar.write_bytes(edited)
    _, outcome = undo_plan(library.path)
    assert "has changed since it was added to" in why(outcome, sidecar)
    assert sidecar.read_bytes() == edited
    assert (shelf.folder / "small.jpg").exists()


def test_a_sidecar_that_cannot_be_read_keeps_everything_where_it_is(shelf, library) -> None:
    large = shelf.add("large.jpg", b"large", width=400, height=300)
    small = shelf.add("small.jpg", b"small")
    (shelf.folder / "small.xmp").write_bytes(b"<broken")
    shelf.relate("resized", large, small)
    plan = shelf.plan()
    assert plan.changes == []
    assert "small.xmp is not XMP" in plan.left[0].why


def test_a_sidecar_that_changed_since_the_plan_keeps_its_photo(shelf, library) -> None:
    large = shelf.add("large.jpg", b"large", width=400, height=300)
    small = shelf.add("small.jpg", b"small")
    sidecar = shelf.folder / "small.jpg.xmp"
    sidecar.write_bytes(add_to_xmp(None, Tags(rating=1)))
    shelf.relate("resized", large, small)
    plan = shelf.plan()
    sidecar.write_bytes(add_to_xmp(None, Tags(rating=5)))
    outcome = apply_plan(library, plan)
    assert "its sidecar" in why(outcome, shelf.folder / "small.jpg")
    assert sidecar.exists()


def test_a_rejected_shot_says_nothing_of_the_kept_one(shelf, library) -> None:
    one = shelf.add("1.jpg", b"1", width=400, height=300)
    other = shelf.add("2.jpg", b"2", exif={"latitude": 1.5, "longitude": 2.5})
    shelf.relate("burst", one, other)
    plan = shelf.plan()
    assert len(plan.changes) == 1
    assert plan.groups[0].carry is None


def test_a_sidecar_of_two_photos_stays(shelf) -> None:
    shelf.add("a.jpg")
    shelf.add("a.png")
    (shelf.folder / "a.xmp").write_bytes(b"")
    assert Companions().sidecars(str(shelf.folder / "a.jpg")) == []
    assert Companions().sidecar_for(str(shelf.folder / "a.jpg")).endswith("a.jpg.xmp")


# The journal.


def test_one_command_at_a_time(pair, library) -> None:
    plan = pair.plan()
    with (
        Journal(folder_of(library.path) / plan.id),
        pytest.raises(PlanError, match="Another command") as caught,
    ):
        apply_plan(library, plan)
    assert caught.value.code == "plan-busy"


def test_half_a_line_is_passed_over(pair, library) -> None:
    plan = pair.plan()
    apply_plan(library, plan)
    path = folder_of(library.path) / plan.id / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"event": "begun", "numb')
    assert undo_plan(library.path)[1].changed == 1
    assert path.read_bytes().startswith(whole)


def test_without_the_library_files_come_back_all_the_same(pair, library) -> None:
    before = pair.state()
    apply_plan(library, pair.plan())
    library.close()
    library.path.unlink()
    assert undo_plan(library.path)[1].changed == 1
    assert pair.state() == before


def test_a_plan_for_what_is_there_no_more_names_the_reason(pair) -> None:
    (pair.folder / "a.jpg").write_bytes(b"other bytes now")
    plan = pair.plan()
    assert plan.changes == []
    assert "run `safelight ingest`" in why(plan, pair.folder / "a.jpg")


def test_relations_of_changes_are_told(shelf) -> None:
    a = shelf.add("a.jpg", b"1", width=400, height=300)
    b, c, d = (shelf.add(f"{name}.jpg", name.encode()) for name in "bcd")
    found = shelf.relate("edited", a, b, c, d)
    relations = {b: Relation.RESIZED, c: Relation.EDITED, d: Relation.RE_ENCODED}
    edges = [Edge(min(a, other), max(a, other), each) for other, each in relations.items()]
    shelf.groups[-1] = replace(found, edges=tuple(edges))
    told = {Path(change.path).name: change.relation.value for change in shelf.plan().changes}
    assert told == {"b.jpg": "resized", "c.jpg": "edited", "d.jpg": "re-encoded"}


def test_what_one_group_keeps_no_other_takes(shelf, library) -> None:
    best, copy = shelf.add("best.jpg", b"1", width=400, height=300), shelf.add("copy.jpg", b"2")
    sharper = shelf.add("sharper.jpg", b"3", width=800, height=600)
    shelf.relate("burst", best, sharper, copy)
    shelf.relate("resized", best, copy)
    plan = shelf.plan()
    assert [Path(change.path).name for change in plan.changes] == ["copy.jpg"]
    assert "is kept in group" in why(plan, shelf.folder / "best.jpg")
