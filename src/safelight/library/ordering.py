"""Sort orders of photos: by date taken, by date added, or by a score."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.errors import UsageError
from safelight.library.among import among
from safelight.library.attributes.scores import require_metric
from safelight.library.key_sets import kept, masked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.library.database import Database
    from safelight.library.key_sets import Keys

#: What an order looks like: ``taken``, ``added`` or ``score:METRIC``, a minus for the other way.
PATTERN = r"-?(taken|added|score:[a-z0-9_-]{1,40})"

#: The order of a burst.
_SUBSECOND = "coalesce(json_extract(i.exif, '$.subsecond'), 0)"

_COLUMNS = {"taken": "i.taken_at", "added": "i.pk"}


@dataclass(frozen=True, slots=True)
class _Order:
    column: str
    metric: str | None
    is_descending: bool


def order_by(
    library: Database, order: str | None, namespaces: tuple[str, ...] | None = None
) -> tuple[str, str, list[str]]:
    """Return the join to items ``i`` for an order, its ``ORDER BY``, and the join's values.

    With `namespaces`, a photo was added when one of these had it first.

    Raises
    ------
    UsageError
        There is no such order.
    LibraryError
        No photo has a score of the metric.
    """
    if order is None:
        return "", "i.pk", []
    wanted = _parsed(library, order)
    direction = "DESC" if wanted.is_descending else "ASC"
    column = wanted.column
    if column == "i.pk" and namespaces is not None:
        rows = library.connection.execute("SELECT pk, name FROM namespaces").fetchall()
        keys = ",".join(str(key) for key, name in rows if name in namespaces)
        first = (
            "(SELECT min(f.pk) FROM files f WHERE f.item_pk = i.pk AND NOT f.gone "
            f"AND f.namespace_pk IN ({keys}))"
        )
        return "", f"{first} {direction}", []
    if column == "i.pk":
        return "", f"i.pk {direction}", []
    if wanted.metric is not None:
        return _SCORES, f"{column} IS NULL, {column} {direction}, i.pk", [wanted.metric]
    # Of photos taken at one time, the one that was added last comes first if the last ones do.
    by = f"{column} {direction}, {_SUBSECOND} {direction}, i.pk {direction}"
    return "", f"{column} IS NULL, {by}", []


_SCORES = "LEFT JOIN scores s ON s.item_pk = i.pk AND s.metric = ?"


def in_order(
    library: Database, keys: Keys, order: str, namespaces: tuple[str, ...] | None = None
) -> list[int]:
    """Return the keys of items in an order; without those that are no longer there.

    With `namespaces`, a photo was added when one of these had it first.

    Raises
    ------
    UsageError
        There is no such order.
    LibraryError
        No photo has a score of the metric.
    """
    joined, by, values = order_by(library, order, namespaces)
    if len(keys) > _FEW and order.lstrip("-") == "taken":
        every = kept(library, order, lambda: _by_time(library, order.startswith("-")))
        chosen = masked(keys, int(max(every.max(initial=0), keys.max(initial=0))) + 1)
        found: list[int] = every[chosen[every]].tolist()
        return found
    rows = library.connection.execute(
        f"SELECT i.pk FROM items i {joined} WHERE i.pk IN (SELECT value FROM json_each(?)) "
        f"ORDER BY {by}",
        (*values, json.dumps(keys.tolist())),
    )
    return [key for (key,) in rows]


#: Items that are sorted by themselves; of more, all are, once, along the index.
_FEW = 2000


def _by_time(library: Database, is_descending: bool) -> Keys:
    way = "DESC" if is_descending else "ASC"
    dated = library.connection.execute(
        "SELECT i.pk FROM items i WHERE i.taken_at IS NOT NULL "
        f"ORDER BY i.taken_at {way}, {_SUBSECOND} {way}, i.pk {way}"
    ).fetchall()
    undated = library.connection.execute(
        f"SELECT pk FROM items WHERE taken_at IS NULL ORDER BY pk {way}"
    ).fetchall()
    return np.array([key for (key,) in (*dated, *undated)], np.int64)


def ordered(library: Database, ids: Sequence[str], order: str) -> list[str]:
    """Return the ids of photos in an order.

    Those of which it is not known, and those of which it is the same, stay as they are given, the
    former behind all others.

    Raises
    ------
    UsageError
        There is no such order.
    LibraryError
        No photo has a score of the metric.
    """
    wanted = _parsed(library, order)
    values = () if wanted.metric is None else (wanted.metric,)
    condition, wanted_ids = among("i.id", ids)
    rows = library.connection.execute(
        f"SELECT i.id, {wanted.column}, {_SUBSECOND if wanted.column == 'i.taken_at' else 0} "
        f"FROM items i {_SCORES if values else ''} "
        f"WHERE {condition}",
        (*values, wanted_ids),
    )
    known = {each: (value, part) for each, value, part in rows if value is not None}
    return [
        *sorted(
            (each for each in ids if each in known),
            key=known.__getitem__,
            reverse=wanted.is_descending,
        ),
        *(each for each in ids if each not in known),
    ]


def is_order(text: str) -> bool:
    """Return whether a text has the form of an order."""
    return re.fullmatch(PATTERN, text) is not None


def _parsed(library: Database, order: str) -> _Order:
    if not is_order(order):
        raise UsageError(
            f"Unknown order {order!r}. Choose from: taken, added and score:METRIC; with a "
            "minus before them the last, or best, comes first.",
            code="order",
            order=order,
        )
    name, _, metric = order.removeprefix("-").partition(":")
    if metric:
        require_metric(library, metric)
    return _Order(_COLUMNS.get(name, "s.score"), metric or None, order.startswith("-"))
