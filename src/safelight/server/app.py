"""The application: endpoints, errors in one shape, the page."""

from __future__ import annotations

import mimetypes
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from safelight import __version__
from safelight.errors import SafelightError
from safelight.library.damage import explain_database_error
from safelight.server import document
from safelight.server.allowed_methods import allowed_methods
from safelight.server.errors import (
    ProblemResponse,
    of_error,
    respond,
)
from safelight.server.lifespan import lifespan
from safelight.server.middleware import Middleware
from safelight.server.routes import (
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
from safelight.server.schemas.messages import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        version=__version__,
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
            app.openapi_schema = document.complete(written())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


async def _refused(_: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, SafelightError)
    return of_error(error)


async def _broken(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, sqlite3.DatabaseError)
    return of_error(explain_database_error(request.app.state.service.library.path, error))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        error.headers = {**(error.headers or {}), "Allow": allowed_methods(request)}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=error.headers)
    code = getattr(error, "code", "http")
    return respond(error.status_code, str(error.detail), code, headers=error.headers)


async def _half_character(_: Request, __: Exception) -> ProblemResponse:
    # JSON can write half a character; neither the library nor an answer can.
    return respond(422, "The request has half a character in it (a lone surrogate).", "invalid")


async def _invalid(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)
    # Not what was sent: it may be a secret in the wrong place.
    is_json = "json" in request.headers.get("content-type", "json")
    errors = [_wrong(each, is_json=is_json) for each in error.errors()]
    first = errors[0] if errors else {"field": "body", "reason": "cannot be read"}
    detail = f"{_named(first['field'])} {first['reason']}."
    return respond(422, detail, "invalid", errors=errors)


def _named(field: str) -> str:
    """Return how a field is called by those who fill it in: without where it was sent."""
    place, _, name = field.partition(".")
    if place not in ("body", "query", "path", "header", "cookie"):
        name = field  # a form whose field is JSON
    return f"`{name}`" if name else "The request"


def _wrong(found: Mapping[str, Any], *, is_json: bool) -> dict[str, str]:
    """Return which field of a request is wrong, and how."""
    where = [str(part) for part in found["loc"]]
    if found["type"] == "json_invalid":
        at = f" at character {where[-1]}" if len(where) > 1 else ""
        return {"field": "body", "reason": f"is not JSON{at}: {found['ctx']['error']}"}
    if where == ["body"] and not is_json:
        return {"field": "body", "reason": "is not JSON; send it as Content-Type: application/json"}
    return {"field": ".".join(where) or "body", "reason": plain(found)}
