"""Route of uploads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import UploadFile

from safelight import schemas as answers
from safelight.server.auth import Access, GuardedRoute, Writer
from safelight.server.client_texts import for_clients
from safelight.server.dependencies import Served
from safelight.server.document import MODEL, refuses
from safelight.server.errors import Problem
from safelight.server.idempotency import operation_id
from safelight.server.job_answers import job_answer, uploaded
from safelight.server.jobs.upload_job import add_upload, ingest_uploads, upload_request
from safelight.server.jobs.uploads import take
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
    200: {"model": answers.Uploads, "description": "The library had all of them."},
    207: {"model": answers.Uploads, "description": "Some were refused: see `code` and `reason`."},
}

ScoreQuery = Annotated[
    bool | None,
    Query(
        description="Measure the quality of the photos; as the library's photos if not given.",
        examples=[True],
    ),
]
LabelQuery = Annotated[
    bool | None,
    Query(description="Label the photos; as the library's photos if not given.", examples=[True]),
]


@router.put(
    "/photos",
    operation_id="uploadPhotos",
    summary="Upload photos",
    status_code=201,
    openapi_extra={**_BODY, **refuses("no-image", "usage", *MODEL)},
    responses=_ANSWERS,
)
async def upload(
    request: Request,
    response: Response,
    served: Served,
    access: Writer,
    namespace: NamespaceQuery = None,
    score: ScoreQuery = None,
    label: LabelQuery = None,
) -> answers.Uploads:
    """Put photos into the library, and answer when they can be found.

    Each file is taken or refused by itself: 201 if some are new, 200 if the library had all, 207 if
    some were refused, and 422 with the reasons if all were. The same photo once more is not an
    error. They are measured and labelled if the library's photos are, with the same labels, unless
    you say otherwise.
    """
    target, taken = await _received(request, served, access, namespace)
    wanted = await served.reading.run(
        upload_request, served, taken, access.namespaces, score=score, label=label
    )
    summary = await served.writing.run(
        ingest_uploads, served, target, taken, score=score, label=label, afresh=wanted["afresh"]
    )
    await served.look()
    failures = [
        {"path": each.path, "code": each.code, "reason": for_clients(each.reason)}
        for each in summary.failures
    ]
    photos = uploaded(wanted, failures)
    _require_one(photos)
    if any(each.code for each in photos):
        response.status_code = 207
    else:
        response.status_code = 201 if any(each.new for each in photos) else 200
    return answers.Uploads(photos=photos)


@router.post(
    "/uploads",
    operation_id="startUpload",
    summary="Upload photos as a job",
    status_code=202,
    openapi_extra=_BODY,
)
async def start_upload(
    request: Request,
    response: Response,
    served: Served,
    access: Writer,
    namespace: NamespaceQuery = None,
    score: ScoreQuery = None,
    label: LabelQuery = None,
) -> answers.Job:
    """Store photos, and put them into the library as a job.

    When the answer comes, the photos are checked and on the server's disk, and are ingested even if
    it is stopped. `photos` of the job tells what came of each file. It is 422 with the reasons if
    all were refused. With an `Idempotency-Key`, or without, it is safe to send again.
    """
    target, taken = await _received(request, served, access, namespace)
    wanted = await served.reading.run(
        upload_request, served, taken, access.namespaces, score=score, label=label
    )
    job = await served.reading.run(add_upload, served, target, wanted, operation_id())
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return job_answer(job, access)


async def _received(
    request: Request, served: ServerState, access: Access, namespace: str | None
) -> tuple[str, list[Upload]]:
    """Return the namespace, and the photos of a form, each checked and stored, or refused.

    Raises
    ------
    Problem
        With 422: all were refused.
    """
    target = access.target(namespace or None, served.settings.namespace)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise Problem(
            415, "Send the photos as multipart/form-data, in parts `files`.", "media-type"
        )
    async with request.form(max_files=served.limits.upload_files, max_fields=10) as form:
        check_form(form, files=["files*"])
        files = [each for each in form.getlist("files") if isinstance(each, UploadFile)]
        if not files:
            raise Problem(400, "There is no photo in the form: name its parts `files`.", "no-image")
        taken = list(await asyncio.gather(*(_take(served, target, each) for each in files)))
    _require_one(taken)
    return target, taken


def _require_one(files: Sequence[Upload | answers.Uploaded]) -> None:
    """Raise Problem if all files were refused."""
    if not all(each.code for each in files):
        return
    first = files[0]
    others = f"; {len(files) - 1} more in `errors`" if len(files) > 1 else ""
    raise Problem(
        422,
        f"No photo was taken: {first.name!r} {first.reason}{others}.",
        "upload-refused",
        errors=[
            answers.FieldProblem(
                pointer=f"#/files/{number}",
                field=f"body.files.{number}",
                reason=f"{each.name!r} {each.reason}",
                code=each.code,
            )
            for number, each in enumerate(files)
        ],
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
