"""Libraries as earlier versions of the schema have them, made from today's."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from safelight.library import schema
from safelight.library.database import Database

if TYPE_CHECKING:
    from pathlib import Path


def downgrade(path: Path, version: int) -> None:
    """Make a library one of an earlier version: with the columns of that version."""
    old = path.with_name(path.name + ".old")
    with Database(path) as library:
        library.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    target = sqlite3.connect(old, isolation_level=None)
    target.execute("PRAGMA foreign_keys = OFF")
    for step in schema.MIGRATIONS[:version]:
        step(target)
    target.execute(f"PRAGMA user_version = {version}")
    target.execute("DELETE FROM identity") if version > 5 else None
    source = sqlite3.connect(path)
    tables = target.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    ).fetchall()
    triggers = target.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    dropped = triggers.fetchall()
    for name, _ in dropped:
        target.execute(f"DROP TRIGGER {name}")
    for (table,) in tables:
        columns = [row[1] for row in target.execute(f"PRAGMA table_info({table})")]
        there = {row[1] for row in source.execute(f"PRAGMA table_info({table})")}
        common = ", ".join(column for column in columns if column in there)
        target.executemany(
            f"INSERT INTO {table} ({common}) VALUES ({', '.join('?' * (common.count(',') + 1))})",
            source.execute(f"SELECT {common} FROM {table}").fetchall(),
        )
    for _, statement in dropped:
        target.execute(statement)
    target.close()
    source.close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    old.replace(path)
