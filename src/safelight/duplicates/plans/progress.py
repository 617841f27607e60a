"""Progress of a plan: the state of each action, by its journal and the disk."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.duplicates.plans.account import Account, LastRun, read_account
from safelight.duplicates.plans.journal import BEGUN, DONE, UNDONE, folder_of, is_busy
from safelight.duplicates.plans.recovery import done_by_others
from safelight.errors import PlanError
from safelight.files import sha256_of
from safelight.types import ActionState, PlanState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from safelight.duplicates.plans.model import Change, Plan
    from safelight.duplicates.plans.step import Step

    #: Steps that other plans have done, by path, each with its plan's id.
    Others = Callable[[], Mapping[str, tuple[Step, str]]]

_INTERRUPTED = "was interrupted; apply the plan again to finish it, or undo it"


@dataclass(frozen=True, slots=True)
class ActionResult:
    """State of one action of a plan.

    Attributes
    ----------
    state : ActionState
    reason : str or None
        Why the file is left, or could not be brought back; it is to follow the path.
    bytes_freed : int
        Bytes that are free now, because of this action.
    bytes_held : int
        Bytes that become free once the quarantine is deleted, or the trash emptied.
    at : str or None
        When it was begun, ISO 8601, UTC.
    now : str or None
        Where the file is now, of one that was moved.
    done_by : str or None
        The other plan that did it.
    """

    state: ActionState
    reason: str | None = None
    bytes_freed: int = 0
    bytes_held: int = 0
    at: str | None = None
    now: str | None = None
    done_by: str | None = None


@dataclass(frozen=True, slots=True)
class SidecarResult:
    """A sidecar of a kept file that the plan added to, and its state."""

    path: str
    group: str
    state: ActionState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """State of a plan and of each of its actions; it is false if nothing was ever done about it.

    Attributes
    ----------
    plan : Plan
    state : PlanState
    results : mapping
        The result of each action, by path.
    sidecars : tuple of SidecarResult
    last : LastRun or None
        The last apply or undo; None: there was none.
    busy : bool
        A command is working on it right now.
    """

    plan: Plan
    state: PlanState
    results: Mapping[str, ActionResult]
    sidecars: tuple[SidecarResult, ...] = ()
    last: LastRun | None = None
    busy: bool = False

    def __bool__(self) -> bool:
        return self.last is not None or any(
            each.state is not ActionState.PLANNED for each in self.results.values()
        )

    def of(self, change: Change) -> ActionResult:
        """Return the result of a change."""
        return self.results.get(change.path, ActionResult(ActionState.PLANNED))

    def changes(self, *states: str) -> list[Change]:
        """Return the changes of the plan that are in one of these states."""
        return [change for change in self.plan.changes if self.of(change).state in states]

    @property
    def bytes_freed(self) -> int:
        """Bytes that are free now, because of the plan."""
        return sum(each.bytes_freed for each in self.results.values())

    @property
    def bytes_held(self) -> int:
        """Bytes that become free once its quarantine is deleted, or the trash emptied."""
        return sum(each.bytes_held for each in self.results.values())

    def counts(self) -> dict[str, int]:
        """Return the number of actions in each state."""
        found = Counter(self.of(change).state for change in self.plan.changes)
        return {state.value: found[state] for state in ActionState}

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON has it, each change with its result."""
        found = self.plan.to_dict()
        changes = [change for group in found["groups"] for change in group["changes"]]
        for change, planned in zip(changes, self.plan.changes, strict=True):
            change |= asdict(self.of(planned))
        return found | {
            "state": self.state.value,
            "busy": self.busy,
            "bytes_freed": self.bytes_freed,
            "bytes_held": self.bytes_held,
            "progress": self.counts(),
            "sidecars": [asdict(each) for each in self.sidecars],
            "last": None if self.last is None else asdict(self.last),
        }


def progress_of(plan: Plan, library: Path | None = None, others: Others | None = None) -> Progress:
    """Return the progress of a plan, by the journal beside its library.

    Parameters
    ----------
    plan : Plan
    library : Path, optional
        Where the library may be now, if not where the plan says.
    others : callable, optional
        Returns what other plans have done; read from their journals if not given.

    Raises
    ------
    PlanError
        There is a journal, and it cannot be read.
    """
    # A library that has moved since has its journals beside it.
    if library is None or not (folder_of(library) / plan.id).is_dir():
        library = Path(plan.library)
    folder = folder_of(library) / plan.id
    account = Account({}, {}, {}, None)
    with contextlib.suppress(FileNotFoundError):
        try:
            account = read_account(folder)
        except PlanError as exc:
            if isinstance(exc.__cause__, FileNotFoundError):
                raise exc.__cause__ from None
            raise
    results = {change.path: _result(change, account) for change in plan.changes}
    results |= _held(plan, account, results)
    results |= _done_by_others(plan, results, others or partial(done_by_others, library, plan.id))
    sidecars = _sidecars(plan, account)
    return Progress(
        plan,
        _state_of(results, account),
        results,
        sidecars,
        account.last,
        account.last is not None and is_busy(folder),
    )


def does(step: Step, change: Change) -> bool:
    """Tell whether a step that another plan did has done a change, and stands."""
    if step.sha256 != change.photo_id:
        return False
    if step.do != "link":
        return os.path.lexists(step.to or "")
    with contextlib.suppress(OSError):
        return os.path.samefile(step.path, step.to or "")
    return False


def is_taken_back(step: Step) -> bool:
    """Tell whether a step that was done is not any more, though its journal does not say so."""
    if step.do in ("move", "trash"):
        return os.path.lexists(step.path) and not os.path.lexists(step.to or "")
    if step.do == "sidecar" and step.after != step.sha256:
        try:
            return sha256_of(step.path) == step.sha256
        except FileNotFoundError:
            return step.backup is None
        except OSError:
            return False
    return False


def _done_by_others(
    plan: Plan, results: Mapping[str, ActionResult], others: Others
) -> dict[str, ActionResult]:
    """Return the results of actions that other plans have done already."""
    waiting = [
        change
        for change in plan.changes
        if results[change.path].state is ActionState.PLANNED
        and (plan.action == "hardlink" or not os.path.lexists(change.path))
    ]
    found = {}
    steps = others() if waiting else {}
    for change in waiting:
        step, other = steps.get(change.path, (None, None))
        if step is not None and other != plan.id and step.sha256 == change.photo_id:
            # What it moved may have been deleted since; a link that is none any more is not done.
            if step.do == "link" and not does(step, change):
                continue
            now = None if step.do == "link" else step.to
            found[change.path] = ActionResult(ActionState.DONE, at=step.at, now=now, done_by=other)
    return found


def _paths(change: Change) -> list[str]:
    return [change.path, *(sidecar.path for sidecar in change.sidecars)]


def _stands(step: Step, state: str) -> str:
    """Return what can be said about a step now: what its journal says, or what the disk shows."""
    if state == DONE and is_taken_back(step):
        return UNDONE
    # Announced by a command that was killed before it touched anything.
    if state == BEGUN and step.do != "sidecar" and os.path.lexists(step.path):
        is_untouched = not os.path.lexists(step.to or "")
        if step.do == "link":
            with contextlib.suppress(OSError):
                is_untouched = not os.path.samefile(step.path, step.to or "")
        return UNDONE if is_untouched else BEGUN
    return state


def _result(change: Change, account: Account) -> ActionResult:
    """Return the result of an action by its steps, that of the photo first."""
    steps = [account.steps[path] for path in _paths(change) if path in account.steps]
    reason = next(
        (account.reasons[path] for path in _paths(change) if path in account.reasons), None
    )
    if not steps:
        return ActionResult(ActionState.PLANNED if reason is None else ActionState.LEFT, reason)
    states = [_stands(step, state) for step, state in steps]
    first, was_undoing = steps[0][0], account.last is not None and account.last.command == "undo"
    now = None if first.do == "link" else first.to
    done = ActionResult(
        ActionState.DONE,
        reason if was_undoing else None,
        sum(account.freed.get(step.number, 0) for step, _ in steps),
        0,
        first.at,
        now,
    )
    if set(states) == {UNDONE}:
        if reason is not None and not was_undoing:
            return ActionResult(ActionState.LEFT, reason)
        never = all(state == BEGUN for _, state in steps)
        return ActionResult(ActionState.PLANNED if never else ActionState.UNDONE)
    is_whole = len(steps) == len(_paths(change)) or first.do == "link"
    if set(states) == {DONE} and (is_whole or was_undoing):
        return done
    if reason is not None and BEGUN not in states:
        if not was_undoing:
            return ActionResult(ActionState.LEFT, reason)
        # One of the files that belong together could not be brought back.
        return done if states[0] == DONE else replace(done, state=ActionState.UNDONE, now=None)
    return ActionResult(ActionState.UNFINISHED, _INTERRUPTED, at=first.at)


def _held(
    plan: Plan, account: Account, results: Mapping[str, ActionResult]
) -> dict[str, ActionResult]:
    """Return the results of actions that hold bytes in a quarantine or in the trash.

    Of several names of one file, the last one holds them, if all are there.
    """
    names: Counter[str] = Counter()
    held: dict[str, ActionResult] = {}
    for change in plan.changes:
        if results[change.path].state is not ActionState.DONE:
            continue
        size = 0
        for path in _paths(change):
            step, state = account.steps.get(path, (None, UNDONE))
            if step is None or step.do not in ("move", "trash") or state != DONE:
                continue
            if account.freed.get(step.number, 0):
                continue
            key = step.inode or path
            names[key] += 1
            size += step.size if names[key] >= step.links else 0
        held[change.path] = replace(results[change.path], bytes_held=size)
    return held


def _sidecars(plan: Plan, account: Account) -> tuple[SidecarResult, ...]:
    found = []
    for group in plan.groups:
        step, state = account.steps.get(group.carry.sidecar if group.carry else "", (None, ""))
        if step is None or step.do != "sidecar":
            continue
        stands = _stands(step, state)
        told = {
            DONE: ActionState.DONE,
            UNDONE: ActionState.UNDONE,
        }.get(stands, ActionState.UNFINISHED)
        found.append(SidecarResult(step.path, group.id, told, account.reasons.get(step.path)))
    return tuple(found)


def _state_of(results: Mapping[str, ActionResult], account: Account) -> PlanState:
    if account.last is None:
        return PlanState.PLANNED
    stands = any(_stands(step, state) != UNDONE for step, state in account.steps.values())
    if account.last.command == "undo":
        return PlanState.APPLIED_IN_PART if stands else PlanState.UNDONE
    states = {each.state for each in results.values()}
    if states <= {ActionState.DONE}:
        return PlanState.APPLIED
    if stands or states & {ActionState.DONE, ActionState.LEFT}:
        return PlanState.APPLIED_IN_PART
    return PlanState.UNDONE if ActionState.UNDONE in states else PlanState.PLANNED
