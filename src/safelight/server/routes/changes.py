"""Route of changes: what a client that keeps a copy has to learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from safelight import schemas as answers
from safelight.library.browse import cards
from safelight.library.changes import cursor_of_now, page_of_changes
from safelight.library.cursors import LONGEST
from safelight.library.listed_fields import named_fields
from safelight.server.auth import Reader
from safelight.server.change_stream import change_stream
from safelight.server.dependencies import Served
from safelight.server.etags import TaggedRoute, tagged
from safelight.server.filters import known_namespace
from safelight.server.photo_answers import cards_of
from safelight.server.schemas.photos import FieldsQuery, NamespaceQuery

if TYPE_CHECKING:
    from safelight.library.changes import Change
    from safelight.library.database import Database

router = APIRouter(prefix="/api/v1", tags=["photos"], route_class=TaggedRoute)

#: Changes that are read at once for a listener.
_AT_ONCE = 200

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "Events `added`, `changed`, `removed` and `ready`, without end.",
    },
}


@router.get("/changes", operation_id="listChanges", summary="List changes since a cursor")
@tagged("library")
async def changes(
    served: Served,
    access: Reader,
    since: Annotated[
        str | None,
        Query(
            max_length=LONGEST,
            description="`cursor` of an earlier answer, or of a change in it. All photos are new "
            "if it is not given.",
            examples=["6XEoT3QKx2nHWzUxMiw1MTIsMF0"],
        ),
    ] = None,
    namespace: NamespaceQuery = None,
    fields: FieldsQuery = (),
    limit: Annotated[
        int, Query(ge=1, le=1000, description="Most changes of a page.", examples=[500])
    ] = 500,
) -> answers.ChangeList:
    """Return what was added, changed and removed since a cursor, in order.

    A client that applies the changes to its copy has what the library has. The cursor holds over
    restarts. Forgotten photos are remembered for the last 100,000 of them: a client that comes
    later is refused with `cursor-expired`, and begins again without a cursor.
    """
    namespaces = access.within(namespace or None)
    await known_namespace(served, access, namespace)

    return await served.reading.run(
        _page, served.library, since or None, namespaces, named_fields(fields), limit
    )


@router.get(
    "/changes/events",
    operation_id="streamChanges",
    summary="Follow changes",
    response_class=Response,
    responses=_EVENTS,
)
async def events(
    request: Request,
    served: Served,
    access: Reader,
    since: Annotated[
        str | None,
        Query(
            max_length=LONGEST,
            description="`cursor` of an earlier answer or event, or `now` for what happens from "
            "now on. All photos are new if it is not given. `Last-Event-ID` goes before it.",
            examples=["now"],
        ),
    ] = None,
    namespace: NamespaceQuery = None,
    fields: FieldsQuery = (),
) -> Response:
    """Tell what is added, changed and removed, as it happens, as server-sent events.

    Events are `added`, `changed` and `removed`; the data are the change. `ready` comes when all up
    to now was told. Each `id` is a cursor: a client that comes back with `Last-Event-ID` misses
    nothing, also after a restart of the server.
    """
    namespaces = access.within(namespace or None)
    await known_namespace(served, access, namespace)
    names = named_fields(fields)
    cursor = request.headers.get("last-event-id") or since
    if cursor == "now":
        cursor = await served.reading.run(cursor_of_now, served.library, namespaces)

    async def look(behind: str | None) -> answers.ChangeList:
        page: answers.ChangeList = await served.reading.run(
            _page, served.library, behind, namespaces, names, _AT_ONCE
        )
        return page

    return await change_stream(request, served, access, look, cursor)


def _page(
    library: Database,
    since: str | None,
    namespaces: tuple[str, ...] | None,
    names: frozenset[str],
    limit: int,
) -> answers.ChangeList:
    page = page_of_changes(library, since, namespaces=namespaces, limit=limit)
    photos = _photos(library, page.changes, names)
    return answers.ChangeList(
        changes=tuple(
            _change(each, photos.get((each.namespace, each.key))) for each in page.changes
        ),
        cursor=page.cursor,
        next=None if page.is_last else page.cursor,
    )


def _photos(
    library: Database, found: tuple[Change, ...], names: frozenset[str]
) -> dict[tuple[str, int | None], answers.Card]:
    """Return the photos of changes as they are now, by namespace and key."""
    photos: dict[tuple[str, int | None], answers.Card] = {}
    for namespace in dict.fromkeys(each.namespace for each in found):
        keys = [each.key for each in found if each.namespace == namespace and each.key is not None]
        there = cards(library, keys, (namespace,))
        shapes = cards_of(library, there, names, (namespace,))
        photos |= {(namespace, card.key): shape for card, shape in zip(there, shapes, strict=True)}
    return photos


def _change(change: Change, photo: answers.Card | None) -> answers.Change:
    # One that was removed after the page was read will come again as that.
    kind = answers.ChangeKind.REMOVED if photo is None else answers.ChangeKind(change.kind)
    return answers.Change(
        kind=kind,
        photo_id=change.photo_id,
        namespace=change.namespace,
        parts=tuple(answers.ChangedPart(each) for each in change.parts) if photo else (),
        photo=None if kind is answers.ChangeKind.REMOVED else photo,
        cursor=change.cursor,
    )
