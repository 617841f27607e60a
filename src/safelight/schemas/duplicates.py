"""Groups of duplicates, and plans for them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from safelight.schemas.base import Answer, FilePath, Listed, Moment, PhotoId, TakenAt, TakenOffset
from safelight.schemas.values import (
    ActionState,
    ComparisonState,
    DecisionName,
    PlanAction,
    PlanState,
    Relation,
)

GroupName = Annotated[
    str,
    Field(
        description="Id of the group; it changes when a photo joins or leaves the group.",
        examples=["3f2a9c01b7de"],
    ),
]


class GroupPhoto(Answer):
    """A file of a group. Files with the same bytes have the same `photo_id`."""

    photo_id: PhotoId
    path: FilePath
    keeper: bool = Field(description="True: this file is suggested to be kept.", examples=[True])
    reasons: tuple[str, ...] = Field(
        description="Why the file is kept or not, for people.",
        examples=[["more pixels", "not compressed again"]],
    )
    width: int | None = Field(
        description="Width of the upright photo in pixels; null if not known.", examples=[4032]
    )
    height: int | None = Field(
        description="Height of the upright photo in pixels; null if not known.", examples=[3024]
    )
    size: int = Field(description="Size of the file in bytes.", examples=[2481632])
    taken_at: TakenAt
    taken_offset: TakenOffset
    format: str | None = Field(
        description="Format of the file; null if not known.", examples=["JPEG"]
    )
    scores: dict[str, float] = Field(
        description="Scores of the photo by metric, from 0 to 1; empty if it was not scored.",
        examples=[{"focus": 0.71, "combined": 0.64}],
    )


class Edge(Answer):
    """Relation of two photos, with its evidence."""

    a: str = Field(description="Id of one photo.", examples=["9f86d081884c7d65"])
    b: str = Field(description="Id of the other photo.", examples=["2c26b46b68ffc68f"])
    relation: Relation = Field(description="How the two are related.")
    evidence: dict[str, Any] = Field(
        description="Measurements that the relation rests on, by name. The names may change.",
        examples=[{"cosine": 0.98, "seconds": 2.0}],
    )


class Group(Answer):
    """Photos that belong together."""

    group: GroupName
    relation: Relation = Field(description="The weakest relation that holds the group together.")
    photos: tuple[GroupPhoto, ...] = Field(
        description="The files of the group, the suggested keeper first."
    )
    edges: tuple[Edge, ...] = Field(description="The relations between the photos.")
    bytes_to_save: int = Field(
        description="Bytes that become free if only the keeper stays.", examples=[2481632]
    )


class Comparing(Answer):
    """Progress of the search for duplicates."""

    stage: str = Field(description="What the server does, for people.", examples=["comparing"])
    done: int = Field(description="Photos or pairs of this stage that are done.", examples=[120])
    total: int = Field(description="Photos or pairs of this stage.", examples=[542])


class GroupList(Listed):
    """A page of groups."""

    groups: tuple[Group, ...] = Field(description="The groups of this page.")
    state: ComparisonState = Field(
        description="`comparing`, with status 202: photos are being compared. The groups are those "
        "from before the library changed, or none yet; ask again."
    )
    total: int | None = Field(
        description="Number of groups in the list when its first page was asked for; null while "
        "photos are compared.",
        examples=[48],
    )
    comparing: Comparing | None = Field(
        description="How far the comparison is; null if `state` is `ready`."
    )

    @property
    def items(self) -> tuple[Group, ...]:
        """The groups."""
        return self.groups


class GroupPhotos(Listed):
    """A page of the files of a group."""

    photos: tuple[GroupPhoto, ...] = Field(description="The files, the suggested keeper first.")
    total: int = Field(description="Number of files of the group.", examples=[3])

    @property
    def items(self) -> tuple[GroupPhoto, ...]:
        """The files."""
        return self.photos


class Decided(Answer):
    """Decision about a group, as stored."""

    group: GroupName
    decision: DecisionName | None = Field(description="The decision; null after it was withdrawn.")
    decided_at: Moment | None = Field(
        description="When it was decided, UTC; null after it was withdrawn."
    )
    photos: tuple[str, ...] = Field(
        description="Ids of the photos that were decided on; none after it was withdrawn.",
        examples=[["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]],
    )


class DecisionList(Listed):
    """A page of decisions, the last one first."""

    decisions: tuple[Decided, ...] = Field(description="The decisions of this page.")

    @property
    def items(self) -> tuple[Decided, ...]:
        """The decisions."""
        return self.decisions


class Action(Answer):
    """A plan's operation on one file, and what became of it."""

    path: FilePath
    kind: PlanAction = Field(description="What happens to the file.")
    to: str | None = Field(
        description="Where the plan moves it; null if it stays at its path or is trashed.",
        examples=["/home/me/Pictures/.safelight-quarantine/beach.jpg"],
    )
    bytes: int = Field(
        description="Bytes that become free with it, at the latest when the quarantine is deleted.",
        examples=[2481632],
    )
    why: str = Field(
        description="Why this file goes, for people.", examples=["identical; same folder"]
    )
    photo_id: PhotoId
    keeper: str = Field(
        description="Path of the file that is kept.", examples=["/home/me/Pictures/sea.jpg"]
    )
    keeper_id: str = Field(
        description="Id of the photo that the kept file has.", examples=["9f86d081884c7d65"]
    )
    group: GroupName
    state: ActionState = Field(description="What became of the file.", examples=["done"])
    reason: str | None = Field(
        description="Why it was left, or not brought back, for people; to follow the path.",
        examples=["has changed since the plan was made"],
    )
    bytes_freed: int = Field(
        description="Bytes that are free now, because of this action.", examples=[0]
    )
    bytes_held: int = Field(
        description="Bytes that become free once the quarantine is deleted, or the trash emptied.",
        examples=[2481632],
    )
    now: str | None = Field(
        description="Where the file is now, of one that was moved.",
        examples=["/home/me/Pictures/.safelight-quarantine/beach.jpg"],
    )
    at: Moment | None = Field(description="When it was begun, UTC.")
    done_by: str | None = Field(
        description="Id of the other plan that did it; then this one freed nothing.",
        examples=["20261128-093000-3f2a"],
    )


class Left(Answer):
    """A file that is left as it is, and why."""

    path: FilePath
    why: str = Field(
        description="Why nothing happens to the file, for people.",
        examples=["lies in a protected folder"],
    )


class PlanSidecar(Answer):
    """A sidecar of a kept file that the plan added to."""

    path: FilePath
    group: GroupName
    state: ActionState = Field(description="What became of the sidecar.", examples=["done"])
    reason: str | None = Field(
        description="Why it could not be restored, for people; to follow the path.",
        examples=["has changed since it was added to; it is left as it is"],
    )


class PlanRun(Answer):
    """The last apply or undo of a plan, in numbers of files."""

    command: Literal["apply", "undo"] = Field(description="What was done.")
    at: Moment = Field(description="When it began, UTC.")
    finished_at: Moment | None = Field(
        description="When it ended, UTC; null: it is at work, or was killed."
    )
    changed: int = Field(description="Files that it moved, linked, or brought back.", examples=[3])
    before: int = Field(description="Files for which an earlier command had done it.", examples=[0])
    left: int = Field(
        description="Files that it left, each with the reason in its action.", examples=[0]
    )
    sidecars: int = Field(description="Sidecars that it added to, or restored.", examples=[1])


class PlanCounts(Answer):
    """Number of actions in each state."""

    planned: int = Field(description="Not done yet.", examples=[0])
    done: int = Field(description="Done.", examples=[3])
    left: int = Field(description="Left as they are by the last apply.", examples=[0])
    undone: int = Field(description="Undone.", examples=[0])
    unfinished: int = Field(
        description="Begun by a command that was killed; the next apply or undo settles them.",
        examples=[0],
    )


class PlanSummary(Answer):
    """A plan in a list: what became of it, without its files."""

    id: str = Field(description="Id of the plan.", examples=["20261128-093000-3f2a"])
    created_at: Moment = Field(description="When the plan was made, UTC.")
    namespace: str | None = Field(
        description="Namespace of the groups; null if they are of the whole library.",
        examples=["default"],
    )
    action: PlanAction = Field(description="What the plan does with files that are not kept.")
    state: PlanState = Field(
        description="What became of the plan; `applied-in-part`: some files were left, or could "
        "not be brought back."
    )
    busy: bool = Field(description="It is being applied or undone right now.", examples=[False])
    bytes_saved: int = Field(
        description="Bytes that become free when all of it is done, at the latest when the "
        "quarantine is deleted.",
        examples=[2481632],
    )
    bytes_freed: int = Field(
        description="Bytes that are free now, because of the plan.", examples=[0]
    )
    bytes_held: int = Field(
        description="Bytes that become free once its quarantine is deleted, or the trash emptied.",
        examples=[2481632],
    )
    counts: PlanCounts = Field(description="How many of its actions are in each state.")
    last: PlanRun | None = Field(description="The last apply or undo; null: it was never applied.")


class Plan(PlanSummary):
    """Planned file operations for duplicates, and what became of them."""

    actions: tuple[Action, ...] = Field(description="The operations, one a file.")
    left: tuple[Left, ...] = Field(description="Files of the groups that the plan leaves out.")
    sidecars: tuple[PlanSidecar, ...] = Field(
        description="Sidecars of kept files that the plan added to."
    )


class PlanList(Listed):
    """A page of plans, the newest first."""

    plans: tuple[PlanSummary, ...] = Field(description="The plans, without their files.")

    @property
    def items(self) -> tuple[PlanSummary, ...]:
        """The plans."""
        return self.plans


class ActionList(Listed):
    """A page of a plan's actions, in the order in which they are done."""

    actions: tuple[Action, ...] = Field(description="The actions.")
    total: int = Field(description="Number of actions of the plan.", examples=[3])

    @property
    def items(self) -> tuple[Action, ...]:
        """The actions."""
        return self.actions
