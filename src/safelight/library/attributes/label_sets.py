"""Label sets that photos were labelled with: labels and prompts, by version."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from safelight.errors import LibraryError
from safelight.library.damage import stored_json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from safelight.library.database import Database


@dataclass(frozen=True, slots=True)
class LabelSet:
    """A set that photos were labelled with; see :func:`use_label_set`.

    Attributes
    ----------
    version : str
    labels, templates : tuple of str
    used_at : str
        UTC, ISO 8601.
    """

    version: str
    labels: tuple[str, ...]
    templates: tuple[str, ...]
    used_at: str


def use_label_set(
    library: Database, version: str, labels: Sequence[str], templates: Sequence[str]
) -> None:
    """Add a label set unless it is there, and note that it is the one used last."""
    with library.transaction() as connection:
        connection.execute(
            "INSERT INTO label_sets (version, labels, templates, used_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (version) DO UPDATE SET used_at = excluded.used_at",
            (
                version,
                json.dumps(labels, ensure_ascii=False),
                json.dumps(templates, ensure_ascii=False),
                datetime.now(UTC).isoformat(timespec="microseconds"),
            ),
        )


def add_label_sets(connection: sqlite3.Connection, label_sets: Iterable[LabelSet]) -> None:
    """Add label sets; of those that are there, note when they were used if that is later."""
    connection.executemany(
        "INSERT INTO label_sets (version, labels, templates, used_at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (version) DO UPDATE SET used_at = max(used_at, excluded.used_at)",
        (
            (
                each.version,
                json.dumps(each.labels, ensure_ascii=False),
                json.dumps(each.templates, ensure_ascii=False),
                each.used_at,
            )
            for each in label_sets
        ),
    )


def label_set_key(connection: sqlite3.Connection, version: str) -> int:
    """Return the row key of a label set.

    Raises
    ------
    LibraryError
        The library has no such set.
    """
    row = connection.execute("SELECT pk FROM label_sets WHERE version = ?", (version,)).fetchone()
    if row is None:
        raise LibraryError(f"The library has no label set {version[:12]}.", code="no-label-set")
    return int(row[0])


def label_set_keys(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the row keys of all label sets, by version."""
    return dict(connection.execute("SELECT version, pk FROM label_sets").fetchall())


def label_sets_of(connection: sqlite3.Connection, space: int) -> tuple[LabelSet, ...]:
    """Return the label sets that labelled something in a space, the one used last at the end.

    Parameters
    ----------
    space : int
        Its row key.
    """
    rows = connection.execute(
        "SELECT version, labels, templates, used_at FROM label_sets s WHERE EXISTS "
        "(SELECT 1 FROM labelled d WHERE d.label_set_pk = s.pk AND d.space_pk = ?) "
        "ORDER BY used_at, pk",
        (space,),
    )
    return tuple(
        LabelSet(version, tuple(stored_json(labels)), tuple(stored_json(templates)), used_at)
        for version, labels, templates, used_at in rows
    )


def last_label_set(library: Database) -> LabelSet | None:
    """Return the label set that was used last, if it labelled a photo."""
    row = library.connection.execute(
        "SELECT version, labels, templates, used_at FROM label_sets s WHERE EXISTS "
        "(SELECT 1 FROM labelled d WHERE d.label_set_pk = s.pk) "
        "ORDER BY used_at DESC, pk DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    version, labels, templates, used_at = row
    return LabelSet(version, tuple(json.loads(labels)), tuple(json.loads(templates)), used_at)
