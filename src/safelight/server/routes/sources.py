"""Sources: list, move and forget ingested folders and lists."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter
from pydantic import Field

from safelight.api import forget, move_source
from safelight.api.sources import page_of_sources
from safelight.errors import LibraryError, UsageError
from safelight.ingest.sources.entry import is_inside
from safelight.library.files import page_of_failures
from safelight.library.sources import KINDS, place_of, read_sources
from safelight.schemas import Failure, FailureList, Forgotten, Moved, Source, SourceList
from safelight.server.auth import Reader, Writer
from safelight.server.client_texts import for_clients
from safelight.server.dependencies import Served
from safelight.server.document import refuses
from safelight.server.errors import Problem
from safelight.server.etags import TaggedRoute, tagged
from safelight.server.filters import known_namespace
from safelight.server.schemas.photos import (
    CursorQuery,
    Given,
    LimitQuery,
    Namespace,
    NamespaceQuery,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.api import Forgotten as ForgottenRows
    from safelight.api import Moved as MovedSource
    from safelight.api.sources import SourceStatus
    from safelight.library.database import Database
    from safelight.server.auth import Access
    from safelight.server.state import ServerState

router = APIRouter(prefix="/api/v1", tags=["sources"], route_class=TaggedRoute)

_Place = Annotated[str, Field(min_length=1, max_length=4096)]


class MoveRequest(Given):
    """A folder or file, and where it is now."""

    old: _Place = Field(
        description="Absolute path before, with or without `images:`.", examples=["/media/old"]
    )
    new: _Place = Field(
        description="Absolute path now, in a folder that the server may read.",
        examples=["/media/new"],
    )
    namespace: Namespace | None = Field(
        default=None,
        description="Only sources of this namespace; of all if null.",
        examples=["default"],
    )
    dry_run: bool = Field(default=False, description="Only count.", examples=[True])


class ForgetRequest(Given):
    """Request to forget paths and sources, a namespace, missing files, or a label set."""

    paths: list[_Place] = Field(
        default=[],
        max_length=1000,
        description="Absolute paths, or sources as they are listed.",
        examples=[["/media/old"]],
    )
    namespace: Namespace | None = Field(
        default=None,
        description="Only in this namespace; without paths and `missing`, all of it.",
        examples=["phone"],
    )
    missing: bool = Field(
        default=False, description="Only files that are missing.", examples=[True]
    )
    label_set: str | None = Field(
        default=None,
        max_length=200,
        description="Version of a label set, or how it begins.",
        examples=["3f2a9c"],
    )
    decisions: bool = Field(
        default=False, description="Also the decisions about the photos.", examples=[False]
    )
    dry_run: bool = Field(default=False, description="Only count.", examples=[True])


#: Counts that tell whether another namespace has the same photos.
_SHARED = (
    "photos", "texts", "vectors", "scores", "labelled", "hashes", "edges", "features", "decisions",
)  # fmt: skip


@router.get("/sources", operation_id="listSources", summary="List sources")
@tagged("answer")
async def sources(
    served: Served,
    access: Reader,
    namespace: NamespaceQuery = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 100,
) -> SourceList:
    """Return the sources, with the number of their files, in the order of their coming."""
    namespaces = access.within(namespace or None)
    await known_namespace(served, access, namespace)
    found, following = await served.reading.run(
        page_of_sources, served.library, namespaces, limit=limit, cursor=cursor or None
    )
    return SourceList(sources=tuple(_shape(each) for each in found), next=following)


@router.get("/failures", operation_id="listFailures", summary="List files that failed")
@tagged("library")
async def failures(
    served: Served,
    access: Reader,
    namespace: NamespaceQuery = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 100,
) -> FailureList:
    """Return the files that could not be ingested, and why."""
    namespaces = access.within(namespace or None)
    await known_namespace(served, access, namespace)
    found, following = await served.reading.run(
        page_of_failures, served.library, namespaces, limit=limit, cursor=cursor or None
    )
    return FailureList(
        failures=tuple(
            Failure(
                path=each.path,
                namespace=each.namespace,
                code=each.code,
                reason=for_clients(each.reason, restricted=access.namespaces is not None),
                failed_at=each.failed_at,
            )
            for each in found
        ),
        next=following,
    )


@router.post(
    "/sources/move",
    operation_id="moveSource",
    openapi_extra=refuses("unknown-path", "outside", "usage", "source"),
    summary="Tell that a folder moved",
)
async def move(wanted: MoveRequest, served: Served, access: Writer) -> Moved:
    """Tell the library that a folder or file is at another path now; no file is touched.

    The new path has to lie in a folder that the server was started with (`--root`). Not for tokens
    of some namespaces.
    """
    moved = await served.writing.run(_move, served, wanted, access)
    await served.look()
    return Moved(**{**asdict(moved), "sources": list(moved.sources)})


@router.post(
    "/forget",
    operation_id="forget",
    openapi_extra=refuses("unknown-path", "nameless", "no-label-set", "usage"),
    summary="Forget files, sources or a namespace",
)
async def forget_known(wanted: ForgetRequest, served: Served, access: Writer) -> Forgotten:
    """Forget files, folders, sources, a namespace or a label set; no photo file is touched."""
    forgotten = await served.writing.run(_forget, served, wanted, access)
    await served.look()
    found = {**asdict(forgotten), "returning": list(forgotten.returning)}
    if access.namespaces is not None:
        found |= dict.fromkeys(_SHARED)
    return Forgotten(**found)


def _shape(found: SourceStatus) -> Source:
    return Source(
        namespace=found.source.namespace,
        source=found.source.spec,
        there=found.is_there,
        files=found.files,
        missing=found.missing,
        excluded=found.excluded,
        ingested_at=found.source.ingested_at,
        options=dict(found.source.options),
    )


def _move(served: ServerState, wanted: MoveRequest, access: Access) -> MovedSource:
    access.within(wanted.namespace or None)
    if access.namespaces is not None:
        raise Problem(
            403, "A token for some namespaces may not name folders of the server.", "outside"
        )
    old, new = _absolute(wanted.old), _absolute(wanted.new)
    if not is_inside(new, served.options.roots):
        raise Problem(
            403,
            "This does not lie in a folder that the server may read. Start it with --root FOLDER "
            "to allow one.",
            "outside",
        )
    return move_source(
        served.library, old, new, namespace=wanted.namespace or None, dry_run=wanted.dry_run
    )


def _forget(served: ServerState, wanted: ForgetRequest, access: Access) -> ForgottenRows:
    namespace = wanted.namespace or None
    access.within(namespace)
    if access.namespaces is not None:
        if wanted.label_set is not None:
            raise Problem(
                403, "A label set is for all namespaces, and this token is not.", "namespace"
            )
        if namespace is None and (wanted.paths or wanted.missing):
            if len(access.namespaces) > 1:
                raise Problem(
                    400,
                    f"Name the namespace. This token allows {', '.join(access.namespaces)}.",
                    "nameless",
                )
            namespace = access.namespaces[0]
    _check(served.library, wanted.paths, namespace)
    return forget(
        served.library,
        wanted.paths,
        namespace=namespace,
        missing=wanted.missing,
        label_set=wanted.label_set,
        decisions=wanted.decisions,
        dry_run=wanted.dry_run,
    )


def _check(library: Database, paths: Sequence[str], namespace: str | None) -> None:
    """Raise unless all are absolute paths or known sources: nothing else is opened for a client."""
    known = {each.spec for each in read_sources(library, namespace)}
    for path in paths:
        if path in known:
            continue
        kind, _ = place_of(path)
        if kind == "image-list" or path == "demo":
            raise LibraryError(
                f"The library has no source {path}. `GET /api/v1/sources` lists them.",
                code="unknown-path",
                path=path,
            )
        _absolute(path)


def _absolute(given: str) -> str:
    kind, _, rest = given.partition(":")
    path = rest if kind in KINDS else given
    if "\0" in path or not os.path.isabs(path):
        raise UsageError(f"{given!r} is not an absolute path.", path=given)
    return path
