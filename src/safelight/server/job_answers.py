"""Jobs as the API answers them: what failed, and of an upload what came of each file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safelight import schemas as answers
from safelight.server.client_texts import for_clients, name_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.library.state.jobs import Job
    from safelight.server.auth import Access


def job_answer(job: Job, access: Access) -> answers.Job:
    """Return the answer for a job."""
    summary = job.summary or {}
    of_ingest = summary.get("failures", [])
    restricted = access.namespaces is not None
    failures = [
        {
            **each,
            "path": name_for(each["path"], restricted=restricted),
            "reason": for_clients(each["reason"], restricted=restricted),
        }
        for each in of_ingest
    ]
    is_upload = "files" in job.request
    return answers.Job(
        id=job.id,
        kind=answers.JobKind(job.kind),
        namespace=job.namespace,
        state=answers.JobState(job.state),
        done=job.done,
        total=job.total,
        failed=job.failed,
        message=None if job.message is None else for_clients(job.message, restricted=restricted),
        failures=tuple(answers.JobFailure(**each) for each in failures),
        photos=uploaded(job.request, of_ingest) if is_upload and job.summary else None,
        resumed_as=summary.get("resumed_as"),
        summary=None if job.summary is None else _summary(job.summary, failures, access),
        created_at=job.created_at,
        finished_at=job.finished_at,
    )


def uploaded(
    request: Mapping[str, Any], failures: Sequence[Mapping[str, str]]
) -> tuple[answers.Uploaded, ...]:
    """Return the outcome of each file of an upload.

    Parameters
    ----------
    request : mapping
        Of its job, with the files as they were stored or refused.
    failures : sequence of mapping
        Of the ingest: ``path``, ``code``, ``reason``.
    """
    failed = {each["path"]: each for each in failures}
    found = []
    for each in request["files"]:
        failure = failed.get(each["path"] or "", each)
        found.append(
            answers.Uploaded(
                name=each["name"],
                photo_id=each["photo_id"],
                path=each["path"],
                new=failure["code"] is None and not each["known"],
                code=failure["code"],
                reason=failure["reason"],
            )
        )
    return tuple(found)


def _summary(
    summary: Mapping[str, Any], failures: Sequence[Mapping[str, str]], access: Access
) -> dict[str, Any]:
    found = dict(summary)
    if "failures" in found:
        found["failures"] = list(failures)
    if access.namespaces is not None:
        # Known to whom, and what it cost, would tell what other namespaces have.
        found["new"] = found.get("new", 0) + found.pop("known", 0)
        found |= {"known": 0, "device": None, "stages": {}}
    return found
