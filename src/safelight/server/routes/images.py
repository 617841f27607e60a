"""Route of photo search: words, photos of the library, an uploaded photo, and sums of these."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from safelight import schemas as answers
from safelight.errors import QueryError
from safelight.files import sha256
from safelight.imaging import decode
from safelight.library.browse import Filter, cards
from safelight.library.cursors import list_query
from safelight.library.listed_fields import named_fields
from safelight.search import Answer, SearchOptions, name_for_image
from safelight.search.engine import arranged
from safelight.search.query import Query, Term, parse_term
from safelight.server.auth import Access, GuardedRoute, Reader
from safelight.server.client_texts import for_clients
from safelight.server.dependencies import Served
from safelight.server.document import MODEL, PHOTO, refuses
from safelight.server.errors import Problem
from safelight.server.filters import filter_of
from safelight.server.messages import field_problem
from safelight.server.photo_answers import card_fields, further_fields
from safelight.server.query_text import query_of, refuse_files
from safelight.server.ranked import page_of_hits
from safelight.server.schemas import photos as shapes
from safelight.server.state import ServerState
from safelight.server.unknown_input import check_form, invalid, strict_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.embedding.base import Embedder
    from safelight.search import Found

router = APIRouter(prefix="/api/v1", tags=["search"], route_class=GuardedRoute)

#: Photos that are sent with one search.
_IMAGES = 8

_JSON: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PhotoSearch"}}},
    }
}

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "image": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "minItems": 1,
                            "maxItems": _IMAGES,
                            "description": "The photo to search by, or several: a part for each.",
                        },
                        "request": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "Words and filters, as JSON: a `PhotoSearch`.",
                            "examples": ['{"plus": ["sunset"], "limit": 5}'],
                        },
                    },
                    "required": ["image"],
                }
            },
        },
    }
}

_REFUSALS = refuses(
    "query", "no-photo", "date", "order", "no-label", "no-scores", "usage", "no-image",
    *PHOTO, *MODEL,
)  # fmt: skip


@router.post(
    "/images/search",
    operation_id="searchPhotos",
    summary="Search photos",
    openapi_extra={**_JSON, **_REFUSALS},
)
async def search_images(request: Request, served: Served, access: Reader) -> answers.HitList:
    """Find photos by words, by photos of the library, and by both together.

    At least one of `query`, `photo_id`, `like`, `plus`, `minus` and an uploaded `image` is needed.
    `next` leads to further hits: send the same request with it as `cursor`. No photo comes twice,
    and none is left out, whatever changes in between.

    The form of `searchPhotosByUpload` is taken here, too.
    """
    return await _search(request, served, access)


# A call of its own, because generated clients know one kind of body a call.
@router.post(
    "/images/search/upload",
    operation_id="searchPhotosByUpload",
    summary="Search photos by a photo that is sent along",
    openapi_extra={**_FORM, **_REFUSALS},
)
async def search_by_upload(request: Request, served: Served, access: Reader) -> answers.HitList:
    """Find photos like one that is sent along, or like it and words together."""
    return await _search(request, served, access, needs_form=True)


async def _search(
    request: Request, served: ServerState, access: Access, *, needs_form: bool = False
) -> answers.HitList:
    started = time.perf_counter()
    wanted, sent = await _read(request, needs_form=needs_form)
    query = query_of(wanted.query, wanted.plus, wanted.minus)
    if any(term.kind == "image" for term in query.terms):
        query = await served.reading.run(name_for_image, served.library, query, access.namespaces)
        refuse_files(query)
    where = filter_of(
        access,
        namespace=wanted.namespace,
        camera=wanted.camera,
        label=wanted.label,
        facts=query.where,
        taken_from=wanted.taken_from,
        taken_to=wanted.taken_to,
        least=wanted.min,
    )
    terms = list(query.terms)
    if wanted.photo_id:
        terms.append(Term("photo", wanted.photo_id))
    terms += [parse_term(f"photo:{each}") for each in wanted.like]
    terms += [Term("image", "image", weight) for weight in _weights(wanted.weights, len(sent))]
    if len(terms) - len(query.terms) + query.size > served.limits.terms:
        raise QueryError(f"A query may have {served.limits.terms} parts.")
    searched = await served.current()
    embedder = searched.choice.embedder
    # Without terms and labels, the order is that of the whole list; else that of a page's hits.
    is_ranked = bool(terms or where.wanted_labels)
    order = wanted.sort or None
    options = SearchOptions(
        where=where,
        min_score=wanted.min_score,
        order=None if is_ranked else order,
        expand=wanted.expand,
    )
    images: list[Any] = []

    async def search(top: int) -> Answer:
        if len(images) < len(sent):
            images[:] = [
                await served.decode(_prepare, data, embedder, served.limits.pixels) for data in sent
            ]
        return await served.search(
            searched,
            Query(tuple(terms)),
            replace(options, top=top),
            images=images,
            visible=access.namespaces,
        )

    names = named_fields(wanted.fields)
    page = await page_of_hits(
        served.listings,
        list_query(
            served.library, "hits", embedder.fingerprint, terms, [sha256(each) for each in sent],
            where.key, wanted.min_score, wanted.expand, order, access.namespaces,
        ),
        search,
        limit=wanted.limit,
        cursor=wanted.cursor,
    )  # fmt: skip

    def shape() -> list[answers.Hit]:
        found = page.found
        if is_ranked and order is not None:
            found = arranged(served.library, list(found), order)
        return _hits(served, found, names, where)

    hits = await served.reading.run(shape)
    return answers.HitList(
        hits=tuple(hits),
        next=page.next,
        total=page.total,
        took_ms=round(1000 * (time.perf_counter() - started), 2),
        model=embedder.name,
        weak=page.weak,
        more=page.more,
        notes=tuple(
            for_clients(note, restricted=access.namespaces is not None) for note in page.notes
        ),
    )


def _hits(
    served: ServerState, page: Sequence[Found], names: frozenset[str], where: Filter
) -> list[answers.Hit]:
    found = {each.key: each for each in page}
    there = cards(served.library, list(found), where.namespaces)
    further = further_fields(served.library, there, names, where.namespaces)
    return [
        answers.Hit(
            **card_fields(card, found[card.key].score),
            **further.get(card.key, {}),
            stack=found[card.key].stack,
            matched=found[card.key].matched,
            probability=found[card.key].probability,
            match=found[card.key].match,
        )
        for card in there
    ]


def _weights(given: Sequence[float], images: int) -> Sequence[float]:
    """Return the weight of each photo that was sent.

    Raises
    ------
    QueryError
        There are as many weights as no photos were sent.
    """
    if given and len(given) != images:
        raise QueryError(f"There are {len(given)} weights for {images} images: give each one.")
    return given or [1.0] * images


def _prepare(data: bytes, embedder: Embedder, pixels: int) -> Any:
    return embedder.prepare(decode(data, min_side=embedder.min_side, max_pixels=pixels))


async def _read(request: Request, *, needs_form: bool) -> tuple[shapes.PhotoSearch, list[bytes]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" and not needs_form:
        return _parse(await request.body()), []
    if kind != "multipart/form-data":
        raise Problem(
            415,
            "Send multipart/form-data with a photo as `image`, or JSON to search without one.",
            "media-type",
        )
    async with request.form(max_files=_IMAGES, max_fields=4) as form:
        check_form(form, files=["image*"], texts=["request"])
        text, images = form.get("request"), form.getlist("image")
        files = [each for each in images if isinstance(each, UploadFile)]
        if not files:
            raise Problem(400, "There is no photo in the form: name its part `image`.", "no-image")
        data = [await each.read() for each in files]
    return _parse(text.encode() if isinstance(text, str) and text else b"{}"), data


def _parse(body: bytes) -> shapes.PhotoSearch:
    try:
        return shapes.PhotoSearch.model_validate(strict_json(body))
    except ValidationError as error:
        problems = [
            field_problem({**each, "loc": ("body", *each["loc"])}, shapes.PhotoSearch)
            for each in error.errors(include_url=False)
        ]
        raise invalid(problems) from error
