"""PlanList of file operations for duplicates: make, show, apply, undo."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import Field

from safelight.duplicates.keeper.filenames import preferences
from safelight.schemas import (
    Action,
    ActionList,
    Left,
    Plan,
    PlanAction,
    PlanCounts,
    PlanList,
    PlanRun,
    PlanSidecar,
    PlanSummary,
)
from safelight.server import forms
from safelight.server import plans as keeping
from safelight.server.auth import Reader, Writer
from safelight.server.dependencies import Served
from safelight.server.document import refuses
from safelight.server.duplicates import still_comparing
from safelight.server.errors import Problem
from safelight.server.etags import TaggedRoute, tagged
from safelight.server.routes.duplicates import FolderName, scopes
from safelight.server.schemas.photos import CursorQuery, Given, LimitQuery, NamespaceQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.duplicates.plans.model import Change, PlannedGroup
    from safelight.duplicates.plans.progress import Progress

router = APIRouter(prefix="/api/v1/plans", tags=["plans"], route_class=TaggedRoute)

PlanId = Annotated[
    str,
    Path(
        pattern=forms.PLAN,
        description="Id of the plan.",
        examples=["20261128-093000-3f2a"],
    ),
]


class GroupChoice(Given):
    """A group to plan for."""

    group: str = Field(
        pattern=forms.GROUP, description="Id of the group.", examples=["3f2a9c01b7de"]
    )
    keeper: str | None = Field(
        default=None,
        pattern=forms.PHOTO,
        description="Id of the photo to keep; the suggested one if null.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    path: str | None = Field(
        default=None,
        max_length=4096,
        description="Path of its file to keep, if it has several.",
        examples=["/home/me/Pictures/beach.jpg"],
    )


class PlanRequest(Given):
    """Request for a plan."""

    groups: list[GroupChoice] = Field(
        min_length=1, max_length=10_000, description="The groups to plan for, all of one namespace."
    )
    action: PlanAction = Field(
        strict=False,
        default=PlanAction.QUARANTINE,
        description="What happens to files that are not kept.",
    )
    prefer: list[FolderName] = Field(
        default=[],
        max_length=100,
        description="Folders whose files are kept, the first most.",
        examples=[["/home/me/Pictures/Best"]],
    )
    protect: list[FolderName] = Field(
        default=[],
        max_length=100,
        description="Folders of which nothing goes.",
        examples=[["/home/me/Pictures/Archive"]],
    )


@router.post(
    "",
    operation_id="createPlan",
    openapi_extra=refuses("no-group", "nameless", "keeper", "kept-together", "plan", "usage"),
    summary="Plan file operations",
    status_code=201,
)
async def make(
    wanted: PlanRequest, response: Response, served: Served, access: Writer,
    namespace: NamespaceQuery = None,
) -> Plan:  # fmt: skip
    """Plan what to do about groups; nothing is touched until the plan is applied."""
    found, comparing = await served.duplicates.groups(scopes(access, namespace))
    known = {each.group.id: (where, each) for where, each in found}
    chosen = {each.group: each for each in wanted.groups}
    missing = [group for group in chosen if group not in known]
    if missing and comparing is not None:
        raise still_comparing(comparing)
    if missing:
        raise Problem(
            404,
            f"There is no group {missing[0]} any more: its photos changed, or it was decided on.",
            "no-group",
        )
    places = {known[group][0] for group in chosen}
    if len(places) > 1:
        raise Problem(400, "A plan is for groups of one namespace; name it.", "nameless")
    files = [
        keeping.chosen_file(known[group][1], each.keeper, each.path)
        for group, each in chosen.items()
    ]
    instead = [path for path in files if path is not None]
    suggestions = [known[group][1] for group in chosen]
    if instead or wanted.prefer or wanted.protect:
        # What speaks for a file, and against it, depends on the kept file.
        suggestions = await served.comparing.run(
            lambda: served.duplicates.judged(
                [known[group] for group in chosen],
                prefer=wanted.prefer,
                protect=wanted.protect,
                instead=instead,
            )
        )
    made = await served.comparing.run(
        keeping.make_plan,
        served.library,
        suggestions,
        wanted.action,
        places.pop(),
        preferences(protect=(*wanted.protect, *served.settings.protect)),
    )
    response.headers["Location"] = f"/api/v1/plans/{made.plan.id}"
    return _shape(made)


@router.get("", operation_id="listPlans", summary="List plans")
@tagged("answer")
async def list_all(
    served: Served, access: Reader, cursor: CursorQuery = None, limit: LimitQuery = 100
) -> PlanList:
    """Return plans, each with what it has come to, the newest first."""
    found, following = await served.reading.run(
        keeping.page_of_plans, served.library, access.namespaces, limit=limit, cursor=cursor or None
    )
    return PlanList(plans=tuple(PlanSummary(**_summary(each)) for each in found), next=following)


@router.get("/{plan_id}/actions", operation_id="listActions", summary="List actions of a plan")
@tagged("answer")
async def actions(
    served: Served,
    access: Reader,
    plan_id: PlanId,
    cursor: CursorQuery = None,
    limit: LimitQuery = 100,
) -> ActionList:
    """Return the actions of a plan, and what became of each."""
    found, page, total, following = await served.reading.run(
        keeping.page_of_actions,
        served.library,
        plan_id,
        access.namespaces,
        limit=limit,
        cursor=cursor or None,
    )
    shapes = tuple(_action(found, group, change) for group, change in page)
    return ActionList(actions=shapes, total=total, next=following)


@router.get(
    "/{plan_id}",
    operation_id="getPlan",
    openapi_extra=refuses("no-plan", "plan"),
    summary="Read a plan",
)
async def read(served: Served, access: Reader, plan_id: PlanId) -> Plan:
    """Return a plan, and what became of each of its actions."""
    found = await served.reading.run(keeping.find_plan, served.library, plan_id, access.namespaces)
    return _shape(found)


@router.delete(
    "/{plan_id}",
    operation_id="deletePlan",
    openapi_extra=refuses("no-plan", "plan", "plan-busy"),
    summary="Forget a plan",
    status_code=204,
    response_class=Response,
)
async def forget(served: Served, access: Writer, plan_id: PlanId) -> Response:
    """Forget a plan that was not applied."""
    await served.writing.run(keeping.forget_draft, served.library, plan_id, access.namespaces)
    return Response(status_code=204)


@router.post(
    "/{plan_id}/apply",
    operation_id="applyPlan",
    openapi_extra=refuses("no-plan", "plan", "plan-busy", "sidecar"),
    summary="Apply a plan",
)
async def apply(served: Served, access: Writer, plan_id: PlanId) -> Plan:
    """Do what a plan says. A file is only changed if it still has the bytes that the plan knows.

    Each action tells whether it was done, or why the file was left; later calls tell the same.
    """
    done = await served.writing.run(keeping.apply, served.library, plan_id, access.namespaces)
    await served.look()
    return _shape(done)


@router.post(
    "/{plan_id}/undo",
    operation_id="undoPlan",
    openapi_extra=refuses("no-plan", "plan", "plan-busy", "sidecar"),
    summary="Undo a plan",
)
async def undo(served: Served, access: Writer, plan_id: PlanId) -> Plan:
    """Undo what a plan did, to the byte.

    The state is `undone` only if everything is as it was; else each action that could not be undone
    says why.
    """
    done = await served.writing.run(keeping.undo, served.library, plan_id, access.namespaces)
    await served.look()
    return _shape(done)


def _shape(found: Progress) -> Plan:
    plan = found.plan
    return Plan(
        **_summary(found),
        actions=tuple(
            _action(found, group, change) for group in plan.groups for change in group.changes
        ),
        left=tuple(Left(path=each.path, why=each.why) for each in plan.left),
        sidecars=tuple(PlanSidecar(**asdict(each)) for each in found.sidecars),
    )


def _summary(found: Progress) -> dict[str, Any]:
    plan = found.plan
    return {
        "id": plan.id,
        "created_at": plan.made_at,
        "namespace": plan.namespace,
        "action": PlanAction(plan.action),
        "state": found.state,
        "busy": found.busy,
        "bytes_saved": plan.saves,
        "bytes_freed": found.bytes_freed,
        "bytes_held": found.bytes_held,
        "counts": PlanCounts(**found.counts()),
        "last": None if found.last is None else PlanRun(**asdict(found.last)),
    }


def _action(found: Progress, group: PlannedGroup, change: Change) -> Action:
    return Action(
        path=change.path,
        kind=PlanAction(found.plan.action),
        to=change.to,
        bytes=change.saves,
        why=_why(change.relation.value, change.reasons),
        photo_id=change.photo_id,
        keeper=group.keeper,
        keeper_id=group.keeper_id,
        group=group.id,
        **asdict(found.of(change)),
    )


def _why(relation: str, reasons: Sequence[str]) -> str:
    """Return why a file goes: its relation, unless the reasons begin with it."""
    said = reasons[0] if reasons else ""
    if said.removeprefix(relation) != said and not said.removeprefix(relation)[:1].isalpha():
        return "; ".join(reasons)
    return "; ".join((relation, *reasons))
