"""What was found of which photo was made from which: what need not be looked at again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from safelight.library.damage import stored_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.library.store import Library

    #: By photo id: the id of what it was made from, and how.
    Found = Mapping[str, tuple[str, str]]


def read_origins(library: Library, version: str) -> dict[str, dict[str, tuple[str, str]]]:
    """Return what was found, in a version, by the id of the group that was looked at."""
    rows = library.connection.execute(
        "SELECT group_id, found FROM origins WHERE version = ?", (version,)
    )
    return {
        group: {photo: (source, how) for photo, (source, how) in stored_json(found).items()}
        for group, found in rows
    }


def write_origins(library: Library, version: str, found: Mapping[str, Found]) -> None:
    """Keep what was found of groups, by their ids, in one transaction."""
    with library.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO origins (group_id, version, found) VALUES (?, ?, ?)",
            (
                (group, version, json.dumps({photo: list(told) for photo, told in each.items()}))
                for group, each in found.items()
            ),
        )
