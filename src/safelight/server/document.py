"""The OpenAPI document: what FastAPI writes of the routes, completed by what it cannot know.

Rights, refusals, links between calls, and the words around them. A route names its right by what it
depends on (:class:`safelight.server.auth.GuardedRoute`), and its own refusals with :func:`refuses`;
those that every call of its kind can meet are added here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from safelight.schemas import ProblemCode, ProblemDetails
from safelight.server.schemas.photos import PhotoSearch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import BaseModel


SUMMARY = "Search photos by meaning, on your own machine."

DESCRIPTION = """\
One index over your photos: search them, label them, find duplicates and organise them.

**Tokens.** A server that others can reach asks for `Authorization: Bearer TOKEN`; `safelight token
create` makes one. A token may read, or read and write, in all namespaces or in some. A server that
only its own machine can reach asks for none.

**Errors** are problem details (RFC 9457). `code` is stable and made for programs; `detail` is for
people. Each call lists its codes.

**Values.** Every field of an answer is always there, and null where there is nothing; the calls
under *vectors* keep the shapes of older clients, and may leave fields out. A moment is UTC, with
`Z`. The time at which a photo was taken is local time by the camera's clock (`taken_at`), with its
offset beside it where the camera wrote one (`taken_offset`).

**Versions.** What is under `/api/v1` keeps its meaning. New fields, calls and optional parameters
may be added: pass over fields that you do not know. What is going to end says so in the headers
`Deprecation` and `Sunset`, for at least one minor release.
"""

LICENSE = {"name": "MIT", "identifier": "MIT"}

SERVERS = [{"url": "/", "description": "The server that this document comes from."}]

TAGS = [
    {"name": "search", "description": "Find photos by words and by other photos."},
    {"name": "photos", "description": "Photos of the library: lists, facts, pictures, uploads."},
    {"name": "duplicates", "description": "Groups of related photos, and decisions about them."},
    {"name": "plans", "description": "File operations for duplicates: plan, apply, undo."},
    {"name": "jobs", "description": "Work that takes longer than a request, and its progress."},
    {"name": "sources", "description": "Ingested folders and lists: show, move, forget."},
    {
        "name": "vectors",
        "description": "Vectors of clients, and searches over photos, texts and vectors together, "
        "in the calls of same-same's clients.",
    },
    {"name": "features", "description": "Labels and quality for the batches of a pipeline."},
    {"name": "server", "description": "The server itself: health, rights, limits, metrics."},
]

_CODES = {code.value: code for code in ProblemCode}

#: Codes of calls that use the model.
MODEL = ("empty-library", "space", "model-unavailable", "model-invalid", "model-unusable",
         "out-of-memory")  # fmt: skip

#: Codes of calls that open one photo.
PHOTO = ("empty", "truncated", "corrupt", "not-an-image", "unsupported", "missing-extra",
         "too-large", "no-preview", "not-a-file", "missing", "permission", "symlink-loop",
         "bad-name", "io")  # fmt: skip

_ALWAYS = (
    "bad-token", "origin", "host", "invalid", "large-head", "internal", "stopped", "timeout",
)  # fmt: skip
_GUARDED = ("no-token", "busy", "library", "damaged", "disk", "no-library", "library-too-new",
            "library-busy", "error", "settings")  # fmt: skip
_WRITING = ("read-only", "library-read-only")
_BODY = ("bad-request", "slow-body", "body-too-large", "media-type", "busy")

#: Codes of calls that have a parameter.
_NAMED = {
    "photo_id": ("no-photo", "changed"),
    "job_id": ("no-job",),
    "plan_id": ("no-plan", "plan"),
    "group": ("no-group", "comparing"),
    "vector_id": ("no-vector",),
    "Idempotency-Key": ("idempotency-key", "conflict"),
}

_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of `safelight token create`. The right that a call needs stands beside "
    "it: `read` or `write`; who may write may read. A token for some namespaces sees only those.",
}

#: Calls that take what another answers: operation, status, parameter, place of its value, calls.
_LINKS = (
    ("listPhotos", "200", "photo_id", "/photos/0/photo_id",
     ("getPhoto", "getThumbnail", "getPicture", "getOriginal")),
    ("searchPhotos", "200", "photo_id", "/hits/0/photo_id", ("getPhoto", "getThumbnail")),
    ("uploadPhotos", "201", "photo_id", "/photos/0/photo_id", ("getPhoto", "getOriginal")),
    ("startIngest", "202", "job_id", "/id", ("getJob", "cancelJob", "streamJobEvents")),
    ("listJobs", "200", "job_id", "/jobs/0/id", ("getJob",)),
    ("listDuplicates", "200", "group", "/groups/0/group", ("getDuplicates", "decideDuplicates")),
    ("decideDuplicates", "200", "group", "/group", ("withdrawDecision",)),
    ("createPlan", "201", "plan_id", "/id", ("getPlan", "applyPlan", "deletePlan")),
    ("listPlans", "200", "plan_id", "/plans/0/id", ("getPlan",)),
    ("applyPlan", "200", "plan_id", "/id", ("undoPlan",)),
    ("createVector", "201", "vector_id", "/id", ("getVector", "putVector", "deleteVector")),
    ("embedText", "201", "vector_id", "/id", ("getVector", "deleteVector")),
)  # fmt: skip


def refuses(*codes: str) -> dict[str, Any]:
    """Return what a route passes as ``openapi_extra`` to name the codes of its own refusals."""
    return {"x-problems": [_CODES[code].value for code in codes]}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document that FastAPI wrote, with what it does not know."""
    schemas = document["components"]["schemas"]
    schemas |= _schemas(PhotoSearch, "validation") | _schemas(ProblemDetails, "serialization")
    for _, operation in operations(document):
        _tidy_parameters(operation)
        _name_answers(operation, schemas)
        _refuse(operation)
    for schema in [*schemas.values(), *_inline(document)]:
        _tidy(schema)
    for name, schema in schemas.items():
        schema["title"] = name
    document["components"]["securitySchemes"] = {"token": _TOKEN}
    _link(document)
    _prune(document)
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each operation with its method and path, as in ``GET /api/v1/photos``."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def _schemas(kind: type[BaseModel], mode: Literal["validation", "serialization"]) -> dict[str, Any]:
    """Return a schema that no route names to FastAPI, with those that it refers to."""
    schema = kind.model_json_schema(ref_template="#/components/schemas/{model}", mode=mode)
    return {**schema.pop("$defs", {}), kind.__name__: schema}


def _tidy_parameters(operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        # What is in an address is there or not; it cannot be null.
        kinds = [kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]
        if len(kinds) == 1:
            del schema["anyOf"]
            schema |= kinds[0]
        elif kinds:
            schema["anyOf"] = kinds
        schema.pop("title", None)
        schema.pop("description", None)  # of the parameter already


def _name_answers(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    for response in operation["responses"].values():
        if response.get("description") not in (None, "Successful Response"):
            continue
        found = [each.get("schema", {}) for each in response.get("content", {}).values()]
        name = found[0].get("$ref", "").rpartition("/")[2] if found else ""
        said = schemas.get(name, {}).get("description", "It was done.").partition("\n")[0]
        response["description"] = said


def _refuse(operation: dict[str, Any]) -> None:
    """Add the refusals that an operation can meet: status, codes and their meaning."""
    codes = [*_ALWAYS, *operation.pop("x-problems", ())]
    rights = {right for each in operation.get("security", ()) for right in each.get("token", ())}
    names = {each["name"] for each in operation.get("parameters", ())}
    if rights:
        codes += _GUARDED
        if operation["tags"] != ["server"]:
            codes.append("namespace")
        codes += ["usage"]
    if names & {"cursor", "since"} or "search" in operation["tags"]:
        codes += ("cursor", "cursor-expired")
    codes += [code for name in names & _NAMED.keys() for code in _NAMED[name]]
    if "write" in rights:
        codes += _WRITING
    if "namespace" in names:
        codes += ("namespace", "no-namespace")
    if "requestBody" in operation:
        codes += _BODY
    responses = operation["responses"]
    for status in ("422", "4XX", "5XX"):
        responses.pop(status, None)
    for status, members in _by_status(codes).items():
        responses[status] = {
            "description": " ".join(f"`{code}`: {code.meaning}" for code in members),
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/ProblemDetails"}
                }
            },
        }
    operation["responses"] = dict(sorted(responses.items()))


def _by_status(codes: Iterable[str]) -> dict[str, list[ProblemCode]]:
    found: dict[str, list[ProblemCode]] = {}
    for code in sorted({_CODES[each] for each in codes}):
        found.setdefault(str(code.status), []).append(code)
    return found


def _inline(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the schemas of bodies that stand in their operation."""
    for _, operation in operations(document):
        for body in (operation.get("requestBody", {}), *operation["responses"].values()):
            for media in body.get("content", {}).values():
                if "schema" in media:
                    yield media["schema"]


def _tidy(schema: Any) -> None:
    """Take away what helps nobody, in a schema and those in it.

    The titles that pydantic makes of field names name nothing, and repeat. A default makes
    openapi-typescript ask for the field, so it is told in words.
    """
    if not isinstance(schema, dict):
        return
    schema.pop("title", None)
    needed = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        default = each.pop("default", None)
        if default not in (None, "", [], {}) and name not in needed:
            each["description"] = f"{each.get('description', '')} Default: `{_json(default)}`."
        _tidy(each)
    for key in ("items", "additionalProperties", "propertyNames"):
        _tidy(schema.get(key))
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for each in schema.get(key, ()):
            _tidy(each)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _link(document: dict[str, Any]) -> None:
    by_id = {operation["operationId"]: operation for _, operation in operations(document)}
    for source, status, parameter, pointer, targets in _LINKS:
        if source not in by_id:
            continue
        response = by_id[source]["responses"][status]
        for target in targets:
            if target in by_id:
                response.setdefault("links", {})[target] = {
                    "operationId": target,
                    "parameters": {parameter: f"$response.body#{pointer}"},
                    "description": f"{by_id[target]['summary']} of this answer.",
                }


def _prune(document: dict[str, Any]) -> None:
    """Take away the schemas that nothing refers to."""
    schemas = document["components"]["schemas"]
    used: set[str] = set()
    waiting = list(_references(document["paths"]))
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting += _references(schemas[name])
    document["components"]["schemas"] = {
        name: schema for name, schema in sorted(schemas.items()) if name in used
    }


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref" and isinstance(each, str):
                yield each.rpartition("/")[2]
            else:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
