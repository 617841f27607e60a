"""Apply a plan, each file verified while nobody can replace it.

Killed at any moment, the same call goes on where it ended, and
:mod:`safelight.duplicates.plans.undo` takes back what was done.
"""

from __future__ import annotations

import contextlib
import os
import stat as stat_module
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safelight.duplicates.plans.companions import Companions
from safelight.duplicates.plans.dry_run import Trial
from safelight.duplicates.plans.journal import BEGUN, DONE, WAIT, Journal, folder_of, only_one
from safelight.duplicates.plans.model import Left, check, write_plan
from safelight.duplicates.plans.progress import Progress, does, is_taken_back, progress_of
from safelight.duplicates.plans.recovery import clear_folders, done_by_others, recover
from safelight.duplicates.plans.step import Step
from safelight.duplicates.plans.trash import check_trash, trash_place, write_note
from safelight.duplicates.plans.verify import (
    Kept,
    check_sidecar,
    content_of,
    kind_of,
    require_keeper,
    require_movable,
    stat_of,
    verified,
)
from safelight.errors import SidecarError
from safelight.files import sha256
from safelight.files.moves import move, replace_by_link, write
from safelight.files.refusals import described
from safelight.files.set_aside import (
    CannotChange,
    open_here,
    put_back,
    reason_of,
    require_content,
    require_file,
)
from safelight.library.attributes.decisions import decided_pairs
from safelight.library.database import as_database
from safelight.library.photo_facts import is_known, mark_paths_back, mark_paths_gone
from safelight.metadata.xmp import carried
from safelight.types import FileStat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.duplicates.plans.model import Change, Plan, PlannedGroup
    from safelight.library.database import AnyLibrary, Database

_EMPTY = sha256(b"")

# Number of files that are reported to the library at once.
_AT_ONCE = 200


@dataclass(slots=True)
class Outcome:
    """Result of applying a plan.

    Attributes
    ----------
    changed : int
        Files that were moved or linked; in a trial, that could be.
    before : int
        Those that an earlier call had changed already.
    size : int
        Bytes of the files that were changed, or brought back.
    bytes_freed : int
        Bytes that are free now, by this call; in a trial, that would be.
    bytes_held : int
        Bytes that become free once the quarantine is deleted, or the trash emptied.
    sidecars : int
        Sidecars of files that are kept, to which something was added.
    left : list of Left
        What was left as it is, and why.
    progress : Progress or None
        What the plan has come to by now, action by action; None in a trial, and of an undo whose
        plan is not there any more.
    """

    changed: int = 0
    before: int = 0
    size: int = 0
    bytes_freed: int = 0
    bytes_held: int = 0
    sidecars: int = 0
    left: list[Left] = field(default_factory=list)
    progress: Progress | None = None

    def counts(self) -> dict[str, int]:
        """Return the numbers that the journal keeps of a call."""
        return {
            "changed": self.changed,
            "before": self.before,
            "left": len(self.left),
            "sidecars": self.sidecars,
        }


def apply_plan(
    library: AnyLibrary,
    plan: Plan,
    *,
    trial: bool = False,
    progress: Callable[[int, int], None] = lambda *_: None,
    wait: float = WAIT,
) -> Outcome:
    """Do what a plan says; what an earlier call has done of it already is not done again.

    A file is changed only if it and the kept file have the bytes that the plan knows. It is
    taken out of its name first and read then, so that nothing that is saved meanwhile is touched.

    Parameters
    ----------
    library : Library or Database
        Is told which files are gone; its journal is beside it.
    plan : Plan
    trial : bool
        Look at everything and change nothing.
    progress : callable
        Called with the number of files looked at, and that of all.
    wait : float
        Seconds to wait for another command that is applying or undoing.

    Raises
    ------
    PlanError
        The plan must not be followed, or its journal cannot be written.
    """
    library = as_database(library)
    check(plan)
    if plan.action == "trash":
        check_trash()
    if trial:
        return _Applying(library, plan, None).run(progress)
    with only_one(library.path, wait):
        recover(library.path)
        folder = folder_of(library.path) / plan.id
        with Journal(folder, wait) as journal, journal.working():
            write_plan(plan, folder / "plan.json")
            journal.note("apply", plan=plan.id, library=str(library.path))
            applying = _Applying(library, plan, journal)
            outcome = applying.run(progress)
            journal.note("applied", **outcome.counts())
    outcome.progress = progress_of(plan, library.path)
    for path in applying.changed:
        result = outcome.progress.results[path]
        outcome.bytes_freed += result.bytes_freed
        outcome.bytes_held += result.bytes_held
    return outcome


class _Applying:
    """One run over a plan."""

    def __init__(self, library: Database, plan: Plan, journal: Journal | None) -> None:
        self.library = library
        self.plan = plan
        self.journal = journal
        self.outcome = Outcome()
        self.beside = Companions()
        self.decided = decided_pairs(library)
        self.known = {
            step.path: (step, state) for step, state in (journal.standing() if journal else ())
        }
        for step, state in list(self.known.values()):
            # By hand, or by an undo that was killed.
            if state == DONE and is_taken_back(step):
                self._note_undone(step)
        self.kept: dict[str, list[str]] = {}
        for group in plan.groups:
            self.kept.setdefault(group.keeper_id, []).append(group.keeper)
        self.others: dict[str, tuple[Step, str]] | None = None
        self.gone: list[str] = []
        self.linked: list[Change] = []
        self.changed: list[str] = []
        self.trial = Trial(plan.action) if journal is None else None

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
            if self._is_done(change):
                self.outcome.before += 1
                self._note_for_library(change)  # it may not have been told
            else:
                waiting.append(change)
        if not waiting:
            return
        try:
            self._require_known(group.keeper, group.keeper_id)
            require_keeper(group.keeper)
            keeper = Kept(group.keeper, group.keeper_id)
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
                keeper.check()
                self._change(group, change, self._confirm(group, change, keeper))
            except CannotChange as exc:
                self._leave([change.path], str(exc))
            else:
                self.outcome.changed += 1
                self.outcome.size += change.size
                self.changed.append(change.path)
                if self.trial is not None:
                    freed = change.saves if self.trial.frees(change) else 0
                    self.outcome.bytes_freed += freed
                    self.outcome.bytes_held += change.saves - freed
                self._note_for_library(change)

    def _is_done(self, change: Change) -> bool:
        """Tell whether an earlier call, of this or another plan, has done all of a change."""
        step, state = self.known.get(change.path, (None, None))
        if step is not None and state == DONE:
            return not any(self._is_waiting(sidecar.path) for sidecar in change.sidecars)
        return step is None and self._is_done_elsewhere(change)

    def _is_waiting(self, path: str) -> bool:
        """Tell whether a companion has yet to go, or was on its way when the process was killed."""
        _, state = self.known.get(path, (None, None))
        return state == BEGUN or (state != DONE and os.path.lexists(path))

    def _is_done_elsewhere(self, change: Change) -> bool:
        if self.plan.action != "hardlink" and os.path.lexists(change.path):
            return False
        if self.others is None:
            self.others = done_by_others(
                self.library.path, None if self.journal is None else self.plan.id
            )
        step, _ = self.others.get(change.path, (None, ""))
        return step is not None and does(step, change)

    def _confirm(self, group: PlannedGroup, change: Change, keeper: Kept) -> Callable[[], None]:
        """Return a check that raises CannotChange if a kept file disappeared with this one."""
        others = []
        for path in self.kept.get(change.photo_id, ()):
            if path != group.keeper:
                with contextlib.suppress(CannotChange):
                    others.append(Kept(path, change.photo_id))

        def confirm() -> None:
            for each in (keeper, *others):
                each.check()

        return confirm

    def _require_known(self, path: str, photo_id: str) -> None:
        if not is_known(self.library, path, photo_id):
            raise CannotChange("is not in the library with these bytes; it is left as it is")

    def _is_fit(self, group: PlannedGroup, change: Change) -> bool:
        """Tell whether a file may be changed; if not, note why."""
        step, state = self.known.get(change.path, (None, None))
        if step is not None and state == DONE:
            return True  # only what belongs to it is still there
        try:
            self._require_known(change.path, change.photo_id)
            require_movable(change.path)
            if step is not None:
                return True
            require_file(change.path)
            verified(change.path, change.photo_id)
            if not self.beside.is_spelled(change.path):
                raise CannotChange("has another spelling on its disk; stays")
            if os.path.samefile(change.path, group.keeper):
                raise CannotChange("is a hard link to the kept file")
            if self.plan.action == "hardlink":
                companion = self.beside.companion(change.path)
                if companion is not None:
                    name = os.path.basename(companion)
                    raise CannotChange(f"belongs together with {name}; stays")
            else:
                self._require_companions(change)
            pair = sorted((change.photo_id, group.keeper_id))
            if (pair[0], pair[1]) in self.decided:
                raise CannotChange("stays by your decision")
            if self.plan.action == "hardlink" and change.photo_id != group.keeper_id:
                raise CannotChange("has other bytes than the kept file")
            for sidecar in change.sidecars:
                check_sidecar(sidecar)
            if self.trial is not None:
                self.trial.require_possible(group, change)
        except (CannotChange, OSError) as exc:
            self._leave([change.path], reason_of(exc))
            return False
        return True

    def _require_companions(self, change: Change) -> None:
        """Raise CannotChange unless just what belongs to a photo goes along."""
        companion = self.beside.companion(change.path)
        if companion is not None:
            raise CannotChange(f"belongs together with {os.path.basename(companion)}; stays")
        obstacle = self.beside.obstacle(change.path)
        if obstacle is not None:
            raise CannotChange(obstacle)
        mine = set(self.beside.attached(change.path))
        planned = {sidecar.path for sidecar in change.sidecars}
        for path in sorted(planned - mine):
            raise CannotChange(f"stays, because {path} is not a file that belongs to it")
        for path in sorted(mine - planned):
            raise CannotChange(f"stays, because its {kind_of(path)} is not in the plan")

    def _carry(self, group: PlannedGroup) -> None:
        """Add to the sidecar of the file that is kept what is noted about the others only."""
        if group.carry is None or self.known.get(group.carry.sidecar, (None, None))[1] == DONE:
            return
        path = group.carry.sidecar
        if path not in self.beside.possible_sidecars(group.keeper):
            raise CannotChange(f"is not {path}")
        require_movable(group.keeper)
        before = content_of(path)
        try:
            after = carried(before, group.carry.tags)
        except SidecarError as exc:
            raise CannotChange(str(exc)) from exc
        if after == before:
            return
        if self.journal is None:
            if self.trial is not None:
                self.trial.require_writable(os.path.dirname(os.path.realpath(path)), len(after))
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
            sha256=_EMPTY if before is None else sha256(before),
            size=0 if before is None else len(before),
            mtime_ns=0 if found is None else found.st_mtime_ns,
            mode=0 if found is None else stat_module.S_IMODE(found.st_mode),
            photo_id=None,
            group=group.id,
            after=sha256(after),
            backup=None if backup is None else str(backup),
        )
        self.journal.begin([step])
        try:
            write(
                os.path.realpath(path), after, None if before is None else step.sha256,
                self.journal.part_of(step), mode=None if before is None else step.mode,
            )  # fmt: skip
        except (CannotChange, OSError) as exc:
            self.journal.undone(step)
            why = f"cannot be written: {described(exc)}" if isinstance(exc, OSError) else str(exc)
            raise CannotChange(why) from exc
        self.journal.done(step)
        self.outcome.sidecars += 1

    def _change(self, group: PlannedGroup, change: Change, confirm: Callable[[], None]) -> None:
        if self.journal is None:
            return
        steps = self._steps(group, change)
        if steps:
            self.journal.begin(steps)
        done: list[Step] = []
        try:
            for path in (change.path, *(sidecar.path for sidecar in change.sidecars)):
                before, state = self.known.get(path, (None, None))
                if before is not None and before not in steps:
                    if state != DONE:
                        self._finish(before, confirm)
                    done.append(before)
            for step in steps:
                self._do(step, confirm)
                self.journal.done(step)
                done.append(step)
        except CannotChange as exc:
            # What belongs together stays together.
            for step in steps:
                if step not in done:
                    self._note_undone(step)
            for step in reversed(done):
                self._take_back(step, exc)
            for step in steps:
                if step.do == "move":
                    clear_folders(step.to or "", self.plan.id)
            raise

    def _take_back(self, step: Step, why: CannotChange) -> None:
        assert self.journal is not None
        if step.do == "link" or step.to is None:
            return
        try:
            move(step.to, step.path, step.sha256, self.journal.part_of(step))
        except CannotChange as exc:
            self._leave([step.path], f"is in {step.to} ({why}), and {exc}")
        else:
            self._note_undone(step)

    def _finish(self, step: Step, confirm: Callable[[], None]) -> None:
        """See to a file that was moved when the process was killed."""
        assert self.journal is not None
        assert step.to is not None
        try:
            with open_here(step.to) as file:
                require_content(file, step.to, step.sha256)
            confirm()
        except (CannotChange, OSError) as exc:
            put_back(step.to, step.path)
            self._note_undone(step)
            raise CannotChange(reason_of(exc)) from exc
        self.journal.done(step)

    def _note_undone(self, step: Step) -> None:
        assert self.journal is not None
        self.journal.undone(step)
        self.known.pop(step.path, None)
        if step.note is not None and not os.path.lexists(step.to or ""):
            with contextlib.suppress(OSError):
                os.unlink(step.note)

    def _do(self, step: Step, confirm: Callable[[], None]) -> None:
        assert self.journal is not None
        if step.to is None:
            raise CannotChange("has nowhere to go")
        part = self.journal.part_of(step)
        if step.do == "link":
            replace_by_link(step.path, step.to, step.sha256, part, confirm)
            return
        if step.note is not None:
            try:
                write_note(step.note, step.path)
            except OSError as exc:
                raise CannotChange(f"cannot go into the trash: {described(exc)}") from exc
        try:
            move(step.path, step.to, step.sha256, part, confirm)
        except CannotChange as exc:
            if step.photo_id is None:
                raise CannotChange(f"stays, because its {kind_of(step.path)} {exc}") from exc
            raise

    def _steps(self, group: PlannedGroup, change: Change) -> list[Step]:
        """Return the steps of a change that are new to the journal."""
        steps: list[Step] = []
        # The photo first: where it cannot go, what belongs to it stays with it.
        self._add_step(steps, group, change.path, change.to, change.photo_id, change.photo_id)
        for sidecar in change.sidecars:
            self._add_step(steps, group, sidecar.path, sidecar.to, sidecar.sha256, None)
        return steps

    def _add_step(
        self,
        steps: list[Step],
        group: PlannedGroup,
        path: str,
        to: str | None,
        sha256: str,
        photo_id: str | None,
    ) -> None:
        assert self.journal is not None
        if path in self.known:
            return
        found = stat_of(path)
        note = None
        if self.plan.action == "hardlink":
            to = group.keeper
        elif self.plan.action == "trash":
            try:
                to, note = trash_place(path, {step.to for step in steps})
            except OSError as exc:
                raise CannotChange(f"cannot go into the trash: {described(exc)}") from exc
        step = Step(
            number=self.journal.next_number + len(steps),
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
            links=found.st_nlink,
            inode=f"{found.st_dev}:{found.st_ino}",
        )
        if step.do != "link" and os.path.lexists(to or ""):
            raise CannotChange(f"cannot be moved: {to} is taken by another file")
        steps.append(step)

    def _leave(self, paths: Sequence[str], why: str) -> None:
        self.outcome.left += [Left(path, why) for path in paths]
        if self.journal is not None:
            self.journal.leave((path, why) for path in paths)

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
