"""Values that filters can have, with how many photos have each; kept while nothing is written."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from safelight.library.browse import Filter, matching, present_mask
from safelight.library.conditions import CHOICES
from safelight.library.expression import Match
from safelight.library.files import in_namespaces
from safelight.library.folding import folded
from safelight.library.key_sets import kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from safelight.library.database import Database
    from safelight.library.key_sets import Mask

    Counts = list[tuple[str, int]]

_COLUMNS = {
    "camera": "camera", "lens": "lens", "iso": "iso", "f": "f_number", "shutter": "exposure_time",
    "focal": "focal_length", "rating": "rating",
}  # fmt: skip

_LABELS = (
    "SELECT label AS value, item_pk AS key FROM labels WHERE applies "
    "AND space_pk = (SELECT pk FROM spaces WHERE is_default) AND label_set_pk = "
    "(SELECT pk FROM label_sets ORDER BY used_at DESC, pk DESC LIMIT 1)"
)
_SEPARATORS = re.compile(r"[/\\]")

#: Digits of a time of exposure: of its year, its month, its day.
_YEAR, _MONTH, _DAY = 4, 7, 10


def value_counts(
    library: Database, name: str, text: str = "", namespaces: tuple[str, ...] | None = None
) -> Counts:
    """Return the values of a filter with their photos, the most common first.

    Parameters
    ----------
    name : str
        Of the filter.
    text : str
        What was typed of the value: for days it tells whether years, months or days are counted,
        of file names only those that begin with it are.
    namespaces : tuple of str, optional
        Only photos in these.
    """
    if name == "name":
        return _names(library, text, namespaces)
    detail = len(text) if name == "taken" else 0
    length = _YEAR if detail < _YEAR else _MONTH if detail < _MONTH else _DAY
    found: Counts = kept(
        library,
        ("counts", name, namespaces, length),
        lambda: _counted(library, name, namespaces, length),
    )
    return found


def _counted(
    library: Database, name: str, namespaces: tuple[str, ...] | None, length: int
) -> Counts:
    there = present_mask(library, Filter(namespaces=namespaces, photos_only=True))
    if name in _COLUMNS:
        column = _COLUMNS[name]
        return _grouped(
            library,
            f"SELECT {column} AS value, pk AS key FROM items WHERE {column} IS NOT NULL",
            there,
        )
    if name == "taken":
        return _grouped(
            library,
            f"SELECT substr(taken_at, 1, {length}) AS value, pk AS key FROM items "
            "WHERE taken_at IS NOT NULL",
            there,
        )
    if name == "keyword":
        return _grouped(library, "SELECT keyword AS value, item_pk AS key FROM keywords", there)
    if name == "label":
        return _grouped(library, _LABELS, there)
    if name in CHOICES:
        where = Filter(namespaces=namespaces, photos_only=True)
        counts = [
            (each, len(matching(library, where.with_facts(Match(name, each)))))
            for each in CHOICES[name]
        ]
        return _most_first(counts)
    if name == "in":
        seen, values = in_namespaces(namespaces)
        return _grouped(
            library,
            "SELECT n.name AS value, f.item_pk AS key FROM file_facts f JOIN namespaces n "
            f"ON n.pk = f.namespace_pk WHERE f.gone = 0 AND f.item_pk IS NOT NULL AND {seen}",
            there,
            values,
        )
    if name == "score":
        return _grouped(
            library,
            "SELECT metric AS value, item_pk AS key FROM scores WHERE score IS NOT NULL",
            there,
        )
    return _folders(library, namespaces, there) if name == "folder" else []


def _grouped(
    library: Database, statement: str, there: Mask, values: Sequence[object] = ()
) -> Counts:
    rows = library.connection.execute(
        f"SELECT value, group_concat(key) FROM ({statement}) GROUP BY value", values
    )
    return _most_first((_written(value), _count(keys, there)) for value, keys in rows)


def _count(keys: str, there: Mask) -> int:
    found = np.unique(np.fromstring(keys, np.int64, sep=","))
    return int(there[found[found < len(there)]].sum())


def _written(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _folders(library: Database, namespaces: tuple[str, ...] | None, there: Mask) -> Counts:
    seen, values = in_namespaces(namespaces)
    rows = library.connection.execute(
        "SELECT o.path, group_concat(f.item_pk) FROM file_facts f JOIN folders o "
        f"ON o.pk = f.folder_pk WHERE f.gone = 0 AND f.item_pk IS NOT NULL AND {seen} "
        "GROUP BY f.folder_pk",
        values,
    ).fetchall()
    parts = [
        (_SEPARATORS.split(path), np.fromstring(keys, np.int64, sep=",")) for path, keys in rows
    ]
    by_name: defaultdict[str, list[np.ndarray]] = defaultdict(list)
    for names, keys in parts:
        for name in dict.fromkeys(names):
            by_name[name].append(keys)
    # A folder that has all photos in it tells nothing apart, unless it is the only one.
    total = len(parts)
    counts = []
    for name, found in by_name.items():
        if name and (len(found) < total or (total == 1 and name == parts[0][0][-1])):
            keys = np.unique(np.concatenate(found))
            counts.append((name, int(there[keys[keys < len(there)]].sum())))
    return _most_first(counts)


def _names(library: Database, text: str, namespaces: tuple[str, ...] | None) -> Counts:
    wanted = folded(text).rstrip("*").replace("[", "[[]").replace("?", "[?]").replace("*", "[*]")
    if not wanted:
        return []
    seen, values = in_namespaces(namespaces)
    rows = library.connection.execute(
        "SELECT f.name, count(*) FROM file_facts f WHERE f.name GLOB ? AND f.gone = 0 "
        f"AND f.item_pk IS NOT NULL AND {seen} GROUP BY f.name ORDER BY f.name LIMIT 50",
        (f"{wanted}*", *values),
    )
    return [(name, count) for name, count in rows]


def _most_first(counts: Iterable[tuple[str, int]]) -> Counts:
    return sorted(
        ((name, count) for name, count in counts if count), key=lambda each: (-each[1], each[0])
    )
