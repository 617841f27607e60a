"""Facets of a library's photos, counted from its indexes alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safelight.library.attributes.scores import measured_metrics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from safelight.library.database import Database


@dataclass(frozen=True, slots=True)
class Facets:
    """Values to filter by.

    Attributes
    ----------
    namespaces, cameras, labels : list of (str, int)
        Names and how many photos have them, most first.
    metrics : list of str
        Those that photos have scores of.
    taken : (str, str) or None
        The first and the last time of exposure.
    """

    namespaces: list[tuple[str, int]] = field(hash=False)
    cameras: list[tuple[str, int]] = field(hash=False)
    labels: list[tuple[str, int]] = field(hash=False)
    metrics: list[str] = field(hash=False)
    taken: tuple[str, str] | None


def facets(library: Database, namespaces: tuple[str, ...] | None = None) -> Facets:
    """Return the facets of a library, or of some of its namespaces."""
    keys = _namespace_keys(library, namespaces)
    # A `+` keeps SQLite from looking up each photo in its table: it is only asked whether it is
    # among those of the namespaces. Mostly all are, and then nothing has to be asked.
    there = "1" if _are_all_there(library, keys) else f"+item_pk IN ({_items_in(keys)})"
    return Facets(
        _by_namespace(library, keys),
        _by_camera(library, there),
        _by_label(library, keys, there),
        measured_metrics(library),
        _taken(library, keys),
    )


def common_cameras(library: Database, limit: int) -> list[str]:
    """Return the names of the cameras that took most photos, at most `limit`."""
    rows = library.connection.execute(
        "SELECT camera FROM items WHERE camera IS NOT NULL GROUP BY camera "
        "ORDER BY count(*) DESC, camera LIMIT ?",
        (limit,),
    )
    return [camera for (camera,) in rows]


def _namespace_keys(library: Database, namespaces: tuple[str, ...] | None) -> dict[int, str]:
    rows = library.connection.execute("SELECT pk, name FROM namespaces")
    return {key: name for key, name in rows if namespaces is None or name in namespaces}


def _items_in(keys: Iterable[int]) -> str:
    return f"SELECT item_pk FROM files WHERE namespace_pk IN ({_numbers(keys)}) AND gone = 0"


def _numbers(keys: Iterable[int]) -> str:
    return ",".join(map(str, keys))


def _are_all_there(library: Database, keys: Iterable[int]) -> bool:
    (missing,) = library.connection.execute(
        f"SELECT EXISTS (SELECT 1 FROM items WHERE +pk NOT IN ({_items_in(keys)} "
        "AND item_pk IS NOT NULL))"
    ).fetchone()
    return not missing


def _by_namespace(library: Database, keys: dict[int, str]) -> list[tuple[str, int]]:
    # A namespace at a time, the items of one come in order and need not be gathered to be counted.
    counts = []
    for key, name in keys.items():
        (count,) = library.connection.execute(
            "SELECT count(DISTINCT item_pk) FROM files WHERE namespace_pk = ? AND gone = 0 "
            "AND item_pk NOT IN (SELECT pk FROM items WHERE kind = 'text')",
            (key,),
        ).fetchone()
        counts.append((name, count))
    return _most_first(counts)


def _by_camera(library: Database, there: str) -> list[tuple[str, int]]:
    rows = library.connection.execute(
        "SELECT camera, count(*) FROM (SELECT camera, pk AS item_pk FROM items) "
        f"WHERE camera IS NOT NULL AND {there} GROUP BY camera"
    )
    return _most_first(rows)


def _by_label(library: Database, keys: dict[int, str], there: str) -> list[tuple[str, int]]:
    execute = library.connection.execute
    # As searches have it: in their space, by the label set that was used last.
    of_the_last_set = (
        "applies AND space_pk = (SELECT pk FROM spaces WHERE is_default) AND label_set_pk = "
        "(SELECT pk FROM label_sets ORDER BY used_at DESC, pk DESC LIMIT 1)"
    )
    counts: dict[str, int] = dict(
        execute(
            f"SELECT label, count(*) FROM labels WHERE {of_the_last_set} AND {there} GROUP BY label"
        ).fetchall()
    )
    # What photos' sources say about them, where that is not said already.
    said = (
        "SELECT m.value, count(DISTINCT f.item_pk) FROM metadata m "
        "JOIN files f ON f.pk = m.file_pk "
        f"WHERE m.key = 'label' AND f.gone = 0 AND f.namespace_pk IN ({_numbers(keys)}) "
        "AND f.item_pk NOT IN (SELECT pk FROM items WHERE kind = 'text') "
    )
    for label, count in execute(f"{said} GROUP BY m.value").fetchall():
        if label in counts:
            (_, more), *_ = execute(
                f"{said} AND m.value = ? AND f.item_pk NOT IN "
                f"(SELECT item_pk FROM labels WHERE {of_the_last_set} AND label = ?)",
                (label, label),
            )
            counts[label] += more
        else:
            counts[label] = count
    return _most_first(counts.items())


def _taken(library: Database, keys: Iterable[int]) -> tuple[str, str] | None:
    # From either end of the index, the first that is there.
    ends = [
        library.connection.execute(
            "SELECT i.taken_at FROM items i WHERE i.taken_at IS NOT NULL AND EXISTS (SELECT 1 "
            "FROM files f WHERE f.item_pk = i.pk AND f.gone = 0 "
            f"AND f.namespace_pk IN ({_numbers(keys)})) ORDER BY i.taken_at {direction} LIMIT 1"
        ).fetchone()
        for direction in ("ASC", "DESC")
    ]
    return None if ends[0] is None else (ends[0][0], ends[1][0])


def _most_first(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(
        ((name, count) for name, count in counts if count), key=lambda each: (-each[1], each[0])
    )
