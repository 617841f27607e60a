"""Score photos, from the decode that feeds the model or later."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.errors import DecodeError
from safelight.library.attributes.scores import ScoreRecord, lacking_scores, write_scores
from safelight.library.items import vectors_by_id
from safelight.quality import Picture, Weights, measure, score_files
from safelight.quality.clip_iqa import ClipIqa
from safelight.quality.combined import combine
from safelight.quality.registry import PIXEL_METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    import numpy.typing as npt

    from safelight.embedding.base import Embedder
    from safelight.ingest.summary import Progress
    from safelight.library.database import Database
    from safelight.quality import Measurement, Metric
    from safelight.types import Frame

#: The name under which the library keeps the combined score.
COMBINED = "combined"

# Of how the combined score is made; another one is made again.
_COMBINED_VERSION = "1"

# Written at once, when photos are measured that were embedded before.
_AT_ONCE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Scoring:
    """Scores that an ingest computes and keeps.

    Attributes
    ----------
    pixels : tuple of Metric
        Those that look at the pixels.
    vectors : tuple of Metric
        Those that look at the photo's vector alone.
    weights : Weights
        Of the combined score.
    """

    pixels: tuple[Metric, ...]
    vectors: tuple[Metric, ...] = ()
    weights: Weights = Weights()

    @property
    def versions(self) -> dict[str, str]:
        """The present version of each metric, the combined score's with its weights."""
        found = {metric.name: metric.version for metric in (*self.pixels, *self.vectors)}
        weights = ",".join(f"{name}={weight:g}" for name, weight in asdict(self.weights).items())
        return found | {COMBINED: f"{_COMBINED_VERSION} {weights}"}

    def of_pixels(self, frame: Frame) -> Mapping[str, Measurement]:
        """Measure what the pixels tell; for the thread that decoded them."""
        return measure(Picture.of(frame), self.pixels).measurements

    def records(
        self,
        of_pixels: Mapping[str, Measurement],
        vector: npt.NDArray[np.float32] | None,
        fingerprint: str,
    ) -> list[ScoreRecord]:
        """Return the rows of one photo's scores, the combined score included."""
        picture = Picture(
            np.zeros((1, 1, 3), np.uint8),
            width=1,
            height=1,
            embedding=vector,
            fingerprint=fingerprint,
        )
        found = {**of_pixels, **measure(picture, self.vectors).measurements}
        versions = self.versions
        records = [
            ScoreRecord(
                name, versions[name], each.value, each.score, each.status, each.reason, each.details
            )
            for name, each in found.items()
        ]
        combined = combine(found, self.weights)
        ok = combined.score is not None
        return [
            *records,
            ScoreRecord(
                COMBINED,
                versions[COMBINED],
                combined.score,
                combined.score,
                "ok" if ok else "skipped",
                None if ok else "nothing that has a weight could be measured",
                {"parts": dict(combined.parts), "weights": asdict(self.weights)},
            ),
        ]


def usual_scoring(embedder: Embedder, weights: str = "") -> Scoring:
    """Return every metric that needs no file of the user's.

    Parameters
    ----------
    embedder : Embedder
        Whose vectors CLIP-IQA looks at.
    weights : str
        See :meth:`safelight.quality.combined.Weights.parse`.

    Raises
    ------
    SettingsError
        `weights` cannot be read.
    """
    return Scoring(PIXEL_METRICS, (ClipIqa(embedder),), Weights.parse(weights))


def score_lacking(
    library: Database,
    scoring: Scoring,
    *,
    fingerprint: str,
    namespace: str,
    threads: int,
    pixel_limit: int,
    progress: Callable[[Progress], None],
    only: Container[str] | None = None,
) -> tuple[int, bool]:
    """Measure the photos of a namespace, or `only` some, that lack a score in its version.

    Returns
    -------
    int, bool
        How many were measured, and whether Ctrl-C cut it short.
    """
    from safelight.ingest.summary import Progress

    wanted = [
        each
        for each in lacking_scores(library, scoring.versions, namespace)
        if only is None or each[0] in only
    ]
    waiting: dict[str, list[ScoreRecord]] = {}
    done = failed = 0
    reports = score_files(
        (path for _, path in wanted), scoring.pixels, max_pixels=pixel_limit, threads=threads
    )
    try:
        for report in reports:
            done += 1
            # What cannot be read now is told by an ingest, and tried again by the next.
            if isinstance(report, DecodeError | OSError) or report.photo_id is None:
                failed += 1
            else:
                found = vectors_by_id(library, report.photo_id, fingerprint, limit=1)
                vector = found[0][1] if found else None
                waiting[report.photo_id] = scoring.records(report.measurements, vector, fingerprint)
            if len(waiting) >= _AT_ONCE:
                write_scores(library, waiting)
                waiting = {}
            progress(Progress(done, len(wanted), failed))
    except KeyboardInterrupt:
        return done - failed, True
    finally:
        reports.close()
        write_scores(library, waiting)
    return done - failed, False
