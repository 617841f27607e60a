"""Stored quality scores: write them, read them, find photos that lack them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safelight.errors import LibraryError
from safelight.library.among import among
from safelight.library.attributes.lacking import photos_where
from safelight.library.damage import stored_json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from safelight.library.database import Database


_COLUMNS = "metric, version, value, score, status, reason, details"

_REPLACE = (
    "ON CONFLICT (item_pk, metric) DO UPDATE SET "
    "version = excluded.version, value = excluded.value, score = excluded.score, "
    "status = excluded.status, reason = excluded.reason, details = excluded.details"
)


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """One measurement of one photo, as the library keeps it.

    Attributes
    ----------
    metric, version : str
    value, score : float or None
        None unless `status` is ``ok``: a failure is never stored as a number.
    status : str
        ``ok``, ``failed`` or ``skipped``.
    reason : str or None
        Why it is not ``ok``.
    details : mapping
        JSON-ready.
    """

    metric: str
    version: str
    value: float | None
    score: float | None
    status: str = "ok"
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        numbers = [number for number in (self.value, self.score) if number is not None]
        expected = 2 if self.status == "ok" else 0
        if len(numbers) != expected or not all(map(math.isfinite, numbers)):
            raise LibraryError(
                f"A measurement by {self.metric} that is {self.status} cannot have the value "
                f"{self.value} and the score {self.score}.",
                metric=self.metric,
            )


def write_scores(library: Database, scores: Mapping[str, Iterable[ScoreRecord]]) -> None:
    """Write measurements by photo id, in one transaction; each replaces the metric's last.

    What was measured of a photo that the library does not have, or has no longer, is left out.
    """
    with library.transaction() as connection:
        connection.executemany(
            f"INSERT INTO scores (item_pk, {_COLUMNS}) "
            f"SELECT pk, ?, ?, ?, ?, ?, ?, ? FROM items WHERE id = ? {_REPLACE}",
            (
                (*_values(record), photo_id)
                for photo_id, records in scores.items()
                for record in records
            ),
        )


def add_scores(connection: sqlite3.Connection, scores: Iterable[tuple[int, ScoreRecord]]) -> None:
    """Write measurements by item key where there is none, or none that is a number."""
    connection.executemany(
        f"INSERT INTO scores (item_pk, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) {_REPLACE} "
        # Which of two versions is newer, nobody can tell; a number is more than none.
        "WHERE scores.status != 'ok' AND excluded.status = 'ok'",
        ((key, *_values(record)) for key, record in scores),
    )


def _values(record: ScoreRecord) -> tuple[object, ...]:
    details = record.details
    return (
        record.metric,
        record.version,
        record.value,
        record.score,
        record.status,
        record.reason,
        json.dumps(dict(details), ensure_ascii=False, allow_nan=False) if details else "{}",
    )


def read_scores(library: Database, photo_ids: Sequence[str]) -> dict[str, dict[str, ScoreRecord]]:
    """Return the scores of photos, by photo id and metric; unmeasured ones are missing."""
    found: dict[str, dict[str, ScoreRecord]] = {}
    condition, ids = among("i.id", photo_ids)
    rows = library.connection.execute(
        f"SELECT i.id, {_COLUMNS} FROM items i JOIN scores s ON s.item_pk = i.pk "
        f"WHERE {condition} ORDER BY s.rowid",
        (ids,),
    )
    for photo_id, *values in rows:
        record = _record(*values)
        found.setdefault(photo_id, {})[record.metric] = record
    return found


def scores_by_key(
    connection: sqlite3.Connection, item_keys: Sequence[int]
) -> dict[int, list[ScoreRecord]]:
    """Return the scores of photos, by item key.

    Parameters
    ----------
    item_keys : sequence of int
        At most some hundred.
    """
    found: dict[int, list[ScoreRecord]] = {}
    for key, *values in connection.execute(
        f"SELECT item_pk, {_COLUMNS} FROM scores "
        f"WHERE item_pk IN ({','.join('?' * len(item_keys))}) ORDER BY rowid",
        tuple(item_keys),
    ):
        found.setdefault(key, []).append(_record(*values))
    return found


def _record(
    metric: str,
    version: str,
    value: float | None,
    score: float | None,
    status: str,
    reason: str | None,
    details: str,
) -> ScoreRecord:
    more = {} if details == "{}" else stored_json(details)
    return ScoreRecord(metric, version, value, score, status, reason, more)


def at_least(library: Database, least: Mapping[str, float]) -> list[int]:
    """Return the keys of photos with at least these scores, whatever version measured them.

    A photo that was not measured, or could not be, has no score and is left out.

    Raises
    ------
    LibraryError
        No photo has a score of one of these metrics.
    """
    kept: set[int] | None = None
    for metric, score in least.items():
        require_metric(library, metric)
        rows = library.connection.execute(
            "SELECT item_pk FROM scores WHERE metric = ? AND score >= ?", (metric, score)
        )
        keys = {key for (key,) in rows}
        kept = keys if kept is None else kept & keys
    return sorted(kept or ())


def require_metric(library: Database, metric: str) -> None:
    """Raise if no photo has a score of a metric.

    Raises
    ------
    LibraryError
        With the metrics that there are.
    """
    known = library.connection.execute(
        "SELECT 1 FROM scores WHERE metric = ? AND score IS NOT NULL LIMIT 1", (metric,)
    ).fetchone()
    if known is None:
        measured = measured_metrics(library)
        there = f"It has {', '.join(measured)}" if measured else "It has none"
        raise LibraryError(
            f"The library {library.path} has no scores called {metric!r}. {there}; "
            "`safelight ingest --score` measures the photos.",
            code="no-scores",
            metric=metric,
        )


def measured_metrics(library: Database) -> list[str]:
    """Return the metrics that photos have scores of, by name."""
    # From one metric to the next in the index; DISTINCT would read every score.
    rows = library.connection.execute(
        "WITH RECURSIVE metrics (metric) AS (SELECT min(metric) FROM scores UNION ALL "
        "SELECT (SELECT min(s.metric) FROM scores s WHERE s.metric > m.metric) "
        "FROM metrics m WHERE m.metric IS NOT NULL) "
        "SELECT metric FROM metrics m WHERE EXISTS "
        "(SELECT 1 FROM scores s WHERE s.metric = m.metric AND s.score IS NOT NULL)"
    )
    return [metric for (metric,) in rows]


def lacking_scores(
    library: Database, versions: Mapping[str, str], namespace: str | None = None
) -> list[tuple[str, str]]:
    """Return the photos that are not measured by every metric in its version.

    See :func:`photos_where`; `versions` has the present version of each metric in question.
    """
    if not versions:
        return []
    pairs = ",".join(["(?, ?)"] * len(versions))
    is_lacking = (
        "? > (SELECT count(*) FROM scores s "
        f"WHERE s.item_pk = i.pk AND (s.metric, s.version) IN (VALUES {pairs}))"
    )
    values = (len(versions), *(part for pair in versions.items() for part in pair))
    return photos_where(library, is_lacking, values, namespace)
