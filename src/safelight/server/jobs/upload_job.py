"""Ingest of uploaded photos, within a request or as a job; the outcome of each file is kept."""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from safelight.library.photos import known_ids
from safelight.server.jobs.ingest import ingest_source, resume
from safelight.server.jobs.uploads import Upload, UploadedSource, namespace_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from safelight.ingest import Progress, Summary
    from safelight.library.state.jobs import Job
    from safelight.server.state import ServerState


def ingest_uploads(
    served: ServerState,
    namespace: str,
    uploads: Sequence[Upload],
    progress: Callable[[Progress], None] = lambda _: None,
    **how: Any,
) -> Summary:
    """Ingest photos that were checked and stored; `how` as :func:`ingest_source` takes it."""
    folder = namespace_folder(served.library, namespace)
    good = [each for each in uploads if each.code is None]
    # What was there before may lie anywhere, and is in the library.
    paths = [each.path for each in good if each.path and os.path.dirname(each.path) == str(folder)]
    ids = {each.photo_id for each in good if each.photo_id}
    source = UploadedSource(str(folder), tuple(dict.fromkeys(paths)))
    return ingest_source(served, source, namespace, progress, retry_failed=True, only=ids, **how)


def add_upload(
    served: ServerState, namespace: str, request: Mapping[str, Any], job_id: str | None = None
) -> Job:
    """Add the job that ingests an upload.

    Parameters
    ----------
    request : mapping
        JSON-ready: ``files``, of which each is an :class:`Upload` and whether it is ``known``; and
        ``score``, ``label`` and ``afresh``.
    job_id : str, optional
        If there is a job of this id, it is returned, and nothing added.

    Raises
    ------
    Problem
        With 429: too many jobs wait.
    """
    work = partial(
        _work, served, namespace, uploads_of(request), {name: request[name] for name in _HOW}
    )
    return served.jobs.add("upload", namespace, request, work, job_id)


_HOW = ("score", "label", "afresh")


def _work(
    served: ServerState,
    namespace: str,
    uploads: Sequence[Upload],
    how: Mapping[str, Any],
    progress: Callable[[Progress], None],
) -> Summary:
    return ingest_uploads(served, namespace, uploads, progress, **how)


def upload_request(
    served: ServerState,
    uploads: Sequence[Upload],
    visible: tuple[str, ...] | None,
    **how: bool | None,
) -> dict[str, Any]:
    """Return what the job of an upload keeps; parameters as of :func:`add_upload`."""
    ids = [each.photo_id for each in uploads if each.code is None and each.photo_id]
    known = known_ids(served.library, ids, visible)
    files = [{**asdict(each), "known": each.photo_id in known} for each in uploads]
    return {"files": files, "afresh": visible is not None, **how}


def uploads_of(request: Mapping[str, Any]) -> list[Upload]:
    """Return the files of an upload's job, as they were checked and stored."""
    names = ("name", "photo_id", "path", "code", "reason")
    return [Upload(**{name: each[name] for name in names}) for each in request["files"]]


def resume_uploads(served: ServerState) -> None:
    """Go on with uploads that were being ingested when the server was stopped."""
    resume(
        served,
        "upload",
        lambda job, request: (
            add_upload(served, job.namespace, request) if "files" in request else None
        ),
    )
