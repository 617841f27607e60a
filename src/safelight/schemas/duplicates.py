"""Groups of duplicates, and plans for them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from safelight.schemas.base import Answer
from safelight.types import ActionState, PlanState


class GroupPhoto(Answer):
    """A file of a group. Files with the same bytes have the same `photo_id`."""

    photo_id: str
    path: str
    keeper: bool = Field(description="It is suggested to be kept.")
    reasons: tuple[str, ...]
    width: int | None
    height: int | None
    size: int
    taken_at: str | None
    format: str | None
    scores: dict[str, float]


class Edge(Answer):
    """Relation of two photos, with its evidence."""

    a: str
    b: str
    relation: str
    evidence: dict[str, Any]


class Group(Answer):
    """Photos that belong together."""

    group: str
    relation: str
    photos: tuple[GroupPhoto, ...]
    edges: tuple[Edge, ...]
    bytes_to_save: int


class Comparing(Answer):
    """Progress of the search for duplicates."""

    stage: str
    done: int
    total: int


class Groups(Answer):
    """A page of groups."""

    groups: tuple[Group, ...]
    total: int
    comparing: Comparing | None = Field(
        description="Not null: the library has changed, and the groups are those from before. "
        "Ask again after a while."
    )


class Decided(Answer):
    """Decision about a group, as stored."""

    group: str
    decision: str | None


class Action(Answer):
    """A plan's operation on one file, and what became of it."""

    path: str
    kind: str
    to: str | None = Field(description="Where the plan moves it; null: to no place known now.")
    bytes: int = Field(
        description="Bytes that become free with it, at the latest when the quarantine is deleted."
    )
    why: str = Field(description="Why the plan has it.")
    photo_id: str
    keeper: str = Field(description="The file that is kept.")
    keeper_id: str = Field(description="The photo that this is a file of.")
    group: str
    state: ActionState = Field(
        description="`planned`; `done`; `left` as it is by the last apply; `undone`; `unfinished`, "
        "of a command that was killed."
    )
    reason: str | None = Field(
        description="Why it was left, or could not be brought back; it is to follow the path."
    )
    bytes_freed: int = Field(description="Bytes that are free now, because of this action.")
    bytes_held: int = Field(
        description="Bytes that become free once the quarantine is deleted, or the trash emptied."
    )
    now: str | None = Field(description="Where the file is now, of one that was moved.")
    at: str | None = Field(description="When it was begun, UTC.")
    done_by: str | None = Field(description="The other plan that did it; this one freed nothing.")


class Left(Answer):
    """A file that is left as it is, and why."""

    path: str
    why: str


class PlanSidecar(Answer):
    """A sidecar of a kept file that the plan added to."""

    path: str
    group: str
    state: ActionState
    reason: str | None = Field(description="Why it could not be restored.")


class PlanRun(Answer):
    """The last apply or undo of a plan, in numbers of files."""

    command: Literal["apply", "undo"]
    at: str = Field(description="When it began, UTC.")
    finished_at: str | None = Field(description="Null: it is at work, or was killed.")
    changed: int = Field(description="Files that it moved, linked, or brought back.")
    before: int = Field(description="Files for which an earlier command had done it.")
    left: int = Field(description="Files that it left, each with its reason in its action.")
    sidecars: int = Field(description="Sidecars that it added to, or restored.")


class Plan(Answer):
    """Planned file operations for duplicates, and what became of them."""

    id: str
    created_at: str
    namespace: str | None
    action: str
    state: PlanState = Field(
        description="`planned`; `applied`; `applied-in-part`: some files were left, or could not "
        "be brought back; `undone`."
    )
    busy: bool = Field(description="It is being applied or undone right now.")
    actions: tuple[Action, ...]
    bytes_saved: int = Field(description="Sum of `bytes` of all actions.")
    bytes_freed: int = Field(description="Sum of `bytes_freed` of all actions.")
    bytes_held: int = Field(description="Sum of `bytes_held` of all actions.")
    counts: dict[ActionState, int] = Field(description="Number of actions in each state.")
    left: tuple[Left, ...] = Field(description="Files of its groups that are no part of the plan.")
    sidecars: tuple[PlanSidecar, ...]
    last: PlanRun | None = Field(description="Null: it was never applied.")


class Plans(Answer):
    """All plans, the newest first."""

    plans: tuple[Plan, ...]
