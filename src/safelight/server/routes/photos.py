"""Routes of photos: browse, facts, pictures."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BeforeValidator

from safelight import schemas as answers
from safelight.library.browse import Filter, cards
from safelight.library.items import item_keys
from safelight.library.ordering import PATTERN as ORDER
from safelight.library.originals import open_original
from safelight.library.photos import read_photo
from safelight.schemas.base import local_time
from safelight.search.engine import require_named
from safelight.server.auth import Access, GuardedRoute, Reader
from safelight.server.dependencies import Served, while_connected
from safelight.server.document import PHOTO, refuses
from safelight.server.filters import filter_of, least_of
from safelight.server.media.focus_maps import focus_map
from safelight.server.media.thumbnails import etag, kept_thumbnail, make_picture, make_thumbnail
from safelight.server.schemas.photos import DAY, NamespaceQuery, PhotoId
from safelight.server.state import ServerState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

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

_CHUNK = 1 << 18


def _whole(given: object) -> object:
    # A query has texts only, and a literal number is not taken from one.
    return int(given) if isinstance(given, str) and given.isascii() and given.isdigit() else given


@router.get(
    "/photos",
    operation_id="listPhotos",
    openapi_extra=refuses("date", "order", "no-label", "no-scores", "usage"),
    summary="List photos",
)
async def browse(
    served: Served,
    access: Reader,
    namespace: NamespaceQuery = None,
    camera: Annotated[
        str | None,
        Query(
            max_length=200,
            description="Only photos of this camera, or of cameras with these words in their name.",
            examples=["Canon EOS R5"],
        ),
    ] = None,
    label: Annotated[
        str | None,
        Query(max_length=200, description="Only photos with this label.", examples=["landscape"]),
    ] = None,
    taken_from: Annotated[
        str | None,
        Query(
            alias="from",
            pattern=DAY,
            description="Only photos taken on this day or later, by the camera's clock.",
            examples=["2024-07-01"],
        ),
    ] = None,
    taken_to: Annotated[
        str | None,
        Query(
            alias="to",
            pattern=DAY,
            description="Only photos taken on this day or earlier, by the camera's clock.",
            examples=["2024-07-31"],
        ),
    ] = None,
    least: Annotated[
        list[str],
        Query(
            alias="min",
            max_length=32,
            description="Only photos with at least this score, as METRIC:NUMBER; may be repeated.",
            examples=[["focus:0.6"]],
        ),
    ] = [],  # noqa: B006 - FastAPI copies it
    sort: Annotated[
        str,
        Query(
            pattern=f"^{ORDER}$",
            description="Order: `taken`, `added` or `score:METRIC`; with a minus, the last or best "
            "come first.",
            examples=["-taken"],
        ),
    ] = "-taken",
    offset: Annotated[
        int,
        Query(ge=0, le=1_000_000_000, description="Photos to skip.", examples=[0]),
    ] = 0,
    limit: Annotated[
        int, Query(ge=1, le=1000, description="Most photos of a page.", examples=[100])
    ] = 100,
    around: Annotated[
        str | None,
        Query(
            pattern="^([0-9a-f]{64})?$",
            description="Id of a photo: the page that has it, if one has.",
            examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ),
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


@router.get(
    "/photos/{photo_id}",
    operation_id="getPhoto",
    openapi_extra=refuses("no-photo"),
    summary="Read a photo",
)
async def photo(
    served: Served, access: Reader, photo_id: PhotoId, namespace: NamespaceQuery = None
) -> answers.Photo:
    """Return all that is known about a photo: files, EXIF, labels, scores."""
    found = await served.reading.run(
        read_photo, served.library, photo_id, access.within(namespace or None)
    )
    taken_at, taken_offset = local_time(found.taken_at)
    return answers.Photo(
        photo_id=found.id,
        width=found.width,
        height=found.height,
        size=found.size,
        format=found.format,
        taken_at=taken_at,
        taken_offset=taken_offset,
        added_at=found.added_at,
        exif=answers.Exif.model_validate(found.exif),
        holds=() if found.structure is None else tuple(found.structure.described()),
        files=tuple(
            answers.File(
                path=file.path,
                namespace=file.namespace,
                missing=file.gone,
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
                status=answers.ScoreStatus(each.status),
                reason=each.reason,
            )
            for metric, each in found.scores.items()
        ),
        text=found.text,
    )


@router.get(
    "/photos/{photo_id}/thumbnail",
    operation_id="getThumbnail",
    openapi_extra=refuses("no-photo", "changed", *PHOTO),
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
        Literal[160, 320, 640],
        BeforeValidator(_whole),
        Query(description="Pixels of the longer side.", examples=[320]),
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
    return _answer(request, picture, "image/webp")


@router.get(
    "/photos/{photo_id}/image",
    operation_id="getPicture",
    openapi_extra=refuses("no-photo", "changed", *PHOTO),
    summary="Show a photo",
    response_class=Response,
    responses=_PICTURE,
)
async def image(
    request: Request,
    served: Served,
    access: Reader,
    photo_id: PhotoId,
    side: Annotated[
        int, Query(ge=16, le=16383, description="Most pixels of the longer side.", examples=[2048])
    ] = 2048,
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
    return _answer(request, picture, "image/webp")


@router.get(
    "/photos/{photo_id}/focus",
    operation_id="getFocusMap",
    openapi_extra=refuses("no-photo", "no-focus", "changed", *PHOTO),
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
    return _answer(request, drawn, "image/png")


@router.get(
    "/photos/{photo_id}/original",
    operation_id="getOriginal",
    openapi_extra=refuses("no-photo", "changed", *PHOTO),
    summary="Download the file of a photo",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            }
        }
    },
)
async def original(served: Served, access: Reader, photo_id: PhotoId) -> StreamingResponse:
    """Return a photo's file as it is, if it still is what was ingested."""
    file, path = await served.reading.run(
        open_original, served.library, photo_id, access.namespaces
    )
    size = os.fstat(file.fileno()).st_size
    name = os.path.basename(path)
    # Never shown in place, whatever it is: what is in it may be made to look like a page.
    return StreamingResponse(
        _chunks(file, size),
        media_type="application/octet-stream",
        headers={
            "Content-Length": str(size),
            "Content-Disposition": _attachment(name),
            "Cache-Control": "private, no-cache",
            "ETag": f'"{photo_id}"',
        },
    )


def _chunks(file: IO[bytes], size: int) -> Iterator[bytes]:
    with file:
        while size > 0 and (chunk := file.read(min(_CHUNK, size))):
            size -= len(chunk)
            yield chunk


def _attachment(name: str) -> str:
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-") else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def _check(served: ServerState, access: Access, photo_id: str) -> None:
    """Refuse a photo that is in none of the namespaces of a token."""
    if access.namespaces is not None:
        await served.reading.run(read_photo, served.library, photo_id, access.namespaces)


def _answer(request: Request, picture: bytes, media_type: str) -> Response:
    headers = {"ETag": etag(picture), "Cache-Control": _FOR_EVER}
    known = request.headers.get("if-none-match", "")
    if headers["ETag"] in [each.strip().removeprefix("W/") for each in known.split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(picture, media_type=media_type, headers=headers)


def card_of(card: Card, score: float | None = None) -> answers.Card:
    """Return a card in the shape of the API."""
    taken_at, taken_offset = local_time(card.taken_at)
    return answers.Card(
        photo_id=card.photo_id,
        path=card.path,
        name=card.name,
        namespace=card.namespace,
        width=card.width,
        height=card.height,
        format=card.format,
        taken_at=taken_at,
        taken_offset=taken_offset,
        score=score,
    )
