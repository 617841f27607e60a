"""Make thumbnails ahead of viewers, one at a time, while nobody waits for a photo."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from typing import TYPE_CHECKING

from loguru import logger

from safelight.errors import SafelightError
from safelight.library.browse import Filter, cards
from safelight.server.errors import Problem
from safelight.server.media.thumbnails import USUAL_SIDE, is_kept, make_thumbnail

if TYPE_CHECKING:
    from safelight.server.state import ServerState

#: Photos from the newest on; 50 kB each, so that what nobody may ever look at takes 2 GB.
_MOST = 40_000

#: Share of the disk that stays free.
_FREE = 0.05

_AT_ONCE = 200
_PAUSE = 0.05  # seconds between looks whether anybody waits for a photo
_LOOKS_EVERY = 2.0  # seconds between looks whether there are new photos


async def make_ahead(served: ServerState) -> None:
    """Make the thumbnails that are missing, in the order of the page, until cancelled."""
    failed: set[str] = set()
    done = -1
    while True:
        generation = served.generation
        if generation != done:
            try:
                done = generation if await _make_missing(served, failed) else done
            except Exception as error:  # noqa: BLE001 - it is tried again
                logger.debug("Thumbnails were not made ahead: {}", error)
        await asyncio.sleep(_LOOKS_EVERY)


async def _make_missing(served: ServerState, failed: set[str]) -> bool:
    """Return whether all that can be made is there."""
    where = Filter(photos_only=True)
    keys = (await served.reading.run(served.matching, where, "-taken"))[:_MOST].tolist()
    for start in range(0, len(keys), _AT_ONCE):
        missing = await served.reading.run(_missing, served, keys[start : start + _AT_ONCE])
        for photo_id in missing:
            if photo_id in failed:
                continue
            await _nobody_waits(served)
            if not await served.reading.run(_has_space, served):
                return True
            try:
                await served.decode(
                    make_thumbnail,
                    served.library,
                    photo_id,
                    USUAL_SIDE,
                    None,
                    max_pixels=served.settings.pixel_limit,
                )
            except Problem:  # others came first
                return False
            except (SafelightError, OSError):
                failed.add(photo_id)  # whoever looks at it is told why
    return True


def _missing(served: ServerState, keys: list[int]) -> list[str]:
    ids = [card.photo_id for card in cards(served.library, keys)]
    return [photo_id for photo_id in ids if not is_kept(served.library, photo_id)]


async def _nobody_waits(served: ServerState) -> None:
    while served.decoding.taken or served.jobs.waiting:
        await asyncio.sleep(_PAUSE)


def _has_space(served: ServerState) -> bool:
    with contextlib.suppress(OSError):
        disk = shutil.disk_usage(served.library.path.parent)
        return disk.free > _FREE * disk.total
    return False
