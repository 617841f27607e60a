"""Progress of a plan, read from its journal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.duplicates.plans.journal import BEGUN, DONE, UNDONE, folder_of, read_left, read_steps
from safelight.duplicates.plans.recovery import done_by_others
from safelight.errors import PlanError
from safelight.files import sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.duplicates.plans.model import Change, Plan
    from safelight.duplicates.plans.step import Step

#: State of a change: not done yet; begun by a command that was killed, or is at work; done; left
#: as it is by the last apply; taken back.
PLANNED, UNFINISHED, APPLIED, LEFT, TAKEN_BACK = (
    "planned", "unfinished", "done", "left", "taken-back",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class State:
    """State of one change.

    Attributes
    ----------
    name : str
        ``planned``, ``unfinished``, ``done``, ``left`` or ``taken-back``.
    at : str or None
        When it was begun, ISO 8601, UTC.
    to : str or None
        Where the file is now, of one that was moved.
    why : str or None
        Of ``left``, the reason, to follow the path.
    """

    name: str
    at: str | None = None
    to: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """States of a plan's changes, by path; empty if it was never applied."""

    states: Mapping[str, State]

    def __bool__(self) -> bool:
        return bool(self.states)

    def of(self, change: Change) -> State:
        """Return the state of a change."""
        return self.states.get(change.path, State(PLANNED))

    def changes(self, plan: Plan, *names: str) -> list[Change]:
        """Return the changes of a plan that are in one of these states."""
        return [change for change in plan.changes if self.of(change).name in names]

    def to_dict(self, plan: Plan) -> dict[str, Any]:
        """Return a plan as JSON has it, each change with its state, and how many are in each."""
        found = plan.to_dict()
        if not self:
            return found
        changes = [change for group in found["groups"] for change in group["changes"]]
        for change, planned in zip(changes, plan.changes, strict=True):
            state = self.of(planned)
            change |= {"state": state.name, "at": state.at, "now": state.to, "why": state.why}
        found["progress"] = {
            name: len(self.changes(plan, name))
            for name in (PLANNED, UNFINISHED, APPLIED, LEFT, TAKEN_BACK)
        }
        return found


def progress_of(plan: Plan, library: Path | None = None) -> Progress:
    """Return the progress of a plan, by the journal beside its library.

    Parameters
    ----------
    plan : Plan
    library : Path, optional
        Where the library may be now, if not where the plan says.

    Raises
    ------
    PlanError
        There is a journal, and it cannot be read.
    """
    # A library that has moved since has its journals beside it.
    if library is None or not (folder_of(library) / plan.id).is_dir():
        library = Path(plan.library)
    folder = folder_of(library) / plan.id
    states = {}
    try:
        steps, written = read_steps(folder), read_steps(folder, as_written=True)
    except PlanError as exc:
        if not isinstance(exc.__cause__, FileNotFoundError):
            raise
    else:
        # The plan names files where they were when it was made.
        last = {written[number][0].path: steps[number] for number in sorted(steps)}
        left = read_left(folder)
        for change in plan.changes:
            mine = [last[path] for path in _paths(change) if path in last]
            is_whole = len(mine) == len(_paths(change))
            states[change.path] = _state(mine, is_whole, left.get(change.path))
    return Progress(states | _done_by_others(plan, library, states))


def _done_by_others(plan: Plan, library: Path, states: Mapping[str, State]) -> dict[str, State]:
    """Return the states of what other plans have done already."""
    missing = [
        change
        for change in plan.changes
        if states.get(change.path, State(PLANNED)).name != APPLIED
        and not os.path.lexists(change.path)
    ]
    others = done_by_others(library, plan.id) if missing else {}
    return {
        change.path: State(APPLIED, step.at, step.to)
        for change in missing
        if (step := others.get(change.path)) is not None and step.sha256 == change.photo_id
    }


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


def _paths(change: Change) -> list[str]:
    return [change.path, *(sidecar.path for sidecar in change.sidecars)]


def _state(steps: list[tuple[Step, str]], is_whole: bool, left: str | None) -> State:
    """Return the state of a change by its steps, that of the photo first."""
    names = {UNDONE if state == DONE and is_taken_back(step) else state for step, state in steps}
    if not steps or names == {UNDONE}:
        if left is not None:
            return State(LEFT, why=left)
        return State(TAKEN_BACK if steps else PLANNED)
    first = steps[0][0]
    if names == {DONE} and (is_whole or first.do == "link"):
        return State(APPLIED, first.at, None if first.do == "link" else first.to)
    if left is not None and BEGUN not in names:
        return State(LEFT, why=left)
    return State(UNFINISHED, first.at)
