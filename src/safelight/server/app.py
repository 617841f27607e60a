"""The application: endpoints, errors in one shape, the page."""

from __future__ import annotations

import mimetypes
import sqlite3
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from safelight.errors import SafelightError
from safelight.library.damage import explain_database_error
from safelight.schemas import ProblemCode
from safelight.schemas.problems import OF_STATUS
from safelight.server import document
from safelight.server.allowed_methods import allowed_methods
from safelight.server.auth import GuardedRoute
from safelight.server.errors import Problem, ProblemResponse, of_error, of_problem, respond
from safelight.server.idempotency import KEY_PARAMETER
from safelight.server.lifespan import lifespan
from safelight.server.messages import field_problem
from safelight.server.middleware import Middleware
from safelight.server.routes import (
    changes,
    documentation,
    duplicates,
    features,
    images,
    jobs,
    photos,
    plans,
    session,
    signatures,
    sources,
    uploads,
    vectors,
)
from safelight.server.unknown_input import invalid

if TYPE_CHECKING:
    from safelight.server.auth import Access
    from safelight.server.state import ServerState

# What a machine's own tables say about these differs, and a browser runs no script of another type.
for suffix, kind in ((".js", "text/javascript"), (".css", "text/css"), (".svg", "image/svg+xml")):
    mimetypes.add_type(kind, suffix)

PAGE = Path(__file__).with_name("page")

_NO_TELEMETRY: Any = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


def create_app(service: ServerState) -> FastAPI:
    """Return the ASGI application of a service; its lifespan starts and stops the service."""
    app = FastAPI(
        title="safelight",
        summary=document.SUMMARY,
        description=document.DESCRIPTION,
        version=version("safelight"),
        license_info=document.LICENSE,
        servers=document.SERVERS,
        openapi_tags=document.TAGS,
        lifespan=lambda _: lifespan(service),
        docs_url=None,
        redoc_url=None,
        exception_handlers={
            SafelightError: _refused,
            sqlite3.DatabaseError: _broken,
            RequestValidationError: _invalid,
            HTTPException: _http,
            UnicodeEncodeError: _half_character,
        },
        telemetry=_NO_TELEMETRY,
    )
    app.state.service = service
    for each in (
        session,
        photos,
        changes,
        images,
        signatures,
        uploads,
        jobs,
        vectors,
        duplicates,
        plans,
        features,
        sources,
        documentation,
    ):
        app.include_router(each.router)
    app.mount("/static", StaticFiles(directory=PAGE, check_dir=False), name="static")
    app.add_api_route("/", _page, include_in_schema=False)
    _describe(app)
    app.add_middleware(Middleware, service=service)
    return app


async def _page() -> FileResponse:
    return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})


def _describe(app: FastAPI) -> None:
    """Complete what FastAPI writes of the API by what it cannot know."""
    written = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            keyed = {each.operation_id for each in _routes(app) if each.takes_key}
            whole = written()
            for _, operation in document.operations(whole):
                if operation["operationId"] in keyed:
                    operation.setdefault("parameters", []).append(dict(KEY_PARAMETER))
            app.openapi_schema = document.complete(whole)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _routes(app: FastAPI) -> list[GuardedRoute]:
    return [each for each in app.routes if isinstance(each, GuardedRoute)]


async def _refused(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, SafelightError)
    return of_error(error, restricted=_is_restricted(request))


def _is_restricted(request: Request) -> bool:
    access: Access | None = request.scope.get("access")
    return access is not None and access.namespaces is not None


async def _broken(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, sqlite3.DatabaseError)
    library = request.app.state.service.library.path
    return of_error(explain_database_error(library, error), restricted=_is_restricted(request))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Problem):
        return of_problem(error, restricted=_is_restricted(request))
    # Starlette's own, whose words are the status once more.
    code = OF_STATUS.get(error.status_code, ProblemCode.BAD_REQUEST)
    headers = dict(error.headers or {})
    detail = f"{str(error.detail).rstrip('.')}."
    if error.status_code == 404:
        detail = "The API has no such address. `GET /docs` lists all calls."
    if error.status_code == 405:
        headers["Allow"] = allowed_methods(request)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        detail = f"This address takes {headers['Allow']} only."
    return respond(detail, code, status=error.status_code, headers=headers)


async def _half_character(_: Request, __: Exception) -> ProblemResponse:
    # JSON can write half a character; neither the library nor an answer can.
    return respond(
        "The request has half a character in it (a lone surrogate).", ProblemCode.INVALID
    )


async def _invalid(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)
    # Not what was sent: it may be a secret in the wrong place.
    found = error.errors()
    is_json = "json" in request.headers.get("content-type", "json")
    if not is_json and any(tuple(each["loc"]) == ("body",) for each in found):
        detail = "The body is not JSON; send it as Content-Type: application/json."
        return respond(detail, ProblemCode.MEDIA_TYPE)
    field = getattr(request.scope.get("route"), "body_field", None)
    model = field and field.field_info.annotation
    return of_problem(invalid([field_problem(each, model) for each in found]))
