"""Doing what a plan says, each file looked at once more right before it is touched.

Killed at any moment, the same call goes on where it ended, and :func:`safelight.duplicates.undo`
takes back what was done.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat as stat_module
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.duplicates.beside import Beside
from safelight.duplicates.journal import BEGUN, DONE, Journal, Step, folder_of, write_safely
from safelight.duplicates.moving import CannotChange, move, replace_by_link
from safelight.duplicates.plan import Left, check, write_plan
from safelight.duplicates.trash import check_trash, trash_place, write_note
from safelight.duplicates.verifying import (
    check_sidecar,
    content_of,
    is_unchanged,
    reason_of,
    stat_of,
    verified,
)
from safelight.duplicates.xmp import add_to_xmp, read_xmp
from safelight.errors import SidecarError
from safelight.library.copies import mark_paths_back, mark_paths_gone
from safelight.library.decisions import decided_pairs
from safelight.model import FileStat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.duplicates.plan import Change, Plan, PlannedGroup
    from safelight.library.store import Library

_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

# The library is told of so many files at once.
_AT_ONCE = 200


@dataclass(slots=True)
class Outcome:
    """What came of a plan.

    Attributes
    ----------
    changed : int
        Files that were moved or linked; in a trial, that could be.
    before : int
        Those that an earlier call had changed already.
    bytes : int
        Bytes of what was changed now that become free.
    sidecars : int
        Sidecars of files that are kept, to which something was added.
    left : list of Left
        What was left as it is, and why.
    """

    changed: int = 0
    before: int = 0
    bytes: int = 0
    sidecars: int = 0
    left: list[Left] = field(default_factory=list)


def apply_plan(
    library: Library,
    plan: Plan,
    *,
    trial: bool = False,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Outcome:
    """Do what a plan says; what an earlier call has done of it already is not done again.

    A file is changed only if it and the one that is kept have the bytes that the plan knows, by
    their sha256, right before.

    Parameters
    ----------
    library : Library
        Is told which files are gone; its journal is beside it.
    plan : Plan
    trial : bool
        Look at everything and change nothing.
    progress : callable
        Called with the number of files looked at, and that of all.

    Raises
    ------
    PlanError
        The plan must not be followed, or its journal cannot be written.
    """
    check(plan)
    if plan.action == "trash":
        check_trash()
    if trial:
        return _Applying(library, plan, None).run(progress)
    folder = folder_of(library.path) / plan.id
    with Journal(folder) as journal:
        write_plan(plan, folder / "plan.json")
        journal.note("apply", plan=plan.id, library=str(library.path))
        outcome = _Applying(library, plan, journal).run(progress)
        journal.note("applied", changed=outcome.changed, left=len(outcome.left))
    return outcome


class _Applying:
    """One run over a plan."""

    def __init__(self, library: Library, plan: Plan, journal: Journal | None) -> None:
        self.library = library
        self.plan = plan
        self.journal = journal
        self.outcome = Outcome()
        self.beside = Beside()
        self.decided = decided_pairs(library)
        self.known = {
            step.path: (step, state) for step, state in (journal.standing() if journal else ())
        }
        self.gone: list[str] = []
        self.linked: list[Change] = []

    def run(self, progress: Callable[[int, int], None]) -> Outcome:
        total, done = len(self.plan.changes), 0
        try:
            for group in self.plan.groups:
                self._group(group)
                done += len(group.changes)
                progress(done, total)
                if len(self.gone) + len(self.linked) >= _AT_ONCE:
                    self._tell_library()
        finally:
            self._tell_library()
        return self.outcome

    def _group(self, group: PlannedGroup) -> None:
        waiting: list[Change] = []
        for change in group.changes:
            _, state = self.known.get(change.path, (None, None))
            if state == DONE and self._sidecars_are_done(change):
                self.outcome.before += 1
                self._note_for_library(change)  # it may not have been told
            else:
                waiting.append(change)
        if not waiting:
            return
        try:
            keeper = verified(group.keeper, group.keeper_id)
        except CannotChange as exc:
            why = f"stays, because {group.keeper}, the one to keep, {exc}"
            self._leave([change.path for change in waiting], why)
            return
        fit = [change for change in waiting if self._is_fit(group, change)]
        if not fit:
            return
        try:
            self._carry(group)
        except CannotChange as exc:
            why = f"stays, because the sidecar of {group.keeper} {exc}"
            self._leave([change.path for change in fit], why)
            return
        for change in fit:
            try:
                # The one to keep was read a moment ago; that it has not changed since is enough.
                if not is_unchanged(keeper, stat_of(group.keeper)):
                    raise CannotChange(f"stays, because {group.keeper} is being changed")
                self._change(group, change)
            except CannotChange as exc:
                self._leave([change.path], str(exc))
            else:
                self.outcome.changed += 1
                self.outcome.bytes += change.saves
                self._note_for_library(change)

    def _sidecars_are_done(self, change: Change) -> bool:
        return all(
            self.known.get(sidecar.path, (None, DONE))[1] == DONE for sidecar in change.sidecars
        )

    def _is_fit(self, group: PlannedGroup, change: Change) -> bool:
        """Tell whether a file may be changed; if not, note why."""
        step, _ = self.known.get(change.path, (None, None))
        if step is not None and _is_under_way(step):
            return True
        try:
            verified(change.path, change.photo_id)
            if os.path.samefile(change.path, group.keeper):
                raise CannotChange("is the very file that is kept, by another name")
            companion = self.beside.companion(change.path)
            if companion is not None:
                raise CannotChange(f"belongs together with {os.path.basename(companion)}; stays")
            pair = sorted((change.photo_id, group.keeper_id))
            if (pair[0], pair[1]) in self.decided:
                raise CannotChange("stays by your decision")
            if self.plan.action == "hardlink" and change.photo_id != group.keeper_id:
                raise CannotChange("has other bytes than the file that is kept")
            for sidecar in change.sidecars:
                check_sidecar(sidecar)
        except (CannotChange, OSError) as exc:
            self._leave([change.path], reason_of(exc))
            return False
        return True

    def _carry(self, group: PlannedGroup) -> None:
        """Add to the sidecar of the file that is kept what is noted of the others only."""
        if group.carry is None or self.known.get(group.carry.sidecar, (None, None))[1] == DONE:
            return
        path = group.carry.sidecar
        before = content_of(path)
        try:
            tags = group.carry.tags
            if before is not None:
                tags = tags.beyond(read_xmp(before))
            after = add_to_xmp(before, tags)
        except SidecarError as exc:
            raise CannotChange(str(exc)) from exc
        if after == before:
            return
        if self.journal is None:
            self.outcome.sidecars += 1
            return
        found = None if before is None else stat_of(path)
        number = self.journal.next_number
        backup = None if before is None else self.journal.keep(f"sidecars/{number}.xmp", before)
        step = Step(
            number=number,
            do="sidecar",
            path=path,
            to=None,
            sha256=_EMPTY if before is None else _sha256(before),
            size=0 if before is None else len(before),
            mtime_ns=0 if found is None else found.st_mtime_ns,
            mode=0 if found is None else stat_module.S_IMODE(found.st_mode),
            photo_id=None,
            group=group.id,
            after=_sha256(after),
            backup=None if backup is None else str(backup),
        )
        self.journal.begin([step])
        try:
            _write_sidecar(path, after, found)
        except OSError as exc:
            self.journal.undone(step)
            raise CannotChange(f"cannot be written: {exc.strerror}") from exc
        self.journal.done(step)
        self.outcome.sidecars += 1

    def _change(self, group: PlannedGroup, change: Change) -> None:
        if self.journal is None:
            return
        steps = self._steps(group, change)
        self.journal.begin(step for step, is_new in steps if is_new)
        for step, _ in steps:
            try:
                _do(step)
            except CannotChange as exc:
                if step.photo_id is None:
                    self.journal.undone(step)
                    self._leave([step.path], str(exc))
                    continue
                if os.path.lexists(step.path):
                    # Nothing of it has happened; its sidecars are not to go without it.
                    for each, _ in steps:
                        self.journal.undone(each)
                raise
            self.journal.done(step)

    def _steps(self, group: PlannedGroup, change: Change) -> list[tuple[Step, bool]]:
        """Return the steps of a change, and whether each is new to the journal."""
        assert self.journal is not None
        steps: list[tuple[Step, bool]] = []
        # The photo first: where it cannot go, its sidecars stay with it.
        self._add_step(steps, group, change.path, change.to, change.photo_id, change.photo_id)
        for sidecar in change.sidecars:
            self._add_step(steps, group, sidecar.path, sidecar.to, sidecar.sha256, None)
        return steps

    def _add_step(
        self,
        steps: list[tuple[Step, bool]],
        group: PlannedGroup,
        path: str,
        to: str | None,
        sha256: str,
        photo_id: str | None,
    ) -> None:
        assert self.journal is not None
        before, state = self.known.get(path, (None, None))
        if before is not None:
            if state == BEGUN:
                steps.append((before, False))
            return
        found = stat_of(path)
        note = None
        if self.plan.action == "hardlink":
            to = group.keeper
        elif self.plan.action == "trash":
            try:
                to, note = trash_place(path)
            except OSError as exc:
                raise CannotChange(f"cannot go into the trash: {exc.strerror}") from exc
        step = Step(
            number=self.journal.next_number + sum(is_new for _, is_new in steps),
            do={"hardlink": "link", "trash": "trash"}.get(self.plan.action, "move"),
            path=path,
            to=to,
            sha256=sha256,
            size=found.st_size,
            mtime_ns=found.st_mtime_ns,
            mode=stat_module.S_IMODE(found.st_mode),
            photo_id=photo_id,
            group=group.id,
            note=note,
        )
        steps.append((step, True))

    def _leave(self, paths: Sequence[str], why: str) -> None:
        self.outcome.left += [Left(path, why) for path in paths]

    def _note_for_library(self, change: Change) -> None:
        if self.plan.action == "hardlink":
            self.linked.append(change)
        else:
            self.gone.append(change.path)

    def _tell_library(self) -> None:
        gone, self.gone = self.gone, []
        linked, self.linked = self.linked, []
        if self.journal is None:
            return
        mark_paths_gone(self.library, (path for path in gone if not os.path.lexists(path)))
        stats = {}
        for change in linked:
            with contextlib.suppress(OSError):
                stats[change.path] = (change.photo_id, FileStat.of(os.stat(change.path)))
        mark_paths_back(self.library, stats)


def _is_under_way(step: Step) -> bool:
    """Tell whether a step that was begun has changed anything, before the process was killed."""
    if step.do == "link":
        with contextlib.suppress(OSError):
            return os.path.samefile(step.path, step.to or "")
        return False
    return not os.path.lexists(step.path) or os.path.lexists(step.to or "")


def _write_sidecar(path: str, data: bytes, before: os.stat_result | None) -> None:
    target = Path(os.path.realpath(path))
    write_safely(target, data)
    if before is not None:
        os.chmod(target, stat_module.S_IMODE(before.st_mode))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _do(step: Step) -> None:
    if step.to is None:
        raise CannotChange("has nowhere to go")
    if step.do == "link":
        replace_by_link(step.path, step.to, step)
        return
    if step.note is not None:
        try:
            write_note(step.note, step.path)
        except OSError as exc:
            raise CannotChange(f"cannot go into the trash: {exc.strerror}") from exc
    try:
        move(step.path, step.to, step.sha256)
    except CannotChange:
        if step.note is not None and not os.path.lexists(step.to):
            with contextlib.suppress(OSError):
                os.unlink(step.note)
        raise
