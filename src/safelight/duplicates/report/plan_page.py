"""A plan as a page: kept photos and leaving ones side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from safelight.duplicates.keeper import Judged, Suggestion
from safelight.duplicates.model import Edge, Group
from safelight.duplicates.report.page import Report, report_page
from safelight.errors import LibraryError
from safelight.imaging import DEFAULT_MAX_PIXELS
from safelight.library.database import Database
from safelight.library.photo_facts import photo_facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.duplicates.plans.model import Change, Plan, PlannedGroup
    from safelight.duplicates.plans.progress import Progress
    from safelight.library.photo_facts import PhotoFacts


def plan_page(
    plan: Plan,
    progress: Progress | None = None,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    tell: Callable[[int, int], None] = lambda *_: None,
) -> str:
    """Return a plan as an HTML page; encode it as UTF-8.

    Parameters
    ----------
    plan : Plan
        Its library is only read; without it, less is known about the photos.
    progress : Progress, optional
        Shown with each change, if the plan was applied.
    max_pixels : int
        A photo with more is listed, not shown.
    tell : callable
        Called with the number of groups that are done, and that of all.
    """
    report = Report(
        [_suggestion(group, progress) for group in plan.groups],
        _facts(plan),
        policy=plan.policy,
        title=f"Plan {plan.id}: {plan.action}",
        left=plan.left,
    )
    return report_page(report, max_pixels=max_pixels, progress=tell)


def _suggestion(group: PlannedGroup, progress: Progress | None) -> Suggestion:
    edges = tuple(
        Edge(
            min(group.keeper_id, change.photo_id),
            max(group.keeper_id, change.photo_id),
            change.relation,
        )
        for change in group.changes
    )
    ids = dict.fromkeys((group.keeper_id, *(change.photo_id for change in group.changes)))
    return Suggestion(
        Group(group.id, group.relation, tuple(ids), edges),
        (
            Judged(group.keeper_id, group.keeper, True, (*group.reasons, *_noted(group))),
            *(
                Judged(each.photo_id, each.path, False, _reasons(each, progress))
                for each in group.changes
            ),
        ),
    )


def _reasons(change: Change, progress: Progress | None) -> tuple[str, ...]:
    state = progress.of(change) if progress else None
    told = [] if state is None else [" ".join(filter(None, (state.state.value, state.reason)))]
    told += [change.relation.value, *change.reasons]
    told += [f"goes along: {Path(each.path).name}" for each in change.sidecars]
    if change.to is not None:
        told.append(f"goes to {change.to}")
    return tuple(told)


def _noted(group: PlannedGroup) -> list[str]:
    if group.carry is None:
        return []
    what = ", ".join(group.carry.tags.to_dict())
    return [f"{what} to be noted in {Path(group.carry.sidecar).name}"]


def _facts(plan: Plan) -> dict[str, PhotoFacts]:
    ids = {change.photo_id for change in plan.changes}
    ids |= {group.keeper_id for group in plan.groups}
    try:
        with Database(plan.library, create=False) as library:
            return photo_facts(library, sorted(ids))
    except LibraryError:
        return {}
