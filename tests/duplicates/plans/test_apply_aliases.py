"""Plans that collide, one folder under several names: at each step each photo is somewhere."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import unicodedata
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.duplicates.model import Relation
from safelight.duplicates.plans.apply import apply_plan
from safelight.duplicates.plans.model import Change, Plan, PlannedGroup, check, place_in
from safelight.duplicates.plans.undo import undo_plan
from safelight.errors import PlanError
from safelight.files.packages import QUARANTINE
from safelight.library.database import Database
from tests.disks import seen_twice
from tests.duplicates.moments import at_each_call
from tests.duplicates.shelf import Shelf

PLAN_ID = "20261127-120000-abcd"

# "alias" and "deep/alias" lead to "a"; "twin.jpg" is a hard link of "a/x.jpg".
FILES = {
    "a/x.jpg": b"one", "a/X.jpg": b"two", "a/y.jpg": b"one", "b/x.jpg": b"one",
    "b/\u00e9.jpg": b"two", "b/" + unicodedata.normalize("NFD", "\u00e9.jpg"): b"two",
}  # fmt: skip
SPELLINGS = [
    *FILES, "twin.jpg", *(f"{alias}/{name}" for alias in ("alias", "deep/alias")
    for name in ("x.jpg", "X.jpg", "y.jpg")),
]  # fmt: skip


def made(folder: Path, library: Database) -> Shelf:
    shelf = Shelf(folder, library)
    for name, data in FILES.items():
        shelf.add(name, data)
    (folder / "deep").mkdir()
    (folder / "alias").symlink_to(folder / "a")
    (folder / "deep/alias").symlink_to(folder / "a")
    os.link(folder / "a/x.jpg", folder / "twin.jpg")
    for name in SPELLINGS:
        shelf.know(name)
    return shelf


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def plan_of(shelf: Shelf, action: str, groups, places) -> Plan:
    """Return a plan that somebody wrote by hand, whether it may be followed or not."""
    planned = []
    for keeper, changes in groups:
        keeper_path = shelf.folder / keeper
        moved = []
        for change in changes:
            path = shelf.folder / change
            place = {
                "default": str(shelf.folder / QUARANTINE / PLAN_ID / change),
                "other": place_in(str(shelf.folder / "q" / PLAN_ID), str(path)),
                "itself": str(path),
                "keeper": str(keeper_path),
                "alias": str(shelf.folder / "alias" / QUARANTINE / PLAN_ID / Path(change).name),
            }[places]
            to = place if action == "quarantine" else None
            moved.append(Change(sha256(path), str(path), 3, 3, Relation.IDENTICAL, (), to))
        planned.append(
            PlannedGroup("0" * 12, Relation.IDENTICAL, sha256(keeper_path), str(keeper_path), (),
                         tuple(moved))
        )  # fmt: skip
    return Plan(
        PLAN_ID, "2026-11-27T12:00:00+00:00", str(shelf.library.path), action, "original",
        (Relation.IDENTICAL,), None, tuple(planned),
    )  # fmt: skip


def contents(*folders: Path) -> set[bytes]:
    return {
        path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


groups = st.lists(
    st.tuples(
        st.sampled_from(SPELLINGS), st.lists(st.sampled_from(SPELLINGS), min_size=1, max_size=3)
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60)
@given(
    groups,
    st.sampled_from(["quarantine", "hardlink", "trash"]),
    st.sampled_from(["default", "other", "itself", "keeper", "alias"]),
    st.booleans(),
)
def test_whatever_a_plan_says_each_photo_is_somewhere(given_groups, action, places, blind) -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        mock.patch.dict(os.environ, {"XDG_DATA_HOME": f"{name}/data"}),
        Database(Path(name) / "library.db") as library,
    ):
        shelf = made(Path(name) / "photos", library)
        before = shelf.state()
        plan = plan_of(shelf, action, given_groups, places)
        everywhere = [shelf.folder, Path(name) / "data"]

        def require_all(_: int) -> None:
            assert contents(*everywhere) >= {b"one", b"two"}

        def run() -> None:
            # A system that does not say that two names are one file.
            seen = mock.patch("os.path.samefile", return_value=False)
            with seen if blind else contextlib.nullcontext():
                apply_plan(library, plan)

        try:
            check(plan)
        except PlanError:
            assert shelf.state() == before
            return
        at_each_call(run, require_all)
        for group in plan.groups:
            assert sha256(Path(group.keeper)) == group.keeper_id
        with contextlib.suppress(PlanError):  # nothing was done
            at_each_call(lambda: undo_plan(library.path), require_all)
        after = {name: data for name, (data, *_) in shelf.state().items()}
        assert after == {name: data for name, (data, *_) in before.items()}


@pytest.mark.parametrize("places", ["itself", "keeper"])
def test_a_plan_that_moves_onto_what_is_there_is_refused(tmp_path, library, places) -> None:
    shelf = made(tmp_path / "photos", library)
    plan = plan_of(shelf, "quarantine", [("a/x.jpg", ["b/x.jpg"])], places)
    with pytest.raises(PlanError, match=r"taken|place"):
        apply_plan(library, plan)


@pytest.mark.parametrize("twins", [("a/x.jpg", "a/X.jpg"), tuple(FILES)[4:6]])
def test_names_that_a_disk_may_take_for_one_are_not_moved_together(
    tmp_path, library, twins
) -> None:
    shelf = made(tmp_path / "photos", library)
    plan = plan_of(shelf, "quarantine", [("b/x.jpg", twins)], "default")
    with pytest.raises(PlanError, match="taken"):
        check(plan)


def test_planning_leaves_the_second_of_such_names_for_the_next_plan(shelf, library) -> None:
    photo = shelf.add("z/kept.jpg", b"one", days=-9)
    shelf.add("a/x.jpg", b"one")
    shelf.add("a/X.jpg", b"one")
    shelf.relate("identical", photo)
    plan = shelf.plan()
    assert len(plan.changes) == 1
    assert "same name" in plan.left[0].why
    assert apply_plan(library, plan).changed == 1
    assert undo_plan(library.path)[1].changed == 1


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/home/ann/a.jpg", "/q/home/ann/a.jpg"),
        ("//server/share/a.jpg", "/q/server/share/a.jpg"),
    ],
)
def test_a_named_quarantine_repeats_the_whole_path(path, place) -> None:
    assert place_in("/q", path) == place


def test_the_share_of_a_windows_path_is_a_folder_in_the_quarantine(monkeypatch) -> None:
    import ntpath

    monkeypatch.setattr("safelight.duplicates.plans.model.os.path", ntpath)
    monkeypatch.setattr("safelight.duplicates.plans.model.os.sep", "\\")
    for path, place in {
        r"\\nas\photos\a.jpg": r"D:\q\nas_photos\a.jpg",
        r"C:\photos\a.jpg": r"D:\q\C\photos\a.jpg",
        r"\\?\C:\photos\a.jpg": r"D:\q\C\photos\a.jpg",
    }.items():
        assert place_in(r"D:\q", path) == place


@pytest.mark.parametrize("action", ["quarantine", "trash"])
def test_one_folder_seen_twice_through_fuse(tmp_path, library, monkeypatch, action) -> None:
    """Mounts that show one folder twice, each time with other numbers."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    shelf = Shelf(tmp_path / "photos", library)
    photo = shelf.add("real/a.jpg", b"one picture")
    views = (shelf.folder / "one", shelf.folder / "two")
    with seen_twice(shelf.folder / "real", *views) as done:
        if not done:
            pytest.skip("bindfs is not installed")
        shelf.know("one/a.jpg")
        shelf.know("two/a.jpg")
        shelf.relate("identical", photo)
        outcome = apply_plan(library, shelf.plan(action=action))
        assert outcome.changed == 0
        assert (shelf.folder / "real/a.jpg").read_bytes() == b"one picture"
