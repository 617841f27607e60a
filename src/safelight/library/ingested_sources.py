"""Ingested sources, remembered so that you can ingest them again without naming them."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from safelight.library.damage import stored_json
from safelight.library.write import namespace_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from safelight.library.database import Database


def remember(
    library: Database, namespace: str, sources: Iterable[tuple[str, Mapping[str, Any]]]
) -> None:
    """Keep each source's specification and options; the newest options win."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with library.transaction() as connection:
        key = namespace_key(connection, namespace)
        connection.executemany(
            "INSERT INTO sources (namespace_pk, spec, options, ingested_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET options = excluded.options, "
            "ingested_at = excluded.ingested_at",
            ((key, spec, json.dumps(options, sort_keys=True), now) for spec, options in sources),
        )


def remember_unread(
    library: Database, namespace: str, counts: Mapping[str, Mapping[str, int]]
) -> None:
    """Keep how many pictures of kinds that are not read each source passed over, by suffix."""
    with library.transaction() as connection:
        key = namespace_key(connection, namespace)
        connection.executemany(
            "UPDATE sources SET unread = ? WHERE namespace_pk = ? AND spec = ?",
            ((json.dumps(dict(each)), key, spec) for spec, each in counts.items()),
        )


def unread_files(library: Database, namespace: str | None = None) -> dict[str, int]:
    """Return how many pictures of kinds that are not read sources passed over, by suffix."""
    try:
        rows = library.connection.execute(
            "SELECT e.key, sum(e.value) FROM sources s JOIN namespaces n ON n.pk = s.namespace_pk, "
            "json_each(s.unread) e WHERE ? IS NULL OR n.name = ? GROUP BY e.key ORDER BY 2 DESC, 1",
            (namespace, namespace),
        ).fetchall()
    except sqlite3.OperationalError:
        if library.is_read_only:  # of an older version, which cannot be migrated here
            return {}
        raise
    return dict(rows)


def remembered(
    library: Database, namespace: str | None = None
) -> list[tuple[str, str, dict[str, Any]]]:
    """Return namespace, specification and options of each source, in the order of their coming."""
    rows = library.connection.execute(
        "SELECT n.name, s.spec, s.options FROM sources s "
        "JOIN namespaces n ON n.pk = s.namespace_pk "
        "WHERE ? IS NULL OR n.name = ? ORDER BY s.pk",
        (namespace, namespace),
    )
    return [(name, spec, stored_json(options)) for name, spec, options in rows]
