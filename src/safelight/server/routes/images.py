"""Route of photo search: words, photos of the library, an uploaded photo, and sums of these."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from safelight import schemas as answers
from safelight.errors import QueryError
from safelight.imaging import decode
from safelight.library.browse import Filter, cards
from safelight.search import Answer, SearchOptions, name_for_image
from safelight.search.query import Query, Term
from safelight.server.auth import GuardedRoute, Reader
from safelight.server.client_texts import for_clients
from safelight.server.dependencies import Served
from safelight.server.errors import Problem
from safelight.server.filters import filter_of
from safelight.server.messages import field_problem
from safelight.server.photo_answers import card_fields
from safelight.server.query_text import query_of, refuse_files
from safelight.server.schemas import photos as shapes
from safelight.server.state import ServerState
from safelight.server.unknown_input import check_form, invalid, strict_json

if TYPE_CHECKING:
    from safelight.embedding.base import Embedder

router = APIRouter(prefix="/api/v1", tags=["search"], route_class=GuardedRoute)

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/ImageSearch"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "image": {
                            "type": "string",
                            "format": "binary",
                            "description": "The photo to search by.",
                        },
                        "request": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "The same as the JSON body.",
                            "examples": ['{"plus": ["sunset"], "limit": 5}'],
                        },
                    },
                    "required": ["image"],
                }
            },
        },
    }
}


@router.post(
    "/images/search", operation_id="searchPhotos", summary="Search photos", openapi_extra=_BODY
)
async def search_images(request: Request, served: Served, access: Reader) -> answers.Hits:
    """Find photos by words, by photos, and by both together.

    At least one of `query`, `photo_id`, `plus`, `minus` and an uploaded `image` is needed.
    """
    started = time.perf_counter()
    wanted, data = await _read(request)
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
    if len(terms) - len(query.terms) + query.size > served.limits.terms:
        raise QueryError(f"A query may have {served.limits.terms} parts.")
    searched = await served.current()
    embedder = searched.choice.embedder
    images = []
    if data is not None:
        images.append(await served.decode(_prepare, data, embedder, served.limits.pixels))
    options = SearchOptions(
        top=wanted.limit,
        where=where,
        min_score=wanted.min_score,
        order=wanted.sort or None,
        expand=wanted.expand,
    )
    answer = await served.search(
        searched, Query(tuple(terms)), options, images=images, visible=access.namespaces
    )
    hits = await served.reading.run(_hits, served, answer, where)
    return answers.Hits(
        hits=tuple(hits),
        total=len(hits),
        took_ms=round(1000 * (time.perf_counter() - started), 2),
        model=embedder.name,
        weak=answer.weak,
        more=answer.more,
        notes=tuple(
            for_clients(note, restricted=access.namespaces is not None) for note in answer.notes
        ),
    )


def _hits(served: ServerState, answer: Answer, where: Filter) -> list[answers.Hit]:
    found = {each.key: each for each in answer.found}
    return [
        answers.Hit(
            **card_fields(card, found[card.key].score),
            stack=found[card.key].stack,
            matched=found[card.key].matched,
            probability=found[card.key].probability,
            match=found[card.key].match,
        )
        for card in cards(served.library, list(found), where.namespaces)
    ]


def _prepare(data: bytes, embedder: Embedder, pixels: int) -> Any:
    return embedder.prepare(decode(data, min_side=embedder.min_side, max_pixels=pixels))


async def _read(request: Request) -> tuple[shapes.ImageSearch, bytes | None]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _parse(await request.body()), None
    if kind != "multipart/form-data":
        raise Problem(
            415, "Send JSON, or multipart/form-data with a photo as `image`.", "media-type"
        )
    async with request.form(max_files=2, max_fields=4) as form:
        check_form(form, files=["image"], texts=["request"])
        text, image = form.get("request"), form.get("image")
        if not isinstance(image, UploadFile):
            raise Problem(400, "There is no photo in the form: name its part `image`.", "no-image")
        data = await image.read()
    return _parse(text.encode() if isinstance(text, str) and text else b"{}"), data


def _parse(body: bytes) -> shapes.ImageSearch:
    try:
        return shapes.ImageSearch.model_validate(strict_json(body))
    except ValidationError as error:
        problems = [
            field_problem({**each, "loc": ("body", *each["loc"])}, shapes.ImageSearch)
            for each in error.errors(include_url=False)
        ]
        raise invalid(problems) from error
