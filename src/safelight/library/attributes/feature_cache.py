"""Versioned cache of the features service's results."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from safelight.library.among import among
from safelight.library.damage import stored_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.library.database import Database


def write_features(
    library: Database, version: str, features: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write features by photo id, in one transaction; those of other versions stay.

    Parameters
    ----------
    version : str
        Of everything that the features depend on.
    features : mapping
        JSON-ready, by photo id. The library need not hold the photos.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with library.transaction() as connection:
        connection.executemany(
            "INSERT INTO features (photo_id, version, features, made_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (photo_id, version) DO UPDATE SET "
            "features = excluded.features, made_at = excluded.made_at",
            (
                (photo_id, version, json.dumps(found, ensure_ascii=False, allow_nan=False), now)
                for photo_id, found in features.items()
            ),
        )


def read_features(
    library: Database, version: str, photo_ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return the features of photos in this version, by photo id; nothing for those unknown."""
    found: dict[str, dict[str, Any]] = {}
    condition, ids = among("photo_id", photo_ids)
    rows = library.connection.execute(
        f"SELECT photo_id, features FROM features WHERE version = ? AND {condition}",
        (version, ids),
    )
    found |= {photo_id: stored_json(features) for photo_id, features in rows}
    return found
