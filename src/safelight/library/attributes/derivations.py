"""Stored derivations of groups, so that no group is opened twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from safelight.library.among import among
from safelight.library.damage import stored_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from safelight.library.database import Database


def read_derivations(
    library: Database, version: str, group_ids: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Return stored derivations of groups, in a version, by their ids.

    A group's id stands for its photos, and a photo's for its bytes: nothing here can be of others.
    """
    condition, ids = among("group_id", group_ids)
    rows = library.connection.execute(
        f"SELECT group_id, found FROM origins WHERE version = ? AND {condition}",
        (version, ids),
    )
    return {group: stored_json(found) for group, found in rows}


def write_derivations(
    library: Database, version: str, found: Mapping[str, Mapping[str, Any]]
) -> None:
    """Store derivations of groups, by their ids, in one transaction."""
    with library.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO origins (group_id, version, found) VALUES (?, ?, ?)",
            ((group, version, json.dumps(told)) for group, told in found.items()),
        )
