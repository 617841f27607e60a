"""The told outcome of a plan, compared with the disk after tampering, kills and repetition."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.duplicates.plans.apply import apply_plan
from safelight.duplicates.plans.journal import folder_of
from safelight.duplicates.plans.model import QUARANTINE
from safelight.duplicates.plans.progress import progress_of
from safelight.duplicates.plans.undo import undo_plan
from safelight.library.database import Database
from safelight.types import ActionState, PlanState
from tests.duplicates.moments import at_each_call
from tests.duplicates.plans.test_plan_properties import fill, photos, sets
from tests.duplicates.shelf import Shelf

TAMPERING = ("edit", "delete", "link", "sidecar")


def sizes(folder: Path, without=(), below: str | None = None) -> int:
    """Return the bytes that the files of a folder take; names of one file are counted once."""
    taken = {}
    for path in folder.rglob("*"):
        if (
            path.is_file()
            and str(path) not in without
            and (below is None or below not in str(path))
        ):
            taken[path.stat().st_ino] = path.stat().st_size
    return sum(taken.values())


def tamper(plan, number: int, how: str) -> None:
    change = plan.changes[number % len(plan.changes)]
    path = Path(change.path)
    if how == "sidecar":
        Path(f"{path}.xmp").write_bytes(b"by another program")
        return
    path.unlink(missing_ok=True)
    if how == "edit":
        path.write_bytes(b"something else")
    elif how == "link" and os.path.exists(plan.groups[0].keeper):
        os.link(plan.groups[0].keeper, path)


def killed(do, at: int) -> None:
    """Run something in a process that dies before its call number `at` to the file system."""
    pid = os.fork()
    if not pid:
        try:
            at_each_call(do, lambda number: os._exit(9) if number == at else None)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def content(path: str) -> bytes | None:
    return Path(path).read_bytes() if os.path.lexists(path) else None


def agrees(progress, was: dict[str, bytes | None], *, settled: bool = True) -> None:
    """Assert that each action is as it says: `was` is what was at each path before."""
    for change in progress.plan.changes:
        result = progress.of(change)
        here = content(change.path)
        match result.state:
            case ActionState.DONE if progress.plan.action == "hardlink":
                group = next(each for each in progress.plan.groups if change in each.changes)
                assert os.path.samefile(change.path, group.keeper)
            case ActionState.DONE:
                assert here is None
                assert content(result.now) == was[change.path]
            case ActionState.UNFINISHED:
                assert not settled
            case ActionState.LEFT:
                assert result.reason
                assert here == was[change.path]
            case _:
                assert here == was[change.path]
        if result.state is not ActionState.DONE:
            assert (result.bytes_freed, result.bytes_held) == (0, 0)
    states = {progress.of(change).state for change in progress.plan.changes}
    if progress.state is PlanState.APPLIED:
        assert states <= {ActionState.DONE}
    if progress.state in (PlanState.UNDONE, PlanState.PLANNED):
        assert ActionState.DONE not in states


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is killed at a chosen call")
@settings(max_examples=20)
@given(
    photos,
    sets,
    st.sampled_from(["quarantine", "hardlink"]),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(TAMPERING)), max_size=2),
    st.integers(0, 1500),
    st.integers(0, 800),
)
def test_the_told_outcome_is_what_is_on_the_disk(
    given_photos, given_sets, action, tampering, killed_at, undo_killed_at
) -> None:
    with tempfile.TemporaryDirectory() as name, Database(Path(name) / "library.db") as library:
        folder = Path(name) / "photos"
        shelf = Shelf(folder, library)
        fill(shelf, given_photos, given_sets)
        plan = shelf.plan(action=action)
        if not plan.changes:
            return
        for number, how in tampering:
            tamper(plan, number, how)
        was = {change.path: content(change.path) for change in plan.changes}
        before, shelf_before = sizes(folder), shelf.state()
        path = library.path

        def apply() -> None:
            with Database(path) as opened:
                apply_plan(opened, plan)

        killed(apply, killed_at)
        agrees(progress_of(plan, path), was, settled=False)
        told = apply_plan(library, plan).progress
        agrees(told, was)
        assert told == progress_of(plan, path)
        again = apply_plan(library, plan)
        assert again.changed == 0
        assert again.progress.results == told.results
        assert again.progress.state == told.state
        added = {each.path for each in told.sidecars}
        if not added:
            assert before - sizes(folder) == told.bytes_freed
            assert before - sizes(folder, below=QUARANTINE) == told.bytes_freed + told.bytes_held

        killed(lambda: undo_plan(path, plan.id), undo_killed_at)
        agrees(progress_of(plan, path), was, settled=False)
        for _ in range(2):
            _, undone = undo_plan(path, plan.id)
            assert undone.left == []
            agrees(undone.progress, was)
            assert undone.progress.state is PlanState.UNDONE
            assert undone.progress == progress_of(plan, path)
        assert shelf.state() == shelf_before


def test_a_companion_that_was_on_its_way_is_finished(shelf, library) -> None:
    photo = shelf.add("a.jpg", b"photo" * 100)
    shelf.add("b.jpg", b"photo" * 100, days=1)
    (shelf.folder / "b.jpg.pp3").write_bytes(b"of b")
    shelf.relate("identical", photo)
    plan = shelf.plan()
    (change,) = plan.changes
    (sidecar,) = change.sidecars
    outcome = apply_plan(library, plan)
    assert (outcome.bytes_held, plan.saves) == (504, 504)
    path = folder_of(library.path) / plan.id / "journal.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    # As if it had been killed between the move of the sidecar and its line.
    kept = [line for line in lines if '"number": 2, "freed"' not in line][:-1]
    path.write_text("".join(kept))
    assert progress_of(plan, library.path).results[change.path].state == "unfinished"
    outcome = apply_plan(library, plan)
    assert progress_of(plan, library.path).state == "applied"
    assert not os.path.lexists(sidecar.path)


def test_bytes_are_free_at_once_on_another_disk(shelf, library, other_disk) -> None:
    photo = shelf.add("a.jpg", b"photo" * 100)
    shelf.add("b.jpg", b"photo" * 100, days=1)
    shelf.relate("identical", photo)
    trial = apply_plan(library, shelf.plan(quarantine=str(other_disk)), trial=True)
    assert (trial.bytes_freed, trial.bytes_held) == (500, 0)
    outcome = apply_plan(library, shelf.plan(quarantine=str(other_disk)))
    assert (outcome.bytes_freed, outcome.bytes_held) == (500, 0)
    _, undone = undo_plan(library.path)
    assert (undone.progress.bytes_freed, undone.size) == (0, 500)


def test_the_last_name_of_a_file_frees_its_bytes(shelf, library) -> None:
    photo = shelf.add("a.jpg", b"photo" * 100)
    shelf.add("b.jpg", b"photo" * 100, days=1)
    os.link(shelf.folder / "b.jpg", shelf.folder / "c.jpg")
    shelf.know("c.jpg")
    shelf.relate("identical", photo)
    outcome = apply_plan(library, shelf.plan(action="hardlink"))
    assert (outcome.changed, outcome.bytes_freed, outcome.bytes_held) == (2, 500, 0)
    assert sizes(shelf.folder) == 500
    undo_plan(library.path)
    outcome = apply_plan(library, shelf.plan())
    assert outcome.changed == 2
    # Undoing made files of their own of the two names.
    assert (outcome.bytes_freed, outcome.bytes_held) == (0, 1000)


def test_two_plans_of_one_group_free_its_bytes_once(shelf, library) -> None:
    photo = shelf.add("a.jpg", b"photo" * 100)
    shelf.add("b.jpg", b"photo" * 100, days=1)
    shelf.relate("identical", photo)
    first, second = shelf.plan(action="hardlink"), shelf.plan(action="hardlink")
    assert apply_plan(library, first).bytes_freed == 500
    outcome = apply_plan(library, second)
    assert (outcome.changed, outcome.before, outcome.bytes_freed) == (0, 1, 0)
    (result,) = outcome.progress.results.values()
    assert (result.state, result.done_by, result.bytes_freed) == ("done", first.id, 0)
    assert outcome.progress.state == "applied"
    undo_plan(library.path, first.id)
    assert progress_of(second, library.path).state == "planned"
