"""Sort orders of photos: by date taken, by date added, or by a score."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True, slots=True)
class SortColumns:
    """The columns that photos are sorted by, none of which is ever null: no two photos are equal.

    Attributes
    ----------
    columns : tuple of (str, bool)
        Expressions over items ``i``; True for those of which the largest comes first.
    join : str
        The join that they need.
    values : tuple of str
        Its values.
    """

    columns: tuple[tuple[str, bool], ...]
    join: str = ""
    values: tuple[str, ...] = ()

    @property
    def order_by(self) -> str:
        """The ``ORDER BY``."""
        return ", ".join(
            f"{column} {'DESC' if is_descending else 'ASC'}"
            for column, is_descending in self.columns
        )

    def after(self, place: Sequence[Any]) -> tuple[str, list[Any]]:
        """Return the condition, with its values, that a photo comes behind a place."""
        either: list[str] = []
        values: list[Any] = []
        for number, (column, is_descending) in enumerate(self.columns):
            before = [f"{name} = ?" for name, _ in self.columns[:number]]
            either.append(" AND ".join([*before, f"{column} {'<' if is_descending else '>'} ?"]))
            values += [*place[:number], place[number]]
        return f"({' OR '.join(either)})", values


def sort_columns(
    library: Database, order: str | None, namespaces: tuple[str, ...] | None = None
) -> SortColumns:
    """Return the columns of an order; by key if there is none.

    With `namespaces`, a photo was added when one of these had it first.

    Raises
    ------
    UsageError
        There is no such order.
    LibraryError
        No photo has a score of the metric.
    """
    if order is None:
        return SortColumns((("i.pk", False),))
    wanted = _parsed(library, order)
    last_first = wanted.is_descending
    if wanted.column == "i.pk" and namespaces is not None:
        rows = library.connection.execute("SELECT pk, name FROM namespaces").fetchall()
        keys = ",".join(str(key) for key, name in rows if name in namespaces)
        first = (
            "(SELECT min(f.pk) FROM files f WHERE f.item_pk = i.pk AND NOT f.gone "
            f"AND f.namespace_pk IN ({keys}))"
        )
        return SortColumns(((first, last_first),))
    if wanted.column == "i.pk":
        return SortColumns((("i.pk", last_first),))
    is_unknown = (f"({wanted.column} IS NULL)", False)
    if wanted.metric is not None:
        score = (f"coalesce({wanted.column}, 0)", last_first)
        return SortColumns((is_unknown, score, ("i.pk", False)), _SCORES, (wanted.metric,))
    # Of photos taken at one time, the one that was added last comes first if the last ones do.
    time = (f"coalesce({wanted.column}, '')", last_first)
    return SortColumns((is_unknown, time, (_SUBSECOND, last_first), ("i.pk", last_first)))


def places_of(
    library: Database, keys: Sequence[int], columns: SortColumns
) -> dict[int, tuple[Any, ...]]:
    """Return the place of items in an order, by key, of those that are there."""
    names = ", ".join(column for column, _ in columns.columns)
    rows = library.connection.execute(
        f"SELECT i.pk, {names} FROM items i {columns.join} "
        "WHERE i.pk IN (SELECT value FROM json_each(?))",
        (*columns.values, json.dumps(list(keys))),
    )
    return {key: tuple(place) for key, *place in rows}


_SCORES = "LEFT JOIN scores s ON s.item_pk = i.pk AND s.metric = ?"


def in_order(
    library: Database,
    keys: Keys,
    order: str | None,
    namespaces: tuple[str, ...] | None = None,
    after: Sequence[Any] | None = None,
) -> list[int]:
    """Return the keys of items in an order; without those that are no longer there.

    With `namespaces`, a photo was added when one of these had it first.

    Parameters
    ----------
    after : sequence, optional
        Only what comes behind this place; see :func:`places_of`.

    Raises
    ------
    UsageError
        There is no such order.
    LibraryError
        No photo has a score of the metric.
    """
    columns = sort_columns(library, order, namespaces)
    if len(keys) > _FEW and after is None and order in ("taken", "-taken"):
        every = kept(library, order, lambda: _by_time(library, order == "-taken"))
        chosen = masked(keys, int(max(every.max(initial=0), keys.max(initial=0))) + 1)
        found: list[int] = every[chosen[every]].tolist()
        return found
    behind, place = ("1", []) if after is None else columns.after(after)
    rows = library.connection.execute(
        f"SELECT i.pk FROM items i {columns.join} WHERE i.pk IN (SELECT value FROM json_each(?)) "
        f"AND {behind} ORDER BY {columns.order_by}",
        (*columns.values, json.dumps(keys.tolist()), *place),
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
        f"SELECT i.pk FROM items i WHERE i.taken_at IS NULL ORDER BY {_SUBSECOND} {way}, i.pk {way}"
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
