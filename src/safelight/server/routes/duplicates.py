"""Routes of duplicates: groups, and decisions on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field, StringConstraints

from safelight.duplicates.keeper.scores import known_scores
from safelight.duplicates.model import Relation
from safelight.files import sha256
from safelight.library.cursors import list_query
from safelight.library.listings import page_of_ids
from safelight.library.photo_facts import photo_facts
from safelight.schemas import (
    Comparing,
    ComparisonState,
    Decided,
    DecisionList,
    DecisionName,
    Edge,
    Group,
    GroupList,
    GroupPhoto,
    GroupPhotos,
)
from safelight.schemas.base import local_time
from safelight.server import forms
from safelight.server.auth import Access, Reader, Writer
from safelight.server.dependencies import Served
from safelight.server.document import refuses
from safelight.server.duplicates import RETRY_AFTER, bytes_to_save
from safelight.server.etags import TaggedRoute, tagged
from safelight.server.filters import known_namespace
from safelight.server.plans import chosen_file
from safelight.server.schemas.photos import CursorQuery, Given, LimitQuery, NamespaceQuery
from safelight.server.state import ServerState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.duplicates.clustering.decided_groups import DecidedGroup
    from safelight.duplicates.keeper import Judged, Suggestion
    from safelight.library.database import Database
    from safelight.library.photo_facts import PhotoFacts

router = APIRouter(prefix="/api/v1", tags=["duplicates"], route_class=TaggedRoute)

#: A folder of the server's machine, by its whole path.
FolderName = Annotated[str, StringConstraints(min_length=1, max_length=4096)]

GroupId = Annotated[
    str, Path(pattern=forms.GROUP, description="Id of the group.", examples=["3f2a9c01b7de"])
]


class DecisionRequest(Given):
    """Decision about a group, as sent."""

    decision: DecisionName = Field(strict=False, description="What was decided.")


def scopes(access: Access, namespace: str | None) -> list[str | None]:
    """Return within what groups are looked for."""
    namespaces = access.within(namespace or None)
    return [None] if namespaces is None else list(namespaces)


@router.get(
    "/duplicates",
    operation_id="listDuplicates",
    openapi_extra=refuses("keeper"),
    summary="List groups of duplicates",
    responses={202: {"model": GroupList, "description": "Photos are being compared; ask again."}},
)
@tagged("answer")
async def duplicates(
    served: Served,
    access: Reader,
    response: Response,
    relation: Annotated[
        Relation | None,
        Query(
            description="Only groups of this relation; of all but `similar` if not given: photos "
            "that look alike are not duplicates, and nothing of them is chosen.",
            examples=["identical"],
        ),
    ] = None,
    namespace: NamespaceQuery = None,
    prefer: Annotated[
        list[FolderName] | None,
        Query(
            description="Folders whose files are kept, the first most.",
            max_length=100,
            examples=[["/home/me/Pictures/Best"]],
        ),
    ] = None,
    protect: Annotated[
        list[FolderName] | None,
        Query(
            description="Folders of which nothing ever goes.",
            max_length=100,
            examples=[["/home/me/Pictures/Archive"]],
        ),
    ] = None,
    cursor: CursorQuery = None,
    limit: Annotated[
        int, Query(ge=1, le=200, description="Most groups of a page.", examples=[20])
    ] = 20,
) -> GroupList:  # fmt: skip
    """Return groups of photos that belong together, with the one to keep first, and why.

    The pages are of the groups that there were when the first was asked for: one that stays comes
    once, and one whose photos changed, or that was decided on, is left out.

    While photos are compared, the answer is 202 and its `state` is `comparing`: the groups are
    those from before the library changed, or none yet. Ask again after `Retry-After` seconds.
    """
    await known_namespace(served, access, namespace)
    within = scopes(access, namespace)
    found, comparing = await served.duplicates.groups(within)
    wanted = [
        (where, each)
        for where, each in found
        if each.group.relation.value == relation
        or (not relation and each.group.relation is not Relation.SIMILAR)
    ]
    known = {f"{within.index(where)}:{each.group.id}": (where, each) for where, each in wanted}
    listed = page_of_ids(
        served.listings,
        list_query(served.library, "groups", within, relation),
        tuple(known),
        limit=limit,
        cursor=cursor or None,
    )
    part = [known[each] for each in listed.ids if each in known]
    page = [each for _, each in part]
    if prefer or protect:
        page = await served.comparing.run(
            lambda: served.duplicates.judged(part, prefer=prefer or (), protect=protect or ())
        )
    if comparing is not None:
        response.status_code = 202
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return GroupList(
        groups=tuple(await served.reading.run(_shapes, served, page)),
        total=None if comparing else listed.total,
        next=listed.next,
        state=ComparisonState.COMPARING if comparing else ComparisonState.READY,
        comparing=None
        if comparing is None
        else Comparing(stage=comparing.stage, done=comparing.done, total=comparing.total),
    )


# Before the groups: their ids are looked for in the same place.
@router.get("/duplicates/decisions", operation_id="listDecisions", summary="List decisions")
@tagged("answer")
async def list_decisions(
    served: Served,
    access: Reader,
    cursor: CursorQuery = None,
    limit: Annotated[
        int, Query(ge=1, le=1000, description="Most decisions of a page.", examples=[100])
    ] = 100,
) -> DecisionList:
    """Return what was decided on groups, the last decision first."""
    found, following = await served.reading.run(
        served.duplicates.decisions_page, access.namespaces, limit, cursor or None
    )
    return DecisionList(decisions=tuple(_decided(each) for each in found), next=following)


@router.get(
    "/duplicates/{group}",
    operation_id="getDuplicates",
    openapi_extra=refuses("no-group", "keeper", "no-photo"),
    summary="Read a group of duplicates",
)
async def one(
    served: Served,
    access: Reader,
    group: GroupId,
    keeper: Annotated[
        str | None,
        Query(
            pattern=forms.PHOTO,
            description="Id of a photo to keep instead.",
            examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ),
    ] = None,
    path: Annotated[
        str | None,
        Query(
            max_length=4096,
            description="Path of its file to keep, if it has several.",
            examples=["/home/me/Pictures/beach.jpg"],
        ),
    ] = None,
    namespace: NamespaceQuery = None,
) -> Group:
    """Return one group; with another keeper, with the reasons that fit it."""
    where, found = await served.duplicates.one(scopes(access, namespace), group)
    if keeper or path:
        instead = chosen_file(found, keeper, path)
        if instead is not None:
            (found,) = await served.comparing.run(
                lambda: served.duplicates.judged([(where, found)], instead=[instead])
            )
    return (await served.reading.run(_shapes, served, [found]))[0]


@router.get(
    "/duplicates/{group}/photos", operation_id="listGroupPhotos", summary="List files of a group"
)
@tagged("answer")
async def members(
    served: Served,
    access: Reader,
    group: GroupId,
    namespace: NamespaceQuery = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 100,
) -> GroupPhotos:
    """Return the files of a group, the suggested keeper first."""
    _, found = await served.duplicates.one(scopes(access, namespace), group)

    def read() -> GroupPhotos:
        known = {sha256(photo.path.encode("utf-8", "surrogatepass"))[:16]: photo
                 for photo in found.photos}  # fmt: skip
        query = list_query(served.library, "group", group, access.within(namespace or None))
        listed = page_of_ids(
            served.listings, query, tuple(known), limit=limit, cursor=cursor or None
        )
        page = [known[each] for each in listed.ids if each in known]
        return GroupPhotos(
            photos=tuple(_photos(served.library, page)), total=listed.total, next=listed.next
        )

    return await served.reading.run(read)


def _photos(library: Database, page: Sequence[Judged]) -> list[GroupPhoto]:
    ids = list(dict.fromkeys(photo.photo_id for photo in page))
    facts, scores = photo_facts(library, ids), known_scores(library, ids)
    return [_photo(each, facts.get(each.photo_id), scores.get(each.photo_id, {})) for each in page]


def _photo(photo: Judged, known: PhotoFacts | None, scores: dict[str, float]) -> GroupPhoto:
    taken_at, taken_offset = local_time(known.exif.get("taken_at") if known else None)
    return GroupPhoto(
        photo_id=photo.photo_id,
        path=photo.path,
        keeper=photo.keeper,
        reasons=tuple(photo.reasons),
        width=known.width if known else None,
        height=known.height if known else None,
        size=known.size if known else 0,
        taken_at=taken_at,
        taken_offset=taken_offset,
        format=known.format if known else None,
        scores=scores,
    )


def _shapes(served: ServerState, page: Sequence[Suggestion]) -> list[Group]:
    ids = list(dict.fromkeys(photo.photo_id for each in page for photo in each.photos))
    facts = photo_facts(served.library, ids)
    scores = known_scores(served.library, ids)
    sizes = {photo_id: known.size for photo_id, known in facts.items()}
    found = []
    for each in page:
        photos = [
            _photo(photo, facts.get(photo.photo_id), scores.get(photo.photo_id, {}))
            for photo in each.photos
        ]
        edges = [
            Edge(a=edge.a, b=edge.b, relation=edge.relation, evidence=dict(edge.evidence))
            for edge in each.group.edges
        ]
        found.append(
            Group(
                group=each.group.id,
                relation=each.group.relation,
                photos=tuple(photos),
                edges=tuple(edges),
                bytes_to_save=bytes_to_save(each, sizes),
            )
        )
    return found


@router.put(
    "/duplicates/{group}/decision",
    operation_id="decideDuplicates",
    openapi_extra=refuses("no-group", "usage"),
    summary="Decide on a group",
)
async def decide(
    wanted: DecisionRequest,
    served: Served,
    access: Writer,
    group: GroupId,
    namespace: NamespaceQuery = None,
) -> Decided:
    """Decide on a group, so that it is not suggested again. It goes by the photos' content.

    The same decision once more changes nothing; another one replaces it.
    """
    found = await served.duplicates.decide(scopes(access, namespace), group, wanted.decision)
    await served.look()
    return _decided(found)


@router.delete(
    "/duplicates/{group}/decision",
    operation_id="withdrawDecision",
    openapi_extra=refuses("no-group", "usage"),
    summary="Withdraw a decision",
)
async def take_back(served: Served, access: Writer, group: GroupId) -> Decided:
    """Take back what was decided on a group, so that it is suggested again.

    Once more, it changes nothing.
    """
    await served.duplicates.take_back(scopes(access, None), group)
    await served.look()
    return Decided(group=group, decision=None, decided_at=None, photos=())


def _decided(found: DecidedGroup) -> Decided:
    return Decided(
        group=found.id,
        decision=DecisionName(found.decision),
        decided_at=found.decided_at,
        photos=found.photos,
    )
