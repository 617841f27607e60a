"""Decisions of the user about pairs of photos, kept by content so that they outlive all else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from safelight.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from safelight.library.database import Database

#: Decisions on a group: not duplicates; duplicates that are all kept; dealt with.
DECISIONS = ("not-duplicates", "keep-both", "resolved")


@dataclass(frozen=True, slots=True)
class Decision:
    """Decision about two photos.

    Attributes
    ----------
    a, b : str
        Photo ids, `a` before `b` in order; the same twice: of the files of one photo.
    decision : str
        One of :data:`DECISIONS`.
    decided_at : str
        UTC, ISO 8601.
    """

    a: str
    b: str
    decision: str
    decided_at: str


def decide(library: Database, pairs: Iterable[tuple[str, str]], decision: str) -> list[Decision]:
    """Keep a decision on pairs of photo ids; it replaces what was decided about them before.

    The photos need not be in the library: what is decided holds again when they come back.

    Raises
    ------
    UsageError
        There is no such decision.
    """
    if decision not in DECISIONS:
        raise UsageError(f"Unknown decision {decision!r}. Choose from: {', '.join(DECISIONS)}.")
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    made = [
        Decision(a, b, decision, now) for a, b in sorted({(min(pair), max(pair)) for pair in pairs})
    ]
    with library.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO decisions (a_id, b_id, decision, decided_at) "
            "VALUES (?, ?, ?, ?)",
            ((each.a, each.b, each.decision, each.decided_at) for each in made),
        )
    return made


def decisions(library: Database) -> list[Decision]:
    """Return all decisions, in the order in which they were made."""
    rows = library.connection.execute(
        "SELECT a_id, b_id, decision, decided_at FROM decisions ORDER BY decided_at, a_id, b_id"
    )
    return [Decision(*row) for row in rows]


def decided_pairs(library: Database) -> frozenset[tuple[str, str]]:
    """Return the pairs of photo ids, in order, that are never to be suggested again."""
    rows = library.connection.execute("SELECT a_id, b_id FROM decisions")
    return frozenset((a, b) for a, b in rows)


def revoke(library: Database, pairs: Iterable[tuple[str, str]]) -> int:
    """Forget what was decided about pairs of photo ids; return of how many something was."""
    with library.transaction() as connection:
        before = connection.total_changes
        connection.executemany(
            "DELETE FROM decisions WHERE a_id = ? AND b_id = ?",
            {(min(pair), max(pair)) for pair in pairs},
        )
        return connection.total_changes - before
