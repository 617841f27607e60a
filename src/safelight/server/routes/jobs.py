"""Routes of jobs: ingests of the server's own folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from safelight import schemas as answers
from safelight.errors import LibraryError
from safelight.library.state.jobs import page_of_jobs
from safelight.server import forms
from safelight.server.auth import Access, Reader, Writer
from safelight.server.client_texts import for_clients, name_for
from safelight.server.dependencies import Served
from safelight.server.etags import TaggedRoute, tagged
from safelight.server.event_stream import Event, event_stream
from safelight.server.job_runner import is_finished
from safelight.server.jobs.ingest import add_ingest
from safelight.server.schemas import photos
from safelight.server.schemas.photos import CursorQuery, LimitQuery
from safelight.server.state import ServerState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.library.state.jobs import Job

router = APIRouter(prefix="/api/v1", tags=["jobs"], route_class=TaggedRoute)

JobId = Annotated[
    str,
    Path(
        pattern=forms.JOB,
        description="Id of the job.",
        examples=["0b5f8c6a4c1d4f0e9a7b3c2d1e0f9a8b"],
    ),
]

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "Events `progress` while it runs, then `done`; the data are the job.",
    },
    204: {"description": "The client was told the end already."},
}


@router.post("/ingest", operation_id="startIngest", summary="Start an ingest", status_code=202)
async def ingest(
    wanted: photos.Ingest, response: Response, served: Served, access: Writer
) -> answers.Job:
    """Bring the library up to date with a folder, a list or a file of texts on the server.

    It has to lie in a folder that the server was started with (`--root`), or to have been
    ingested before.
    """
    namespace = access.target(wanted.namespace or None, served.settings.namespace)
    job = await served.reading.run(
        add_ingest, served, namespace, wanted.model_dump(), access.namespaces
    )
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return _shape(job, access)


@router.get("/jobs", operation_id="listJobs", summary="List jobs")
@tagged("answer")
async def jobs(
    served: Served, access: Reader, cursor: CursorQuery = None, limit: LimitQuery = 50
) -> answers.Jobs:
    """Return jobs, the newest first."""

    def read() -> answers.Jobs:
        found, following = page_of_jobs(
            served.library, limit=limit, cursor=cursor or None, namespaces=access.namespaces
        )
        # From memory where a job is at work: what the library has is a second old.
        now = [served.jobs.get(job.id) for job in found]
        return answers.Jobs(jobs=tuple(_shape(job, access) for job in now), next=following)

    return await served.reading.run(read)


@router.get("/jobs/{job_id}", operation_id="getJob", summary="Read a job")
async def job(served: Served, access: Reader, job_id: JobId) -> answers.Job:
    """Return how far a job is."""
    return _shape(await _job(served, access, job_id), access)


@router.delete("/jobs/{job_id}", operation_id="cancelJob", summary="Cancel a job")
async def cancel(served: Served, access: Writer, job_id: JobId) -> answers.Job:
    """End a job; what it did is kept. One that has ended stays as it is."""
    await _job(served, access, job_id)
    return _shape(await served.reading.run(served.jobs.cancel, job_id), access)


@router.get(
    "/jobs/{job_id}/events",
    operation_id="streamJobEvents",
    summary="Follow a job",
    response_class=Response,
    responses=_EVENTS,
)
async def events(request: Request, served: Served, access: Reader, job_id: JobId) -> Response:
    """Tell how a job goes on, as server-sent events.

    Each event is the whole job. A client that comes back with `Last-Event-ID` is told what is new.
    """

    async def look() -> Event:
        return _event(await _job(served, access, job_id), access)

    return await event_stream(request, served, access, look)


def _event(job: Job, access: Access) -> Event:
    # What a listener can see of a job, without its words.
    state = f"{job.state}-{job.done}-{job.total}-{job.failed}"
    name = "done" if is_finished(job) else "progress"
    return Event(state, name, _shape(job, access).model_dump_json(), is_finished(job))


async def _job(served: ServerState, access: Access, job_id: str) -> Job:
    found: Job = await served.reading.run(served.jobs.get, job_id)
    if access.namespaces is not None and found.namespace not in access.namespaces:
        raise LibraryError(f"There is no job {job_id}.", code="no-job", job=job_id)
    return found


def _shape(job: Job, access: Access) -> answers.Job:
    return answers.Job(
        id=job.id,
        kind=job.kind,
        namespace=job.namespace,
        state=answers.JobState(job.state),
        done=job.done,
        total=job.total,
        failed=job.failed,
        message=None
        if job.message is None
        else for_clients(job.message, restricted=access.namespaces is not None),
        summary=None if job.summary is None else _summary(job.summary, access),
        created_at=job.created_at,
        finished_at=job.finished_at,
    )


def _summary(summary: Mapping[str, Any], access: Access) -> dict[str, Any]:
    found = dict(summary)
    if access.namespaces is not None:
        # Known to whom, and what it cost, would tell what other namespaces have.
        found["new"] = found.get("new", 0) + found.pop("known", 0)
        found |= {"known": 0, "device": None, "stages": {}}
        found["failures"] = [
            {
                **each,
                "path": name_for(each["path"], restricted=True),
                "reason": for_clients(each["reason"], restricted=True),
            }
            for each in found.get("failures", ())
        ]
    return found
