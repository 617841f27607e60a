"""Lifespan of the server: its state started, background work begun, all of it ended."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from safelight.server.jobs.ingest import finish_uploads, resume_jobs
from safelight.server.jobs.store_sync import keep_fed
from safelight.server.jobs.upload_job import resume_uploads
from safelight.server.media.prefetch import make_ahead
from safelight.server.pools import end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from safelight.server.state import ServerState


@contextlib.asynccontextmanager
async def lifespan(served: ServerState) -> AsyncIterator[None]:
    """Serve while the block lasts; what was interrupted before is taken up again."""
    await served.start()
    tasks: list[asyncio.Task[None]] = []
    try:
        await served.reading.run(finish_uploads, served)
        await served.reading.run(resume_jobs, served)
        await served.reading.run(resume_uploads, served)
        if served.options.thumbnails_ahead:
            tasks.append(asyncio.create_task(make_ahead(served)))
        settings = served.settings
        if settings.store is not None:
            feeding = keep_fed(
                served.library, settings.store, settings.store_key, lambda: served.generation
            )
            tasks.append(asyncio.create_task(feeding))
        yield
    finally:
        served.stopping.set()
        for task in tasks:
            await end(task)
        await served.stop()
