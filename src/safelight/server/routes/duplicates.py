"""Duplicates: the groups, and what people decide on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from safelight.duplicates.keeper.scores import known_scores
from safelight.duplicates.model import Relation
from safelight.library.copies import photo_facts
from safelight.server.access import Access, GuardedRoute, Reader, Writer
from safelight.server.duplicates import bytes_to_save
from safelight.server.service import Service
from safelight.server.shapes import Given, NamespaceQuery
from safelight.server.within import Served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.duplicates.keeper import Suggestion

router = APIRouter(prefix="/api/v1", tags=["duplicates"], route_class=GuardedRoute)

GroupId = Annotated[str, Path(pattern="^[0-9a-f]{12}$")]


class GroupPhoto(BaseModel):
    """A file of a group. Files with the same bytes have the same `photo_id`."""

    photo_id: str
    path: str
    keeper: bool = Field(description="It is suggested to be kept.")
    reasons: list[str]
    width: int | None
    height: int | None
    size: int
    taken_at: str | None
    format: str | None
    scores: dict[str, float]


class Edge(BaseModel):
    """How two photos are related, and what that was concluded from."""

    a: str
    b: str
    relation: str
    evidence: dict[str, Any]


class Group(BaseModel):
    """Photos that belong together."""

    group: str
    relation: str
    photos: list[GroupPhoto]
    edges: list[Edge]
    bytes_to_save: int


class Comparing(BaseModel):
    """How far the search for duplicates is."""

    stage: str
    done: int
    total: int


class Groups(BaseModel):
    """A page of groups."""

    groups: list[Group]
    total: int
    comparing: Comparing | None = Field(
        description="Not null: the library has changed, and the groups are those from before. "
        "Ask again after a while."
    )


class Decision(Given):
    """What is decided of a group."""

    decision: Literal["not-duplicates", "keep-both", "resolved"]


class Decided(BaseModel):
    """What was decided of a group."""

    group: str
    decision: str | None


def scopes(access: Access, namespace: str | None) -> list[str | None]:
    """Return within what groups are looked for."""
    namespaces = access.within(namespace or None)
    return [None] if namespaces is None else list(namespaces)


@router.get("/duplicates")
async def duplicates(
    served: Served,
    access: Reader,
    relation: Annotated[
        Literal[
            "", "identical", "same-pixels", "raw+jpeg", "bracket", "panorama", "re-encoded",
            "resized", "rotated", "mirrored", "cropped", "edited", "burst", "similar",
        ],
        Query(description="Only groups of it; of all if empty."),
    ] = "",
    namespace: NamespaceQuery = None,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Groups:  # fmt: skip
    """Return groups of photos that belong together, with the one to keep first, and why."""
    found, comparing = await served.duplicates.groups(scopes(access, namespace))
    wanted = [
        each for _, each in found if not relation or each.group.relation is Relation(relation)
    ]
    page = wanted[offset : offset + limit]
    return Groups(
        groups=await served.reading.run(_shapes, served, page),
        total=len(wanted),
        comparing=None
        if comparing is None
        else Comparing(stage=comparing.stage, done=comparing.done, total=comparing.total),
    )


def _shapes(served: Service, page: Sequence[Suggestion]) -> list[Group]:
    ids = list(dict.fromkeys(photo.photo_id for each in page for photo in each.photos))
    facts = photo_facts(served.library, ids)
    scores = known_scores(served.library, ids)
    sizes = {photo_id: known.size for photo_id, known in facts.items()}
    found = []
    for each in page:
        photos = []
        for photo in each.photos:
            known = facts.get(photo.photo_id)
            photos.append(
                GroupPhoto(
                    photo_id=photo.photo_id,
                    path=photo.path,
                    keeper=photo.keeper,
                    reasons=list(photo.reasons),
                    width=known.width if known else None,
                    height=known.height if known else None,
                    size=known.size if known else 0,
                    taken_at=known.exif.get("taken_at") if known else None,
                    format=known.format if known else None,
                    scores=scores.get(photo.photo_id, {}),
                )
            )
        edges = [
            Edge(a=edge.a, b=edge.b, relation=edge.relation.value, evidence=dict(edge.evidence))
            for edge in each.group.edges
        ]
        found.append(
            Group(
                group=each.group.id,
                relation=each.group.relation.value,
                photos=photos,
                edges=edges,
                bytes_to_save=bytes_to_save(each, sizes),
            )
        )
    return found


@router.post("/duplicates/{group}/decision")
async def decide(
    wanted: Decision,
    served: Served,
    access: Writer,
    group: GroupId,
    namespace: NamespaceQuery = None,
) -> Decided:
    """Decide on a group, so that it is not suggested again. It goes by the photos' content."""
    await served.duplicates.decide(scopes(access, namespace), group, wanted.decision)
    await served.look()
    return Decided(group=group, decision=wanted.decision)


@router.delete("/duplicates/{group}/decision")
async def take_back(served: Served, access: Writer, group: GroupId) -> Decided:
    """Take back what was decided on a group."""
    await served.duplicates.take_back(group, access.namespaces)
    await served.look()
    return Decided(group=group, decision=None)
