"""Routes of photos: browse, facts, pictures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BeforeValidator

from safelight import schemas as answers
from safelight.ingest.forget import forget_photo
from safelight.library.browse import cards
from safelight.library.items import item_keys
from safelight.library.listed_fields import named_fields
from safelight.library.listings import page_of_photos
from safelight.library.photos import read_photo
from safelight.schemas.base import local_time
from safelight.search.engine import require_named
from safelight.server import forms, originals
from safelight.server.auth import Access, Reader, Writer
from safelight.server.conditions import conditional_status
from safelight.server.dependencies import Served, while_connected
from safelight.server.document import PHOTO, refuses
from safelight.server.errors import Problem
from safelight.server.etags import TaggedRoute, tagged
from safelight.server.filters import filter_of, least_of
from safelight.server.media.focus_maps import focus_map
from safelight.server.media.thumbnails import etag, kept_thumbnail, make_picture, make_thumbnail
from safelight.server.photo_answers import cards_of, file_of, label_of, score_of
from safelight.server.schemas import photos as shapes
from safelight.server.schemas.photos import (
    CursorQuery,
    FieldsQuery,
    NamespaceQuery,
    PhotoId,
)
from safelight.server.state import ServerState

router = APIRouter(prefix="/api/v1", tags=["photos"], route_class=TaggedRoute)

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

#: Photos in one page.
MOST_PHOTOS = 1000


def _whole(given: object) -> object:
    # A query has texts only, and a literal number is not taken from one.
    return int(given) if isinstance(given, str) and given.isascii() and given.isdigit() else given


@router.get(
    "/photos",
    operation_id="listPhotos",
    openapi_extra=refuses("date", "order", "no-label", "no-scores", "usage"),
    summary="List photos",
)
@tagged("library")
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
            pattern=forms.DAY,
            description="Only photos taken on this day or later, by the camera's clock.",
            examples=["2024-07-01"],
        ),
    ] = None,
    taken_to: Annotated[
        str | None,
        Query(
            alias="to",
            pattern=forms.DAY,
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
            pattern=forms.ORDER,
            description="Order: `taken`, `added` or `score:METRIC`; with a minus, the last or best "
            "come first.",
            examples=["-taken"],
        ),
    ] = "-taken",
    fields: FieldsQuery = (),
    cursor: CursorQuery = None,
    limit: Annotated[
        int, Query(ge=1, le=MOST_PHOTOS, description="Most photos of a page.", examples=[100])
    ] = 100,
    snapshot: Annotated[
        str | None,
        Query(
            pattern=forms.SNAPSHOT,
            description="The list of an earlier answer, of which `offset` says where the page "
            "begins. Send the same filters and order.",
            examples=["5f1d7a84d0c2b9e6"],
        ),
    ] = None,
    offset: Annotated[
        int,
        Query(
            ge=0,
            le=1_000_000_000,
            description="Photos before the page; only with `snapshot`.",
            examples=[0],
        ),
    ] = 0,
    around: Annotated[
        str | None,
        Query(
            pattern=forms.PHOTO,
            description="Id of a photo: the page that has it, if one has.",
            examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ),
    ] = None,
) -> answers.PhotoList:
    """Return photos in order, without a query, page by page.

    All pages of a list are of the moment of its first one: a photo that stays in the library comes
    once, whatever is added, changed or removed meanwhile. One that is removed is left out.
    """
    if offset and not snapshot:
        raise Problem(400, "`offset` goes with `snapshot` only. Go on with `cursor`.", "usage")
    if cursor and (snapshot or around):
        raise Problem(400, "`cursor` goes without `snapshot` and `around`.", "usage")
    where = filter_of(
        access,
        namespace=namespace,
        camera=camera,
        label=label,
        taken_from=taken_from,
        taken_to=taken_to,
        least=least_of(least),
    )

    def read() -> answers.PhotoList:
        names = named_fields(fields)
        require_named(served.library, where, access.namespaces)
        page = page_of_photos(
            served.library,
            served.listings,
            where,
            sort,
            limit=limit,
            cursor=cursor or None,
            snapshot=snapshot or None,
            offset=offset,
            around=around or None,
            # All keys in order are kept, so that paging through 100,000 photos sorts them once.
            listed=lambda: served.matching(where, sort),
        )
        return answers.PhotoList(
            photos=tuple(cards_of(served.library, page.cards, names, where.namespaces)),
            next=page.next,
            total=page.total,
            offset=page.start,
            snapshot=page.snapshot,
        )

    return await served.reading.run(read)


@router.post(
    "/photos/batch",
    operation_id="readPhotos",
    summary="Read many photos",
)
async def read_many(wanted: shapes.PhotoIds, served: Served, access: Reader) -> answers.PhotoBatch:
    """Return photos by their ids, in that order, and name those that there are none of."""
    namespaces = access.within(wanted.namespace or None)

    def read() -> answers.PhotoBatch:
        names = named_fields(wanted.fields)
        ids = list(dict.fromkeys(wanted.ids))
        keys = item_keys(served.library.connection, ids)
        found = cards(served.library, [keys[each] for each in ids if each in keys], namespaces)
        there = {each.photo_id for each in found}
        return answers.PhotoBatch(
            photos=tuple(cards_of(served.library, found, names, namespaces)),
            missing=tuple(each for each in ids if each not in there),
        )

    return await served.reading.run(read)


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
        files=tuple(map(file_of, found.files)),
        labels=tuple(map(label_of, found.labels)),
        scores=tuple(map(score_of, found.scores.values())),
        text=found.text,
    )


@router.delete(
    "/photos/{photo_id}",
    operation_id="forgetPhoto",
    summary="Forget a photo",
    status_code=204,
    response_class=Response,
)
async def forget(
    served: Served, access: Writer, photo_id: PhotoId, namespace: NamespaceQuery = None
) -> Response:
    """Forget a photo, its vectors, labels, scores and thumbnails. Its file is never touched.

    An ingest of a source that still has the file brings the photo back.
    """
    namespaces = access.within(namespace or None)
    await served.writing.run(forget_photo, served.library, photo_id, namespaces=namespaces)
    await served.look()
    return Response(status_code=204)


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
    return _answer(request, access, picture, "image/webp")


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
    return _answer(request, access, picture, "image/webp")


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
    return _answer(request, access, drawn, "image/png")


@router.get(
    "/photos/{photo_id}/original",
    operation_id="getOriginal",
    openapi_extra=refuses("no-photo", "changed", *PHOTO),
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
