"""Plans of file operations: show, write, apply, undo."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.api.progress import Reporting, Step, as_progress, reporting
from safelight.api.report import check_report
from safelight.arguments import as_path
from safelight.duplicates.plans.account import LastRun
from safelight.duplicates.plans.apply import Outcome
from safelight.duplicates.plans.model import (
    ACTIONS,
    Change,
    Left,
    Plan,
    PlannedGroup,
    check_target,
    read_plan,
    write_plan,
)
from safelight.duplicates.plans.progress import ActionResult, SidecarResult, progress_of
from safelight.duplicates.plans.progress import Progress as PlanProgress
from safelight.errors import UsageError
from safelight.files.names import expanded
from safelight.types import ActionState, PlanState

if TYPE_CHECKING:
    from safelight.api.opened import Opened

__all__ = [
    "ACTIONS",
    "ActionResult",
    "ActionState",
    "Change",
    "LastRun",
    "Left",
    "LibraryPlan",
    "Outcome",
    "Plan",
    "PlanProgress",
    "PlanState",
    "PlannedGroup",
    "SidecarResult",
    "apply",
    "check_target",
    "plan_report",
    "progress_of",
    "read_plan",
    "undo",
    "write_plan",
]


@dataclass(frozen=True, slots=True)
class LibraryPlan:
    """A plan together with its library: to look at, to write, to apply, to take back.

    Attributes
    ----------
    plan : Plan
    """

    plan: Plan
    _library: Opened

    @property
    def id(self) -> str:
        """Its id, by which ``safelight undo`` finds it."""
        return self.plan.id

    @property
    def groups(self) -> tuple[PlannedGroup, ...]:
        """Changes by group."""
        return self.plan.groups

    @property
    def changes(self) -> list[Change]:
        """Changes of all groups."""
        return self.plan.changes

    @property
    def left(self) -> tuple[Left, ...]:
        """Files that stay as they are, and why."""
        return self.plan.left

    @property
    def saves(self) -> int:
        """Bytes that become free."""
        return self.plan.saves

    @property
    def progress(self) -> PlanProgress:
        """State of the plan and of each of its actions."""
        return progress_of(self.plan, self._library.path)

    @property
    def state(self) -> PlanState:
        """``planned``, ``applied``, ``applied-in-part`` or ``undone``."""
        return self.progress.state

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return self.plan.to_dict()

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write it as JSON, for ``safelight apply``.

        Raises
        ------
        UsageError
            Something else than a plan is there; `force` replaces it.
        """
        target = expanded(as_path(path, "path"))
        check_target(target, force=force)
        write_plan(self.plan, target)

    def report(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write it as a page with the pictures side by side."""
        settings = self._library.settings
        plan_report(
            self.plan,
            path,
            states=self.progress,
            force=force,
            pixel_limit=settings.pixel_limit,
            progress=self._library.progress,
        )

    def apply(self, *, dry_run: bool = False, progress: Reporting | None = None) -> Outcome:
        """Do it, each file verified right before it is touched."""
        return apply(self._library, self, dry_run=dry_run, progress=progress)

    def undo(self, *, dry_run: bool = False, progress: Reporting | None = None) -> Outcome:
        """Take back what was done of it: every byte, name and time as it was."""
        return undo(self._library, self, dry_run=dry_run, progress=progress)[1]

    def __repr__(self) -> str:
        return (
            f"<plan {self.id}: {self.plan.action} {len(self.changes):,} files of "
            f"{len(self.groups):,} groups, {self.saves:,} bytes; {len(self.left):,} left>"
        )


def apply(
    library: Opened,
    plan: LibraryPlan | Plan | str | os.PathLike[str],
    *,
    dry_run: bool = False,
    progress: Reporting | None = None,
) -> Outcome:
    """Do what a plan says; what an earlier call has done of it already is not done again.

    Parameters
    ----------
    plan : LibraryPlan, Plan or path-like
    dry_run : bool
        Look at every file and change nothing.

    Raises
    ------
    PlanError
        The plan must not be followed.
    UsageError
        It was made for another library.
    """
    from safelight.duplicates.plans.apply import apply_plan

    found = _plan(plan)
    if Path(found.library) != library.path:
        raise UsageError(
            f"The plan was made for the library {found.library}; plan again for another.",
            code="other-library",
        )
    shown = library.progress if progress is None else as_progress(progress)
    with reporting(shown) as step:
        return apply_plan(
            library.database,
            found,
            trial=dry_run,
            progress=lambda done, total: step(Step("Applying", done, total)),
        )


def undo(
    library: Opened | str | os.PathLike[str],
    plan: LibraryPlan | Plan | str | os.PathLike[str] | None = None,
    *,
    dry_run: bool = False,
    progress: Reporting | None = None,
) -> tuple[str, Outcome]:
    """Undo what a plan did; return its id, and what came of it.

    Parameters
    ----------
    library : Opened or path-like
        Files come back without the library file, too.
    plan : LibraryPlan, Plan or str, optional
        Or a plan's file, or the beginning of its id; what was applied last if not given.
    dry_run : bool
        Look at every file and change nothing.

    Raises
    ------
    PlanError
        There is no such plan, or its journal cannot be used.
    """
    from safelight.duplicates.plans.undo import undo_plan

    if isinstance(library, str | os.PathLike):
        path, shown = Path(expanded(library)), True if progress is None else as_progress(progress)
    else:
        path = library.path
        shown = library.progress if progress is None else as_progress(progress)
    which: str | None
    if isinstance(plan, LibraryPlan | Plan):
        which = plan.id
    else:
        which = None if plan is None else expanded(as_path(plan, "plan"))
    with reporting(shown) as step:
        return undo_plan(
            path,
            which,
            trial=dry_run,
            progress=lambda done, total: step(Step("Taking back", done, total)),
        )


def plan_report(
    plan: Plan,
    path: str | os.PathLike[str],
    *,
    states: PlanProgress | None = None,
    force: bool = False,
    pixel_limit: int,
    progress: Reporting = True,
) -> None:
    """Write a plan as a page with the pictures side by side.

    Parameters
    ----------
    states : Reporting, optional
        What was done of it, shown with each change.

    Raises
    ------
    UsageError
        Something else than a page is there; `force` replaces it.
    """
    from safelight.duplicates.report.page import write_report
    from safelight.duplicates.report.plan_page import plan_page

    target = check_report(path, force=force)
    with reporting(progress) as step:
        page = plan_page(
            plan,
            states,
            max_pixels=pixel_limit,
            tell=lambda done, total: step(Step("Drawing", done, total)),
        )
    write_report(target, page)


def _plan(given: LibraryPlan | Plan | str | os.PathLike[str]) -> Plan:
    if isinstance(given, LibraryPlan):
        return given.plan
    return given if isinstance(given, Plan) else read_plan(expanded(as_path(given, "plan")))
