"""Routes of photos: browse, facts, pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BeforeValidator

from safelight import schemas as answers
from safelight.library.browse import Filter, cards
from safelight.library.items import item_keys
from safelight.library.ordering import PATTERN as ORDER
from safelight.library.photos import read_photo
from safelight.search.engine import require_named
from safelight.server import originals
from safelight.server.auth import Access, GuardedRoute, Reader
from safelight.server.conditions import conditional_status
from safelight.server.dependencies import Served, while_connected
from safelight.server.errors import Problem
from safelight.server.filters import filter_of, least_of
from safelight.server.media.focus_maps import focus_map
from safelight.server.media.thumbnails import etag, kept_thumbnail, make_picture, make_thumbnail
from safelight.server.schemas.photos import NamespaceQuery, PhotoId
from safelight.server.state import ServerState

if TYPE_CHECKING:
    from safelight.library.browse import Card

router = APIRouter(prefix="/api/v1", tags=["photos"], route_class=GuardedRoute)

#: A photo's id names its content, so what is made of it never changes.
_FOR_EVER = "private, max-age=31536000, immutable"

_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"image/webp": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The picture.",
    },
    304: {"description": "It is what the client has.", "content": {}},
}

_MAP = {
    **_PICTURE,
    200: {
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The map.",
    },
}

_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}

_ORIGINAL: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/*": _FILE}, "description": "The file, as its camera wrote it."},
    206: {
        "content": {"image/*": _FILE, "multipart/byteranges": _FILE},
        "description": "The parts that `Range` asks for.",
    },
    304: {"description": "It is what the client has.", "content": {}},
}


def _whole(given: object) -> object:
    # A query has texts only, and a literal number is not taken from one.
    return int(given) if isinstance(given, str) and given.isascii() and given.isdigit() else given


Day = Annotated[str | None, Query(pattern=r"^(\d{4}-\d\d-\d\d)?$", examples=["2024-07-31"])]


@router.get("/photos", operation_id="listPhotos", summary="List photos")
async def browse(
    served: Served,
    access: Reader,
    namespace: NamespaceQuery = None,
    camera: Annotated[str | None, Query(max_length=200)] = None,
    label: Annotated[str | None, Query(max_length=200)] = None,
    taken_from: Annotated[Day, Query(alias="from")] = None,
    taken_to: Annotated[Day, Query(alias="to")] = None,
    least: Annotated[list[str], Query(alias="min", max_length=32, examples=[["focus:0.6"]])] = [],  # noqa: B006 - FastAPI copies it
    sort: Annotated[str, Query(pattern=f"^{ORDER}$")] = "-taken",
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    around: Annotated[
        str | None,
        Query(pattern="^([0-9a-f]{64})?$", description="The page that has this photo, if one has."),
    ] = None,
) -> answers.Photos:
    """Return photos in order, without a query."""
    where = filter_of(
        access,
        namespace=namespace,
        camera=camera,
        label=label,
        taken_from=taken_from,
        taken_to=taken_to,
        least=least_of(least),
    )
    return await served.reading.run(_page, served, where, access, sort, offset, limit, around)


def _page(
    served: ServerState,
    where: Filter,
    access: Access,
    sort: str,
    offset: int,
    limit: int,
    around: str | None,
) -> answers.Photos:
    require_named(served.library, where, access.namespaces)
    # All keys in order are kept, so that scrolling through 100,000 photos sorts them once.
    keys = served.matching(where, sort)
    if around:
        key = item_keys(served.library.connection, [around]).get(around, -1)
        at = np.flatnonzero(keys == key)
        offset = int(at[0]) // limit * limit if len(at) else offset
    page = cards(served.library, keys[offset : offset + limit].tolist(), where.namespaces)
    return answers.Photos(
        photos=tuple(card_of(card) for card in page), total=len(keys), offset=offset
    )


@router.get("/photos/{photo_id}", operation_id="getPhoto", summary="Read a photo")
async def photo(
    served: Served, access: Reader, photo_id: PhotoId, namespace: NamespaceQuery = None
) -> answers.Photo:
    """Return all that is known about a photo: files, EXIF, labels, scores."""
    found = await served.reading.run(
        read_photo, served.library, photo_id, access.within(namespace or None)
    )
    return answers.Photo(
        photo_id=found.id,
        width=found.width,
        height=found.height,
        size=found.size,
        format=found.format,
        taken_at=found.taken_at,
        added_at=found.added_at,
        exif=dict(found.exif),
        holds=() if found.structure is None else tuple(found.structure.described()),
        files=tuple(
            answers.File(
                path=file.path,
                namespace=file.namespace,
                gone=file.gone,
                metadata=dict(file.metadata),
            )
            for file in found.files
        ),
        labels=tuple(
            answers.Label(
                label=each.label,
                confidence=each.confidence,
                cosine_score=each.cosine_score,
                calibrated=each.calibrated,
                applies=each.applies,
            )
            for each in found.labels
        ),
        scores=tuple(
            answers.Score(
                metric=metric,
                score=each.score,
                value=each.value,
                status=each.status,
                reason=each.reason,
            )
            for metric, each in found.scores.items()
        ),
        text=found.text,
    )


@router.get(
    "/photos/{photo_id}/thumbnail",
    operation_id="getThumbnail",
    summary="Show a thumbnail",
    response_class=Response,
    responses=_PICTURE,
)
async def thumbnail(
    request: Request,
    served: Served,
    access: Reader,
    photo_id: PhotoId,
    side: Annotated[
        Literal[160, 320, 640], BeforeValidator(_whole), Query(description="Of the longer side.")
    ] = 320,
) -> Response:
    """Return a small picture of a photo."""
    await _check(served, access, photo_id)
    picture = await served.reading.run(kept_thumbnail, served.library, photo_id, side)
    if picture is None:
        making = served.decode(
            make_thumbnail,
            served.library,
            photo_id,
            side,
            access.namespaces,
            max_pixels=served.settings.pixel_limit,
        )
        # Whoever scrolls past leaves others' photos in the queue, not his own.
        picture = await while_connected(request, making)
    return _answer(request, access, picture, "image/webp")


@router.get(
    "/photos/{photo_id}/image",
    operation_id="getPicture",
    summary="Show a photo",
    response_class=Response,
    responses=_PICTURE,
)
async def image(
    request: Request,
    served: Served,
    access: Reader,
    photo_id: PhotoId,
    side: Annotated[int, Query(ge=16, le=16383, description="Of the longer side.")] = 2048,
) -> Response:
    """Return a photo upright, for looking at."""
    making = served.decode(
        make_picture,
        served.library,
        photo_id,
        side,
        access.namespaces,
        max_pixels=served.settings.pixel_limit,
    )
    picture = await while_connected(request, making)
    return _answer(request, access, picture, "image/webp")


@router.get(
    "/photos/{photo_id}/focus",
    operation_id="getFocusMap",
    summary="Show where a photo is sharp",
    response_class=Response,
    responses=_MAP,
)
async def focus(request: Request, served: Served, access: Reader, photo_id: PhotoId) -> Response:
    """Return a focus map to show over the photo: transparent where it is not sharp."""
    drawn = await served.decode(
        focus_map,
        served.library,
        photo_id,
        access.namespaces,
        max_pixels=served.settings.pixel_limit,
    )
    return _answer(request, access, drawn, "image/png")


@router.get(
    "/photos/{photo_id}/original",
    operation_id="getOriginal",
    summary="Download the file of a photo",
    response_class=Response,
    responses=_ORIGINAL,
)
async def original(request: Request, served: Served, access: Reader, photo_id: PhotoId) -> Response:
    """Return a photo's file as it is, if it still is what was ingested, or parts of it."""
    found = await served.reading.run(
        served.originals.open, served.library, photo_id, access.namespaces
    )
    head_only = request.scope.get("is_head", False)
    return originals.answer(found, photo_id, request.headers, head_only=head_only)


async def _check(served: ServerState, access: Access, photo_id: str) -> None:
    """Refuse a photo that is in none of the namespaces of a token."""
    if access.namespaces is not None:
        await served.reading.run(read_photo, served.library, photo_id, access.namespaces)


def _answer(request: Request, access: Access, picture: bytes, media_type: str) -> Response:
    headers = {
        "ETag": etag(picture),
        # A token can be revoked. Then not even what its client keeps is shown any more.
        "Cache-Control": _FOR_EVER if access.token is None else "private, no-cache",
    }
    status = conditional_status(request.headers, headers["ETag"])
    if status == 304:
        return Response(status_code=304, headers=headers)
    if status is not None:
        raise Problem(412, "The picture is not the version that you asked for.", "condition")
    return Response(picture, media_type=media_type, headers=headers)


def card_of(card: Card, score: float | None = None) -> answers.Card:
    """Return a card in the shape of the API."""
    return answers.Card(
        photo_id=card.photo_id,
        path=card.path,
        name=card.name,
        namespace=card.namespace,
        width=card.width,
        height=card.height,
        format=card.format,
        taken_at=card.taken_at,
        score=score,
    )
