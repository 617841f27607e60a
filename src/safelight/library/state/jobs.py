"""Background jobs of the server, stored so that they survive a restart."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from safelight.errors import LibraryError
from safelight.library.among import among
from safelight.library.cursors import cut, list_query, read_cursor
from safelight.library.damage import stored_json
from safelight.library.state.owners import is_alive, this_process

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.library.database import Database

#: States in which a job is no longer at work.
FINISHED = frozenset({"done", "failed", "cancelled", "interrupted"})

_COLUMNS = (
    "id, kind, namespace, request, state, done, total, failed, message, summary, created_at, "
    "finished_at"
)

_INTERRUPTED = (
    "The server was stopped before it was done. What was done is kept; start it again to go on."
)


@dataclass(frozen=True, slots=True)
class Job:
    """Something that takes longer than a request.

    Attributes
    ----------
    id : str
    kind : str
        ``ingest`` or ``upload``.
    namespace : str
    request : mapping
        What was asked for, JSON-ready.
    state : str
        ``queued``, ``running``, or one of :data:`FINISHED`.
    done, total, failed : int
    message : str or None
        Why it is in this state, if that needs saying.
    summary : mapping or None
        What it did, JSON-ready.
    created_at : str
        UTC, ISO 8601.
    finished_at : str or None
    """

    id: str
    kind: str
    namespace: str
    request: Mapping[str, Any] = field(hash=False)
    state: str = "queued"
    done: int = 0
    total: int = 0
    failed: int = 0
    message: str | None = None
    summary: Mapping[str, Any] | None = field(default=None, hash=False)
    created_at: str = field(default_factory=lambda: _now())
    finished_at: str | None = None


def add_job(
    library: Database,
    kind: str,
    namespace: str,
    request: Mapping[str, Any],
    job_id: str | None = None,
) -> Job:
    """Keep a new job, which this process is to run.

    Parameters
    ----------
    job_id : str, optional
        32 hexadecimal digits that no job has; a new id if not given.
    """
    job = Job(job_id or uuid.uuid4().hex, kind, namespace, dict(request))
    with library.transaction() as connection:
        connection.execute(
            "INSERT INTO jobs (id, kind, namespace, request, state, owner, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                job.id,
                kind,
                namespace,
                json.dumps(job.request, ensure_ascii=False),
                job.state,
                this_process(),
                job.created_at,
            ),
        )
    return job


def write_job(library: Database, job: Job) -> None:
    """Keep how far a job is, or how it ended."""
    with library.transaction() as connection:
        connection.execute(
            "UPDATE jobs SET state = ?, done = ?, total = ?, failed = ?, message = ?, "
            "summary = ?, finished_at = ? WHERE id = ?",
            (
                job.state,
                job.done,
                job.total,
                job.failed,
                job.message,
                None if job.summary is None else json.dumps(job.summary, ensure_ascii=False),
                job.finished_at,
                job.id,
            ),
        )


def read_job(library: Database, job_id: str) -> Job:
    """Return a job.

    Raises
    ------
    LibraryError
        There is none of that id.
    """
    row = library.connection.execute(
        f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (job_id,)
    ).fetchone()
    if row is None:
        raise LibraryError(f"There is no job {job_id[:32]}.", code="no-job", job=job_id)
    return _job(row)


def page_of_jobs(
    library: Database,
    *,
    limit: int = 100,
    cursor: str | None = None,
    namespaces: tuple[str, ...] | None = None,
) -> tuple[list[Job], str | None]:
    """Return a page of jobs, the newest first, and the cursor of the next one.

    Raises
    ------
    UsageError
        With the code ``cursor``: it is broken, or of other namespaces.
    """
    query = list_query(library, "jobs", namespaces)
    condition, names = among("namespace", namespaces or ())
    # No time begins with "~".
    place = ("~", 0) if cursor is None else read_cursor(query, cursor, str, int)
    rows = library.connection.execute(
        f"SELECT {_COLUMNS}, rowid FROM jobs WHERE (? OR {condition}) "
        "AND (created_at, rowid) < (?, ?) ORDER BY created_at DESC, rowid DESC LIMIT ?",
        (namespaces is None, names, *place, limit + 1),
    ).fetchall()
    page, following = cut(query, rows, limit, lambda row: (row[-3], row[-1]))
    return [_job(row[:-1]) for row in page], following


def interrupt_lost_jobs(library: Database) -> list[Job]:
    """Note which jobs their process did not live to end, and return them."""
    rows = library.connection.execute(
        f"SELECT {_COLUMNS}, owner FROM jobs WHERE state IN ('queued', 'running')"
    ).fetchall()
    lost = [_job(row[:-1]) for row in rows if not is_alive(row[-1])]
    with library.transaction() as connection:
        connection.executemany(
            "UPDATE jobs SET state = 'interrupted', message = ?, finished_at = ? WHERE id = ?",
            ((_INTERRUPTED, _now(), job.id) for job in lost),
        )
    return [read_job(library, job.id) for job in lost]


def interrupted_jobs(library: Database, kind: str, since: str) -> list[Job]:
    """Return interrupted jobs of a kind, oldest first, unless the same was asked for once more.

    Parameters
    ----------
    since : str
        They were added after this time; UTC, ISO 8601.
    """
    rows = library.connection.execute(
        f"SELECT {_COLUMNS} FROM jobs j WHERE kind = ? AND state = 'interrupted' "
        "AND created_at > ? AND json_extract(coalesce(summary, '{}'), '$.resumed_as') IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM jobs l WHERE l.rowid > j.rowid AND l.kind = j.kind "
        "AND l.namespace = j.namespace AND json_extract(l.request, '$.source') = "
        "json_extract(j.request, '$.source')) ORDER BY rowid",
        (kind, since),
    )
    return [_job(row) for row in rows]


def _job(row: tuple[Any, ...]) -> Job:
    job_id, kind, namespace, request, state, done, total, failed, message, summary, *times = row
    return Job(
        job_id,
        kind,
        namespace,
        stored_json(request),
        state,
        done,
        total,
        failed,
        message,
        None if summary is None else stored_json(summary),
        *times,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
