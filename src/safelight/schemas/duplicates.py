"""Groups of duplicates, and plans for them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from safelight.schemas.base import Answer


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
    """A plan's operation on one file."""

    path: str
    kind: str
    to: str | None
    bytes: int = Field(description="That become free.")
    why: str
    photo_id: str
    keeper: str = Field(description="The file that is kept.")
    keeper_id: str = Field(description="The photo that this is a file of.")
    group: str


class Left(Answer):
    """A file that is left as it is, and why."""

    path: str
    why: str


class Plan(Answer):
    """Planned file operations for duplicates."""

    id: str
    created_at: str
    namespace: str | None
    action: str
    state: Literal["draft", "applying", "applied", "undone"]
    actions: tuple[Action, ...]
    bytes_saved: int
    left: tuple[Left, ...]
    changed: int | None = Field(
        default=None, description="Files that this call has moved, linked or put back."
    )
    before: int | None = Field(
        default=None, description="Files for which nothing was left to do: an earlier call did it."
    )


class Plans(Answer):
    """All plans, the newest first."""

    plans: tuple[Plan, ...]
