"""Routes of vectors: store, list, search, in the calls of same-same's clients."""

from __future__ import annotations

import json
import uuid
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response

from safelight import schemas as answers
from safelight.cosine import unit_vector
from safelight.errors import LibraryError, QueryError, SafelightError
from safelight.library.browse import Filter
from safelight.library.filters import parse_conditions
from safelight.library.state.client_vectors import put_vector
from safelight.schemas import FieldProblem
from safelight.search import Encode
from safelight.search.query import Query as Parsed
from safelight.search.query import Term, parse_query
from safelight.server.auth import Access, Reader, Writer
from safelight.server.client_vectors import (
    brief,
    count_all,
    delete_brought,
    listed,
    read_either,
    whole,
)
from safelight.server.dependencies import Served
from safelight.server.document import MODEL, refuses
from safelight.server.errors import Problem
from safelight.server.etags import TaggedRoute, tagged
from safelight.server.idempotency import operation_id
from safelight.server.schemas import vectors as shapes
from safelight.server.schemas.photos import CursorQuery, NamespaceQuery
from safelight.server.state import Searched, ServerState
from safelight.server.unknown_input import invalid
from safelight.server.vector_search import Match, matches, require_dimension, text_matches

router = APIRouter(prefix="/api/v1", tags=["vectors"], route_class=TaggedRoute)

VectorId = Annotated[
    str,
    Path(
        min_length=1,
        max_length=200,
        description="Id of the vector, or of a photo or text; it may have slashes.",
        examples=["sunset-1"],
    ),
]

# What is a call of its own could not be read back.
_RESERVED = frozenset({"count", "metadata", "search", "embed"})

_MOST = 1000

Limit = Annotated[int, Query(ge=1, le=_MOST, description="Most vectors of a page.", examples=[100])]

#: Matches without numbers that are sooner written than handed to a thread.
_FEW = 50


@router.post(
    "/search",
    operation_id="searchText",
    openapi_extra=refuses("query", "filter", "no-label", "vector", *MODEL),
    summary="Search everything by text",
    response_model=answers.MatchList | answers.ResultList,
)
async def search(wanted: shapes.TextSearch, served: Served, access: Reader) -> Response:
    """Find photos, texts and vectors by words.

    With `text` the answer is `matches`, with `query` it is `results`. The words may be a query as
    `safelight search` takes it; what cannot be one is taken as it is.
    """
    text = wanted.text if wanted.text is not None else wanted.query
    if text is None or not text.strip():
        raise QueryError("Name what to search for, as text.")
    try:
        found = await _found(served, access, wanted, _words(text))
    except SafelightError as error:
        # What its words would mean as a query, they cannot mean here.
        if error.code not in (QueryError.code, "no-label", "no-scores", "no-namespace"):
            raise
        found = await _found(served, access, wanted, Parsed((Term("text", text),)))
    if wanted.text is not None:
        return await _answer(
            served,
            lambda: {"matches": [_scored(each) for each in found]},
            is_short=len(found) <= _FEW and not wanted.with_embedding,
        )
    weights = _weights(wanted.options)
    results = [_result(each, weights) for each in found]
    return await _answer(served, lambda: {"results": results, "total": len(results)})


async def _found(
    served: ServerState, access: Access, wanted: shapes.TextSearch, query: Parsed
) -> list[Match]:
    where = Filter(namespaces=access.within(wanted.namespace or None)).with_facts(query.where)
    conditions = parse_conditions(wanted.metadata_filters or wanted.filters)
    return await text_matches(
        served,
        Parsed(query.terms),
        wanted.top,
        where,
        conditions,
        searched=await served.current(),
        visible=access.namespaces,
        embeddings=wanted.with_embedding,
    )


@router.post(
    "/vectors/search",
    operation_id="searchVectors",
    openapi_extra=refuses("filter", "vector", *MODEL),
    summary="Search by a vector",
    response_model=list[answers.VectorScore],
)
async def search_vectors(wanted: shapes.VectorSearch, served: Served, access: Reader) -> Response:
    """Find what is nearest to a vector, among all that has as many numbers."""
    vector = unit_vector(wanted.embedding)
    searched = await _searched(served)
    await served.reading.run(require_dimension, served, searched, len(vector))
    found = await matches(
        served,
        vector,
        wanted.top,
        Filter(namespaces=access.within(wanted.namespace or None)),
        parse_conditions(wanted.filters or wanted.metadata_filters),
        searched=searched,
        embeddings=wanted.options is None or wanted.options.return_embedding is not False,
    )
    return await _answer(served, lambda: [_scored(each) for each in found])


@router.post(
    "/vectors/embed",
    operation_id="embedText",
    openapi_extra=refuses("vector", "conflict", *MODEL),
    summary="Embed and store a text",
    status_code=201,
)
async def embed(wanted: shapes.EmbedBody, served: Served, access: Writer) -> answers.Vector:
    """Embed a text with the library's model, and keep the vector."""
    namespace = access.target(wanted.namespace or None, served.settings.namespace)
    searched = await served.current()
    (vector,) = await served.vectors(searched, Encode((wanted.text,), ()))
    metadata = {**wanted.metadata, "text": wanted.text, "author": wanted.author}
    return await _put(
        served, namespace, vector, metadata, f"quote_{operation_id()}", access.namespaces
    )


@router.post(
    "/vectors",
    operation_id="createVector",
    openapi_extra=refuses("vector", "conflict", *MODEL),
    summary="Store a vector",
    status_code=201,
)
async def create(wanted: shapes.VectorBody, served: Served, access: Writer) -> answers.Vector:
    """Keep a vector; in place of the one of its id, if there is one."""
    return await _keep(served, access, wanted, wanted.id or str(uuid.UUID(operation_id())))


@router.get(
    "/vectors",
    operation_id="listVectors",
    openapi_extra=refuses(*MODEL),
    summary="List vectors",
    response_model=list[answers.Vector],
)
@tagged("library")
async def list_all(
    request: Request,
    served: Served,
    access: Reader,
    namespace: NamespaceQuery = None,
    cursor: CursorQuery = None,
    limit: Limit = 100,
) -> Response:
    """Return vectors, then photos and texts; `Link` tells where the next ones are."""
    namespaces = access.within(namespace or None)
    searched = await _searched(served)
    return await served.reading.run(
        listed, request, served, searched, namespaces, cursor or None, limit, whole
    )


@router.get(
    "/vectors/count",
    operation_id="countVectors",
    openapi_extra=refuses(*MODEL),
    summary="Count vectors",
)
async def count(
    served: Served, access: Reader, namespace: NamespaceQuery = None
) -> answers.VectorCount:
    """Count vectors, photos and texts."""
    namespaces = access.within(namespace or None)
    searched = await _searched(served)
    found = await served.reading.run(count_all, served, searched, namespaces)
    return answers.VectorCount(count=found)


@router.get(
    "/vectors/metadata",
    operation_id="listVectorMetadata",
    openapi_extra=refuses(*MODEL),
    summary="List vectors without numbers",
    response_model=list[answers.VectorSummary],
)
@tagged("library")
async def metadata(
    request: Request,
    served: Served,
    access: Reader,
    namespace: NamespaceQuery = None,
    cursor: CursorQuery = None,
    limit: Limit = 100,
) -> Response:
    """Return the same as `GET /vectors`, without the numbers."""
    namespaces = access.within(namespace or None)
    searched = await _searched(served)
    return await served.reading.run(
        listed, request, served, searched, namespaces, cursor or None, limit, brief
    )


@router.get(
    "/vectors/{vector_id:path}",
    operation_id="getVector",
    openapi_extra=refuses("no-vector", *MODEL),
    summary="Read a vector",
)
async def read(
    served: Served, access: Reader, vector_id: VectorId, namespace: NamespaceQuery = None
) -> answers.Vector:
    """Return a vector, or the one of a photo or text."""
    searched = await _searched(served)
    found = await served.reading.run(
        read_either, served, searched, vector_id, access.within(namespace or None)
    )
    return answers.Vector(**found.to_dict())


@router.put(
    "/vectors/{vector_id:path}",
    operation_id="putVector",
    openapi_extra=refuses("vector", "conflict", *MODEL),
    summary="Store a vector under an id",
)
async def put(
    wanted: shapes.VectorBody,
    served: Served,
    access: Writer,
    vector_id: VectorId,
) -> answers.Vector:
    """Keep a vector under an id, whether there is one or not."""
    if wanted.id not in (None, "", vector_id):
        raise _twice("id", "has another id than the address: send it once")
    return await _keep(served, access, wanted, vector_id)


@router.delete(
    "/vectors/{vector_id:path}",
    operation_id="deleteVector",
    openapi_extra=refuses("no-vector", "conflict"),
    summary="Delete a vector",
    status_code=204,
    response_class=Response,
)
async def delete(
    served: Served, access: Writer, vector_id: VectorId, namespace: NamespaceQuery = None
) -> Response:
    """Forget a vector. Photos and texts are not deleted like this: delete their files."""
    await served.writing.run(delete_brought, served, vector_id, access.within(namespace or None))
    await served.look()
    return Response(status_code=204)


@router.get(
    "/embedder/stats",
    operation_id="getEmbedder",
    openapi_extra=refuses(*MODEL),
    summary="Describe the model",
)
async def stats(served: Served, _: Reader) -> answers.EmbedderStats:
    """Tell which model the library is searched with."""
    embedder = (await served.current()).choice.embedder
    return answers.EmbedderStats(
        type="starter" if embedder.name == "starter" else "clip",
        model=embedder.name,
        dimension=embedder.dimension,
        device=str(embedder.where),
        fingerprint=embedder.fingerprint,
    )


def _words(text: str) -> Parsed:
    """Return a query. Clients that know no grammar send what people type: it is never refused."""
    try:
        found = parse_query(text)
    except QueryError:
        return Parsed((Term("text", text),))
    terms = tuple(
        Term("text", term.value, term.weight) if term.kind == "image" else term
        for term in found.terms
    )
    return Parsed(terms, found.where)


async def _searched(served: ServerState) -> Searched | None:
    """Return model and vectors; None while nothing was ingested: vectors need no model."""
    try:
        return await served.current()
    except LibraryError:
        return None


async def _keep(
    served: ServerState,
    access: Access,
    wanted: shapes.VectorBody,
    vector_id: str | None,
) -> answers.Vector:
    if vector_id in _RESERVED:
        raise Problem(422, f"{vector_id!r} cannot be an id: it is a call.", "vector")
    names = {wanted.namespace, wanted.metadata.get("namespace")} - {None, ""}
    if len(names) > 1:
        raise _twice("namespace", "is another one in `metadata`: send it once")
    chosen = names.pop() if names else None
    target = access.target(chosen, served.settings.namespace)
    embedding = np.asarray(wanted.embedding, np.float32)
    return await _put(served, target, embedding, wanted.metadata, vector_id, access.namespaces)


def _twice(name: str, reason: str) -> Problem:
    return invalid([FieldProblem(pointer=f"#/{name}", field=f"body.{name}", reason=reason)])


async def _put(served: ServerState, *given: Any) -> answers.Vector:
    kept = await served.writing.run(put_vector, served.library, *given)
    await served.look()
    return answers.Vector(
        id=kept.id,
        embedding=kept.embedding.tolist(),
        metadata=dict(kept.metadata),
        created_at=kept.created_at,
        updated_at=kept.updated_at,
    )


def _scored(match: Match) -> dict[str, Any]:
    return {"vector": match.to_dict(), "score": match.score}


def _weights(options: shapes.TextOptions | None) -> tuple[float, float]:
    """Return how much the vector and the metadata count.

    Whatever is found has all the metadata that was asked for, so the latter is added to all.
    """
    given = None if options is None else options.hybrid_weight
    return (1.0, 0.0) if given is None else (given.vector, given.metadata)


def _result(match: Match, weights: tuple[float, float]) -> dict[str, Any]:
    said = match.metadata
    tags = [tag.strip() for tag in said.get("tags", said.get("labels", "")).split(",")]
    return {
        "id": match.id,
        "text": said.get("text", said.get("filename", "")),
        "author": said.get("author", ""),
        "year": said.get("year", said.get("taken_at", "")[:4]),
        "tags": [tag for tag in tags if tag],
        "score": weights[0] * (match.score or 0.0) + weights[1],
    }


async def _answer(served: ServerState, make: Any, *, is_short: bool = False) -> Response:
    def write() -> bytes:
        return json.dumps(make(), ensure_ascii=False, separators=(",", ":")).encode()

    # A thousand vectors are ten megabytes of JSON: not to be written by the event loop.
    body = write() if is_short else await served.reading.run(write)
    return Response(body, media_type="application/json")
