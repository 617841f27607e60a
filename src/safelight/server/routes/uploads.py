"""Route of uploads."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import UploadFile

from safelight import schemas as answers
from safelight.library.photos import known_ids
from safelight.server.auth import GuardedRoute, Writer
from safelight.server.dependencies import Served
from safelight.server.errors import Problem
from safelight.server.jobs.ingest import ingest_source
from safelight.server.jobs.uploads import UploadedSource, namespace_folder, take
from safelight.server.schemas.photos import NamespaceQuery
from safelight.server.state import ServerState
from safelight.server.unknown_input import check_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.server.jobs.uploads import Upload

router = APIRouter(prefix="/api/v1", tags=["photos"], route_class=GuardedRoute)

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "files": {
                            "description": "The photos; the name of each part is kept.",
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                    "required": ["files"],
                }
            }
        },
    }
}

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": answers.Uploads, "description": "None was taken, or all were known."},
}


@router.put(
    "/photos",
    operation_id="uploadPhotos",
    summary="Upload photos",
    status_code=201,
    openapi_extra=_BODY,
    responses=_ANSWERS,
)
async def upload(
    request: Request,
    response: Response,
    served: Served,
    access: Writer,
    namespace: NamespaceQuery = None,
    score: Annotated[
        bool | None,
        Query(
            description="Measure the quality of the photos; as the library's photos if not given.",
            examples=[True],
        ),
    ] = None,
    label: Annotated[
        bool | None,
        Query(
            description="Label the photos; as the library's photos if not given.", examples=[True]
        ),
    ] = None,
) -> answers.Uploads:
    """Put photos into the library, and answer when they can be found.

    Each file is taken or refused by itself. The same photo once more is not an error. They are
    measured and labelled if the library's photos are, with the same labels, unless you say
    otherwise.
    """
    target = access.target(namespace or None, served.settings.namespace)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise Problem(
            415, "Send the photos as multipart/form-data, in parts `files`.", "media-type"
        )
    limits = served.limits
    async with request.form(max_files=limits.upload_files, max_fields=10) as form:
        check_form(form, files=["files*"])
        files = [each for each in form.getlist("files") if isinstance(each, UploadFile)]
        if not files:
            raise Problem(400, "There is no photo in the form: name its parts `files`.", "no-image")
        taken = await asyncio.gather(*(_take(served, target, each) for each in files))
    good = [each for each in taken if each.code is None and each.path is not None]
    known = await served.reading.run(
        known_ids,
        served.library,
        [each.photo_id for each in good if each.photo_id],
        access.namespaces,
    )
    failed: dict[str, tuple[str, str]] = {}
    if good:
        failed = await served.writing.run(
            _ingest,
            served,
            target,
            good,
            score=score,
            label=label,
            afresh=access.namespaces is not None,
        )
        await served.look()
    response.status_code = 201 if any(each.photo_id not in known for each in good) else 200
    return answers.Uploads(
        photos=tuple(
            answers.Uploaded(
                name=each.name,
                photo_id=each.photo_id,
                path=each.path,
                new=each.code is None and each.path not in failed and each.photo_id not in known,
                code=each.code or failed.get(each.path or "", (None, None))[0],
                reason=each.reason or failed.get(each.path or "", (None, None))[1],
            )
            for each in taken
        )
    )


async def _take(served: ServerState, namespace: str, file: UploadFile) -> Upload:
    found: Upload = await served.decode(
        take,
        served.library,
        namespace,
        file.filename or "",
        file.file,
        max_bytes=served.limits.file_bytes,
        max_pixels=min(served.limits.pixels, served.settings.pixel_limit),
    )
    return found


def _ingest(
    served: ServerState, namespace: str, uploads: Sequence[Upload], **how: Any
) -> dict[str, tuple[str, str]]:
    """Ingest photos; return why some could not be, by path."""
    folder = namespace_folder(served.library, namespace)
    # What was there before may lie anywhere, and is in the library.
    paths = [
        each.path for each in uploads if each.path and os.path.dirname(each.path) == str(folder)
    ]
    ids = {each.photo_id for each in uploads if each.photo_id}
    source = UploadedSource(str(folder), tuple(dict.fromkeys(paths)))
    summary = ingest_source(served, source, namespace, retry_failed=True, only=ids, **how)
    return {each.path: (each.code, each.reason) for each in summary.failures}
