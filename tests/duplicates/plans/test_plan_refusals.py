"""Plans that somebody broke, or wrote to do harm: refused, with nothing touched."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from safelight.duplicates.plans.apply import apply_plan
from safelight.duplicates.plans.model import read_plan, write_plan
from safelight.duplicates.plans.undo import undo_plan
from safelight.errors import PlanError


@pytest.fixture
def plan(shelf, tmp_path):
    """A plan's file, and what is in it."""
    photo = shelf.add("kept.jpg", b"the same", days=-9)
    shelf.add("copy.jpg", b"the same")
    (shelf.folder / "copy.jpg.pp3").write_bytes(b"edits")
    shelf.relate("identical", photo)
    path = tmp_path / "plan.json"
    write_plan(shelf.plan(), path)
    return path, json.loads(path.read_text())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


HOSTILE = {
    "nul": lambda change: change.update(path=change["path"] + "\0.jpg"),
    "nul in the target": lambda change: change.update(to=change["to"] + "\0"),
    "half a character": lambda change: change.update(path=change["path"] + "\ud800"),
    "dots": lambda change: change.update(to=change["to"].replace("/copy", "/../../copy")),
    "a number as path": lambda change: change.update(path=17),
    "a list as target": lambda change: change.update(to=[change["to"]]),
    "a number beyond all": lambda change: change.update(size=10**40),
    "less than nothing": lambda change: change.update(saves=-1),
    "no number": lambda change: change.update(size=float("nan")),
    "a truth as number": lambda change: change.update(size=True),
    "an object for reasons": lambda change: change.update(reasons={}),
    "sidecars that are none": lambda change: change.update(sidecars=[1]),
    "onto itself": lambda change: change.update(to=change["path"]),
    "anywhere": lambda change: change.update(to="/tmp/anywhere.jpg"),
    "into another plan's": lambda change: change.update(
        to=change["to"].replace("/.safelight-quarantine/20", "/.safelight-quarantine/19")
    ),
    "below another name": lambda change: change.update(
        to=change["to"].replace("/.safelight-quarantine/", "/.config/")
    ),
    "a sidecar onto the photo": lambda change: change["sidecars"][0].update(to=change["to"]),
    "a sidecar anywhere": lambda change: change["sidecars"][0].update(to="/tmp/x.pp3"),
}


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE)
def test_a_plan_that_was_tampered_with_is_refused(plan, shelf, spoil) -> None:
    path, found = plan
    spoil(found["groups"][0]["changes"][0])
    path.write_text(json.dumps(found))
    before = shelf.state()
    with pytest.raises(PlanError):
        read_plan(path)
    assert shelf.state() == before


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"plan":' * 50_000,
        b'{"plan": "a", "plan": "b", "groups": [], "version": 1}',
        b'{"plan": "x", "version": 1e400, "groups": []}',
        b'{"plan": "x", "version": 1, "groups": ' + b"9" * 5000 + b"}",
        b"\xff\xfe\x00",
        b"\0" * 100,
        b"",
    ],
    ids=["nested", "nested objects", "a key twice", "infinite", "digits", "UTF-16", "NUL", "empty"],
)
def test_what_is_hardly_json_is_refused(tmp_path, data) -> None:
    (tmp_path / "plan.json").write_bytes(data)
    with pytest.raises(PlanError):
        read_plan(tmp_path / "plan.json")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize("kind", ["fifo", "folder", "device", "link to a device", "missing"])
def test_what_is_not_a_file_is_refused(tmp_path, kind) -> None:
    path = tmp_path / "plan.json"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path = Path("/dev/zero")
        case "link to a device":
            path.symlink_to("/dev/zero")
    with pytest.raises(PlanError, match="cannot be read"):
        read_plan(path)


def test_a_file_that_is_in_no_library_stays(plan, shelf, library, tmp_path) -> None:
    path, found = plan
    mine = shelf.folder / "letter.txt"
    mine.write_bytes(b"the same")
    (change,) = found["groups"][0]["changes"]
    change.update(path=str(mine), to=change["to"].replace("copy.jpg", "letter.txt"), sidecars=[])
    path.write_text(json.dumps(found))
    outcome = apply_plan(library, read_plan(path))
    assert (outcome.changed, len(outcome.left)) == (0, 1)
    assert mine.exists()


def test_a_file_that_is_not_a_companion_stays(plan, shelf, library) -> None:
    path, found = plan
    mine = shelf.folder / "letter.txt"
    mine.write_bytes(b"mine")
    (change,) = found["groups"][0]["changes"]
    to = change["to"].replace("copy.jpg", "letter.txt")
    change["sidecars"].append({"path": str(mine), "sha256": sha256(b"mine"), "to": to})
    path.write_text(json.dumps(found))
    assert apply_plan(library, read_plan(path)).changed == 0
    assert mine.exists()


def test_notes_are_not_written_anywhere_else(shelf, library, tmp_path) -> None:
    large = shelf.add("large.jpg", b"1", width=400, height=300)
    small = shelf.add("small.jpg", b"2", exif={"latitude": 1.5, "longitude": 2.5})
    shelf.relate("resized", large, small)
    found = shelf.plan().to_dict()
    found["groups"][0]["carry"]["sidecar"] = str(tmp_path / "authorized_keys")
    (tmp_path / "plan.json").write_text(json.dumps(found))
    assert apply_plan(library, read_plan(tmp_path / "plan.json")).changed == 0
    assert not (tmp_path / "authorized_keys").exists()


@pytest.mark.parametrize(
    "folder",
    [
        "Photos.photoslibrary/originals/0", "Old.aplibrary/Masters", "X.Lrdata", "a.lrlibrary/b",
        "Work.cocatalog/Originals", "b.dtbase2/Files.noindex", "Old.migratedphotolibrary/Masters",
    ],
)  # fmt: skip
def test_what_belongs_to_a_program_is_left(shelf, library, folder) -> None:
    photo = shelf.add(f"{folder}/a.jpg", b"the same")
    shelf.add("b/c/d/e/f/g/long name (1).jpg", b"the same", days=9)
    shelf.relate("identical", photo)
    plan = shelf.plan()
    before = shelf.state()
    apply_plan(library, plan)
    assert (shelf.folder / folder / "a.jpg").exists()
    if plan.changes:
        undo_plan(library.path)
    assert shelf.state() == before


@pytest.mark.parametrize(
    "folder", ["$Recycle.Bin/S-1-5", "#Recycle", ".Trash-1000/files", ".safelight-quarantine/x"]
)
def test_what_lies_in_a_bin_is_never_the_one_to_keep(shelf, library, folder) -> None:
    photo = shelf.add(f"{folder}/a.jpg", b"the same", days=-99)
    shelf.add("a.jpg", b"the same")
    shelf.add("copy (1).jpg", b"the same", days=3)
    shelf.relate("identical", photo)
    plan = shelf.plan()
    assert [Path(group.keeper).name for group in plan.groups] == ["a.jpg"]
    assert [Path(change.path).name for change in plan.changes] == ["copy (1).jpg"]
    assert apply_plan(library, plan).changed == 1


def test_a_plan_of_paths_that_are_not_utf8_is_written_and_read(shelf, library, tmp_path) -> None:
    name = os.fsdecode(b"caf\xe9")
    try:
        (shelf.folder / name).mkdir()
    except OSError:
        pytest.skip("the file system takes UTF-8 only")
    from dataclasses import replace

    photo = shelf.add("kept.jpg", b"the same", days=-9)
    shelf.add("copy.jpg", b"the same")
    shelf.relate("identical", photo)
    plan = shelf.plan()
    (group,) = plan.groups
    (change,) = group.changes
    odd = replace(
        change,
        path=str(shelf.folder / name / "copy.jpg"),
        to=(change.to or "").replace("/copy.jpg", f"/{name}/copy.jpg"),
    )
    plan = replace(plan, groups=(replace(group, changes=(odd,)),))
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == plan


def test_undo_without_a_name_takes_back_what_was_applied_last(shelf, library) -> None:
    plans = []
    for number in range(3):
        data = b"photo %d" % number
        photo = shelf.add(f"{number}/a.jpg", data)
        shelf.add(f"{number}/b.jpg", data, days=1)
        shelf.groups.clear()
        shelf.relate("identical", photo)
        plans.append(shelf.plan())
    for number in (2, 0, 1):  # not in the order in which they were made
        apply_plan(library, plans[number])
    apply_plan(library, plans[2])  # does nothing
    assert [undo_plan(library.path)[0] for _ in range(3)] == [
        plans[number].id for number in (1, 0, 2)
    ]


@pytest.mark.parametrize("action", ["quarantine", "hardlink"])
def test_another_plan_for_what_is_done_has_nothing_left_to_do(shelf, library, action) -> None:
    photo = shelf.add("kept.jpg", b"the same", days=-9)
    shelf.add("copy.jpg", b"the same")
    shelf.relate("identical", photo)
    first, second = shelf.plan(action=action), shelf.plan(action=action)
    assert apply_plan(library, first).changed == 1
    outcome = apply_plan(library, second)
    assert (outcome.changed, outcome.before, outcome.left) == (0, 1, [])
    undo_plan(library.path)
    assert apply_plan(library, second).changed == 1
