"""Jobs: one after the other on a thread of their own, with their progress for all who listen."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from loguru import logger

from safelight.errors import LibraryError, SafelightError
from safelight.library.state.jobs import FINISHED, add_job, interrupt_lost_jobs, read_job, write_job
from safelight.server.client_texts import for_clients
from safelight.server.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from safelight.ingest import Progress, Summary
    from safelight.library.database import Database
    from safelight.library.state.jobs import Job

    Work = Callable[[Callable[[Progress], None]], Summary]

#: Progress is kept in the library this often; listeners have it from memory.
_SECONDS_BETWEEN_WRITES = 1.0

_WAITING = 50

#: Failures that a summary names; `safelight status --failed` has them all.
_FAILURES = 1000


class Jobs:
    """The jobs of this process.

    Parameters
    ----------
    library : Database
    """

    def __init__(self, library: Database) -> None:
        self._library = library
        self._changed = threading.Condition()
        self._queue: deque[tuple[str, Work]] = deque()
        self._live: dict[str, Job] = {}
        self._cancelled: set[str] = set()
        self._closed = False
        self.lost: list[Job] = []  # those that a process which died had not ended
        self._thread = threading.Thread(target=self._run, name="safelight-jobs", daemon=True)

    def start(self) -> None:
        """Note what an earlier process left, and begin to work."""
        self.lost = interrupt_lost_jobs(self._library)
        for job in self.lost:
            logger.info("The job {} ({}) was interrupted", job.id, job.kind)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Number of jobs that wait or run."""
        return len(self._live)

    def add(
        self,
        kind: str,
        namespace: str,
        request: Mapping[str, Any],
        work: Work,
        job_id: str | None = None,
    ) -> Job:
        """Put a job at the end of the queue.

        Parameters
        ----------
        job_id : str, optional
            If there is a job of this id, it is returned, and nothing added.

        Raises
        ------
        Problem
            With 429, if too many wait.
        """
        if job_id is not None:
            with contextlib.suppress(LibraryError):
                return self.get(job_id)
        with self._changed:
            if self._closed or len(self._queue) >= _WAITING:
                raise Problem(
                    429, "Too many jobs wait already. Try again later.", "busy",
                    {"Retry-After": "30"},
                )  # fmt: skip
            job = add_job(self._library, kind, namespace, request, job_id)
            self._live[job.id] = job
            self._queue.append((job.id, work))
            self._changed.notify()
        return job

    def get(self, job_id: str) -> Job:
        """Return a job as it is now.

        Raises
        ------
        LibraryError
            There is none of that id.
        """
        live = self._live.get(job_id)
        return live if live is not None else read_job(self._library, job_id)

    def cancel(self, job_id: str) -> Job:
        """Ask a job to end; what it did is kept. One that has ended stays as it is.

        Raises
        ------
        LibraryError
            There is none of that id.
        """
        with self._changed:
            if job_id in self._live:
                self._cancelled.add(job_id)
                if any(queued == job_id for queued, _ in self._queue):
                    self._queue = deque(each for each in self._queue if each[0] != job_id)
                    self._finish(job_id, "cancelled", "It was cancelled before it began.")
        return self.get(job_id)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closed:
                    self._changed.wait()
                if self._closed:
                    for job_id, _ in self._queue:
                        self._finish(job_id, "interrupted", _STOPPED)
                    return
                job_id, work = self._queue.popleft()
            self._do(job_id, work)

    def _do(self, job_id: str, work: Work) -> None:
        self._keep(replace(self._live[job_id], state="running"))
        written = time.monotonic()

        def report(progress: Progress) -> None:
            nonlocal written
            if self._closed or job_id in self._cancelled:
                raise KeyboardInterrupt  # what an ingest takes as a wish to end in good order
            job = replace(
                self._live[job_id],
                done=progress.done,
                total=progress.total,
                failed=progress.failed,
            )
            if time.monotonic() - written > _SECONDS_BETWEEN_WRITES:
                written = time.monotonic()
                self._keep(job)
            else:
                self._live[job_id] = job

        try:
            summary = work(report)
        except KeyboardInterrupt:
            self._finish(job_id, *self._ending(job_id))
        except (SafelightError, Problem) as error:
            detail = error.detail if isinstance(error, Problem) else str(error)
            self._finish(job_id, "failed", detail)
        except Exception:  # noqa: BLE001 - the next job can be done nevertheless
            logger.exception("The job {} failed", job_id)
            self._finish(job_id, "failed", "Something failed inside the server; its log says what.")
        else:
            state, message = self._ending(job_id) if summary.interrupted else ("done", None)
            self._finish(job_id, state, message, _brief(summary))

    def _ending(self, job_id: str) -> tuple[str, str]:
        if job_id in self._cancelled:
            return "cancelled", "It was cancelled; what was done until then is kept."
        return "interrupted", _STOPPED

    def _keep(self, job: Job) -> None:
        self._live[job.id] = job
        write_job(self._library, job)

    def _finish(
        self,
        job_id: str,
        state: str,
        message: str | None,
        summary: Mapping[str, Any] | None = None,
    ) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        job = replace(
            self._live[job_id], state=state, message=message, summary=summary, finished_at=now
        )
        self._keep(job)
        del self._live[job_id]
        self._cancelled.discard(job_id)

    def close(self) -> None:
        """End the job that is worked on in good order, and drop those that wait."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        with contextlib.suppress(RuntimeError):  # it was never started
            self._thread.join()

    def abandon(self) -> None:
        """Note that the job which is worked on was interrupted, though its thread goes on."""
        for job_id in list(self._live):
            with contextlib.suppress(KeyError):
                self._finish(job_id, *self._ending(job_id))


_STOPPED = (
    "The server was stopped. What was done is kept; it goes on when the server is started again."
)


def is_finished(job: Job) -> bool:
    """Tell whether nothing will change about a job any more."""
    return job.state in FINISHED


def _brief(summary: Summary) -> dict[str, Any]:
    found = asdict(summary)
    found["failures"] = [
        {"path": each.path, "code": each.code, "reason": for_clients(each.reason)}
        for each in summary.failures[:_FAILURES]
    ]
    return found
