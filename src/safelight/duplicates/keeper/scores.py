"""Scores for choosing keepers: stored ones, and for bursts the missing ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safelight.duplicates.keeper.explain import SCORES
from safelight.duplicates.keeper.focus_maps import GRID
from safelight.library.attributes.scores import ScoreRecord, read_scores, write_scores
from safelight.quality import choose, score_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from safelight.duplicates.keeper.focus_maps import FocusMap
    from safelight.library.database import Database
    from safelight.library.photo_facts import PhotoFacts

# Those that need the pixels only, and no model.
_MEASURED = ("focus", "exposure", "noise")

# Written to the library at once.
_AT_ONCE = 16


def known_scores(library: Database, photo_ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the scores that a keeper can be chosen by, by photo id and metric."""
    return {
        photo: {
            name: record.score
            for name, record in records.items()
            if name in SCORES and record.score is not None
        }
        for photo, records in read_scores(library, photo_ids).items()
    }


def focus_maps(library: Database, photo_ids: Sequence[str]) -> dict[str, FocusMap]:
    """Return where photos are in focus, by photo id, as the focus score found it."""
    found = {}
    for photo, records in read_scores(library, photo_ids).items():
        focus = records.get("focus")
        tiles = focus.details.get("tiles") if focus is not None else None
        if tiles and np.shape(tiles) == (GRID, GRID):
            found[photo] = np.asarray(tiles, np.float64)
    return found


def measure_lacking(
    library: Database,
    photos: Iterable[PhotoFacts],
    scores: Mapping[str, Mapping[str, float]],
    *,
    pixel_limit: int,
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, dict[str, float]]:
    """Measure the photos that have no score of focus, keep that in the library, and return it all.

    A photo that cannot be read stays without.
    """
    found = {photo: dict(known) for photo, known in scores.items()}
    wanted = [photo for photo in photos if photo.copies and "focus" not in scores.get(photo.id, {})]
    metrics = choose(_MEASURED)
    versions = {metric.name: metric.version for metric in metrics}
    waiting: dict[str, list[ScoreRecord]] = {}
    reports = score_files(
        (photo.copies[0].path for photo in wanted),
        metrics,
        max_pixels=pixel_limit,
        threads=threads,
    )
    try:
        for done, (photo, report) in enumerate(zip(wanted, reports, strict=True), start=1):
            progress(done, len(wanted))
            # A file with other bytes by now tells nothing of this photo.
            if isinstance(report, Exception) or report.photo_id != photo.id:
                continue
            waiting[photo.id] = [
                ScoreRecord(
                    name, versions[name], each.value, each.score, each.status, each.reason,
                    each.details,
                )
                for name, each in report.measurements.items()
            ]  # fmt: skip
            measured = {
                name: each.score
                for name, each in report.measurements.items()
                if each.score is not None
            }
            found[photo.id] = {**found.get(photo.id, {}), **measured}
            if len(waiting) >= _AT_ONCE:
                write_scores(library, waiting)
                waiting = {}
    finally:
        reports.close()
        write_scores(library, waiting)
    return found
