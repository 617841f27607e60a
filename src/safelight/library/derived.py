"""Files beside a library that are derived from photos, and can be deleted at any time."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from safelight.library.database import Database


def thumbnails_folder(library: Database) -> Path:
    """Return where thumbnails lie: beside the library. All of it can be deleted at any time."""
    return library.path.with_name(library.path.name + ".thumbnails")


def drop_thumbnails(library: Database, photo_ids: Iterable[str]) -> None:
    """Remove the thumbnails of photos, of all sizes."""
    folder = thumbnails_folder(library)
    for photo_id in photo_ids:
        for file in (folder / photo_id[:2]).glob(f"{photo_id}.*"):
            with contextlib.suppress(OSError):  # on Windows, one that is being sent
                file.unlink()
