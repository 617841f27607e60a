"""Routes about the server: version and rights, size of the library, health."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from safelight import schemas as answers
from safelight.errors import SafelightError
from safelight.library.facets import facets as read_facets
from safelight.library.files import counts
from safelight.library.ingested_sources import remembered
from safelight.search.completion import complete
from safelight.server.auth import Access, GuardedRoute, Reader
from safelight.server.dependencies import Served
from safelight.server.document import refuses
from safelight.server.errors import Problem
from safelight.server.filters import known_namespace
from safelight.server.metrics import CONTENT_TYPE
from safelight.server.schemas.photos import NamespaceQuery
from safelight.server.state import ServerState

router = APIRouter(route_class=GuardedRoute)

#: Sources that a session names; whoever has more knows them by heart.
_MOST_SOURCES = 100


@router.get("/health", tags=["server"], operation_id="checkHealth", summary="Check health")
@router.get(
    "/api/v1/health", tags=["server"], operation_id="getHealth", summary="Check health of the API"
)
async def health() -> answers.Health:
    """Tell that the server is alive."""
    return answers.Health(status=answers.HealthStatus.HEALTHY)


_NUMBERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.get(
    "/metrics",
    tags=["server"],
    operation_id="getMetrics",
    openapi_extra=refuses("namespace"),
    summary="Read metrics",
    response_class=Response,
    responses=_NUMBERS,
)
async def metrics(served: Served, access: Reader) -> Response:
    """Return counts and times in Prometheus's format; not for tokens of some namespaces."""
    if access.namespaces is not None:
        raise Problem(403, "A token for some namespaces may not see what all do.", "namespace")
    return Response(served.metrics.text(), media_type=CONTENT_TYPE)


@router.get(
    "/api/v1/session", tags=["server"], operation_id="getSession", summary="Read rights and limits"
)
async def session(request: Request, served: Served) -> answers.Session:
    """Return the server's version and limits, and the client's rights; needs no token."""
    access: Access = request.scope["access"]
    size = answers.LibrarySize(photos=0, texts=0)
    model = None
    if access.may_read:
        size = await served.reading.run(_size, served, access)
        try:
            embedder = (await served.current()).choice.embedder
            model = answers.Model(
                name=embedder.name,
                dimension=embedder.dimension,
                is_starter=embedder.name == "starter",
            )
        except SafelightError:  # nothing was ingested yet, or the model is not available
            model = None
    return answers.Session(
        version=version("safelight"),
        authenticated=access.token is not None,
        token_needed=served.options.needs_token,
        may_write=access.may_write,
        namespaces=None if access.namespaces is None else tuple(access.namespaces),
        library=size,
        model=model,
        max_upload_bytes=served.limits.upload_bytes,
        max_pixels=served.limits.pixels,
        roots=tuple(served.options.roots) if access.may_write and not access.namespaces else (),
        sources=await served.reading.run(_sources, served, access) if access.may_write else (),
    )


@router.get(
    "/api/v1/facets", tags=["photos"], operation_id="getFacets", summary="List filter values"
)
async def facets(
    served: Served,
    access: Reader,
    namespace: NamespaceQuery = None,
) -> answers.Facets:
    """Return the values that photos can be filtered by."""
    namespaces = access.within(namespace or None)
    await known_namespace(served, access, namespace)
    found = await served.reading.run(
        served.kept,
        ("facets", namespaces),
        lambda: read_facets(served.library, namespaces),
    )
    return answers.Facets(
        namespaces=tuple(
            answers.NameCount(name=name, count=count) for name, count in found.namespaces
        ),
        cameras=tuple(answers.NameCount(name=name, count=count) for name, count in found.cameras),
        labels=tuple(answers.LabelCount(label=name, count=count) for name, count in found.labels),
        metrics=found.metrics,
        taken=None
        if found.taken is None
        else answers.Taken(first=found.taken[0][:19], last=found.taken[1][:19]),
    )


@router.get(
    "/api/v1/complete", tags=["search"], operation_id="completeQuery", summary="Complete a query"
)
async def complete_query(
    served: Served,
    access: Reader,
    q: Annotated[
        str,
        Query(
            max_length=4000,
            description="The query up to where it is typed.",
            examples=["a dog camera:ca"],
        ),
    ] = "",
    namespace: NamespaceQuery = None,
    limit: Annotated[
        int, Query(ge=1, le=50, description="Maximum of completions.", examples=[10])
    ] = 10,
) -> answers.CompletionList:
    """Return names of filters, or values with how many photos have them."""
    await known_namespace(served, access, namespace)
    found = await served.reading.run(
        partial(
            complete,
            served.library,
            q,
            namespaces=access.within(namespace or None),
            limit=limit,
        )
    )
    return answers.CompletionList(
        completions=tuple(answers.Completion(**asdict(each)) for each in found)
    )


def _size(served: ServerState, access: Access) -> answers.LibrarySize:
    def count() -> answers.LibrarySize:
        if access.namespaces is None:
            found = [counts(served.library)]
        else:
            found = [counts(served.library, name) for name in access.namespaces]
        return answers.LibrarySize(
            photos=sum(each.photos for each in found), texts=sum(each.texts for each in found)
        )

    size: answers.LibrarySize = served.kept(("size", access.namespaces), count)
    return size


def _sources(served: ServerState, access: Access) -> tuple[str, ...]:
    specs = (
        spec
        for namespace, spec, _ in remembered(served.library)
        if access.namespaces is None or namespace in access.namespaces
    )
    return tuple(islice(specs, _MOST_SOURCES))
