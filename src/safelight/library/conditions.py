"""Compiler from filter expressions to SQL: each filter is one statement over an index.

Their keys are combined as masks. A negation holds for every photo for which the filter does not:
``-camera:canon`` also for those without a camera. Of what has to be computed first (labels,
scores, looks), it holds only for photos of which it was: one that was not labelled is not known to
lack a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from safelight.errors import LibraryError
from safelight.library.attributes.label_filter import find_label, with_label, without_label
from safelight.library.attributes.scores import require_metric
from safelight.library.expression import (
    AllOf,
    AnyOf,
    Circle,
    Days,
    Not,
    Range,
    Score,
)
from safelight.library.file_conditions import in_folder, in_namespace, with_name
from safelight.library.files import in_namespaces
from safelight.library.folding import folded
from safelight.library.key_sets import kept, keys_of, masked
from safelight.library.nearby import items_near
from safelight.library.spaces import default_space
from safelight.library.stacks import COPIES
from safelight.library.words import with_keyword, with_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.library.database import Database
    from safelight.library.expression import Expression
    from safelight.library.key_sets import Keys, Mask

    Filtered: TypeAlias = Callable[[Database, Any, "Scope"], Keys]

#: Cameras round what they write: f/2.8 may be 2.79999.
_TOLERANCE = 0.001

_FORMATS = {
    "raw": "RAW", "heic": "HEIF", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF",
    "tiff": "TIFF", "avif": "AVIF",
}  # fmt: skip

_ANIMATIONS = (
    "SELECT s.item_pk FROM structures s, json_each(s.structure, '$.parts') p "
    "WHERE s.structure LIKE '%frames%' AND json_extract(p.value, '$.kind') = 'frames'"
)

_KINDS = {
    "animation": _ANIMATIONS,
    # What is at least twice as wide as high; panoramas of phones and stitchers are.
    "panorama": "kind = 'photo' AND width >= 2 * height",
    "text": "kind = 'text'",
}

_STATES = {
    "landscape": "kind = 'photo' AND width > height",
    "portrait": "kind = 'photo' AND height > width",
    "square": "kind = 'photo' AND width = height",
    "undated": "kind = 'photo' AND taken_at IS NULL",
    "located": "latitude IS NOT NULL",
}

#: Values of the filters that have a choice of them.
CHOICES: dict[str, tuple[str, ...]] = {
    "kind": (*_FORMATS, *_KINDS),
    "is": (*_STATES, "duplicate"),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Part of a library that filters see.

    Attributes
    ----------
    namespaces : tuple of str or None
        Files elsewhere are not seen.
    space : str or None
        Fingerprint of the space whose labels count; that of the library's default if None.
    """

    namespaces: tuple[str, ...] | None = None
    space: str | None = None


def passing(library: Database, expression: Expression, scope: Scope, size: int) -> Mask:
    """Return which items, by key below `size`, an expression holds for.

    Raises
    ------
    LibraryError
        It names a label or a metric that there is not.
    """
    return _passing(library, expression, scope, size, True)


def _passing(
    library: Database, expression: Expression, scope: Scope, size: int, wanted: bool
) -> Mask:
    match expression:
        case Not(part):
            return _passing(library, part, scope, size, not wanted)
        case AllOf(parts) | AnyOf(parts):
            combine = np.logical_and if isinstance(expression, AllOf) == wanted else np.logical_or
            masks = [_passing(library, part, scope, size, wanted) for part in parts]
            return combine.reduce(masks)  # type: ignore[no-any-return]
    if expression.name in _COMPUTED:
        return masked(_COMPUTED[expression.name](library, expression.value, scope, wanted), size)
    found = masked(_FACTS[expression.name](library, expression.value, scope), size)
    return found if wanted else ~found


def _taken(library: Database, value: Any, _: Scope) -> Keys:
    days: Days = value
    condition, values = "taken_at IS NOT NULL", []
    if days.first is not None:
        condition += " AND taken_at >= ?"
        values.append(days.first)
    if days.last is not None:
        condition += " AND taken_at < ?"
        last = date.fromisoformat(days.last)
        values.append((last + timedelta(1)).isoformat() if last < date.max else "9999-12-32")
    return _items(library, condition, values)


def _items(library: Database, condition: str, values: Sequence[object] = ()) -> Keys:
    return keys_of(library, f"SELECT pk FROM items WHERE {condition}", values)


def _named(column: str) -> Filtered:
    def find(library: Database, value: Any, _: Scope) -> Keys:
        named = values_named(library, column, value)
        return _items(library, f"{column} IN ({','.join('?' * len(named))})", named)

    return find


def _number(column: str, tolerance: float = 0.0) -> Filtered:
    def find(library: Database, value: Any, _: Scope) -> Keys:
        condition, values = in_range(column, value, tolerance)
        return _items(library, f"{column} IS NOT NULL AND {condition}", values)

    return find


def in_range(column: str, bounds: Range, tolerance: float = 0.0) -> tuple[str, list[float]]:
    """Return the condition that a column lies in a range."""
    parts, values = [], []
    if bounds.low is not None:
        sign = 1 if bounds.above else -1
        parts.append(f"{column} {'>' if bounds.above else '>='} ?")
        values.append(bounds.low * (1 + sign * tolerance))
    if bounds.high is not None:
        sign = -1 if bounds.below else 1
        parts.append(f"{column} {'<' if bounds.below else '<='} ?")
        values.append(bounds.high * (1 + sign * tolerance))
    return " AND ".join(parts) or "1", values


def _rating(library: Database, value: Any, _: Scope) -> Keys:
    """Return photos of a rating; one that is not rated has none, which is 0."""
    bounds: Range = value
    if not bounds.has(0):
        condition, values = in_range("rating", bounds)
        return _items(library, f"rating IS NOT NULL AND {condition}", values)
    # All photos without those that have another one: most have none, and none is in no index.
    condition, values = in_range("rating", bounds)
    others = _items(library, f"rating IS NOT NULL AND NOT ({condition})", values)
    return np.setdiff1d(_items(library, "kind = 'photo'"), others, assume_unique=True)


def _near(library: Database, value: Any, _: Scope) -> Keys:
    circle: Circle = value
    return items_near(library, circle)


def _kind(library: Database, value: Any, _: Scope) -> Keys:
    if value in _FORMATS:
        return _items(library, "kind = 'photo' AND format = ?", [_FORMATS[value]])
    if value == "animation":
        return keys_of(library, _ANIMATIONS)
    return _items(library, _KINDS[value])


def _state(library: Database, value: Any, scope: Scope) -> Keys:
    if value != "duplicate":
        return _items(library, _STATES[value])
    seen, names = in_namespaces(scope.namespaces)
    several = keys_of(
        library,
        "SELECT f.item_pk FROM files f WHERE f.item_pk IS NOT NULL AND f.gone = 0 "
        f"AND {seen} GROUP BY f.item_pk HAVING count(*) > 1",
        names,
    )
    # Both sides are asked for, so that one of a pair elsewhere tells nothing.
    there = f"EXISTS (SELECT 1 FROM files f WHERE f.item_pk = e.{{}} AND f.gone = 0 AND {seen})"
    pairs = [
        keys_of(
            library,
            f"SELECT e.{side} FROM edges e JOIN items a ON a.pk = e.a_pk JOIN items b "
            f"ON b.pk = e.b_pk WHERE e.relation IN ({','.join('?' * len(COPIES))}) "
            f"AND {there.format('a_pk')} AND {there.format('b_pk')} "
            "AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.decision = 'not-duplicates' "
            "AND (d.a_id, d.b_id) = (min(a.id, b.id), max(a.id, b.id)))",
            [*COPIES, *names, *names],
        )
        for side in ("a_pk", "b_pk")
    ]
    return np.concatenate([several, *pairs])


def _score(library: Database, value: Any, _: Scope, wanted: bool) -> Keys:
    score: Score = value
    require_metric(library, score.metric)
    condition, values = in_range("score", score.range)
    return keys_of(
        library,
        "SELECT item_pk FROM scores WHERE metric = ? AND score IS NOT NULL "
        f"AND {'' if wanted else 'NOT '}({condition})",
        [score.metric, *values],
    )


def _label(library: Database, value: Any, scope: Scope, wanted: bool) -> dict[int, float]:
    space = label_space(library, scope.space)
    return labelled(library, value, wanted, scope.namespaces, space)


def label_space(library: Database, space: str | None) -> str:
    """Return the fingerprint of the space whose labels count."""
    if space is None and (default := default_space(library)) is not None:
        return default.fingerprint
    return space or ""


def labelled(
    library: Database, label: str, wanted: bool, namespaces: tuple[str, ...] | None, space: str
) -> dict[int, float]:
    """Return the item keys of photos that have, or have not, a label: its probability.

    What a photo's source says about it is certain, and so is what it lacks. What sources of other
    namespaces say does not count.

    Raises
    ------
    LibraryError
        No photo was labelled with it, and no source says it.
    """
    seen, values = in_namespaces(namespaces)
    rows = library.connection.execute(
        "SELECT DISTINCT f.item_pk FROM metadata m JOIN files f ON f.pk = m.file_pk "
        f"WHERE m.key = 'label' AND m.value = ? AND NOT f.gone AND f.item_pk IS NOT NULL "
        f"AND {seen}",
        (label, *values),
    )
    said = {key for (key,) in rows}
    try:
        known = find_label(library, label, space)
    except LibraryError:
        if not said:
            raise
        if wanted:
            return dict.fromkeys(said, 1.0)
        photos = library.connection.execute("SELECT pk FROM items WHERE kind = 'photo'")
        return {key: 1.0 for (key,) in photos if key not in said}
    if wanted:
        return with_label(library, known, space) | dict.fromkeys(said, 1.0)
    return dict.fromkeys(without_label(library, known, space) - said, 1.0)


def values_named(library: Database, kind: str, text: str) -> list[str]:
    """Return the cameras or lenses that a text names, by their name or by words of it.

    Case and accents do not matter.

    Examples
    --------
    ``canon`` names every Canon; ``Canon EOS R5`` that one, and no ``Canon EOS R5 C``.
    """
    known = kept(library, kind, lambda: distinct(library, kind))
    wanted = folded(text)
    exact = [name for name in known if folded(name) == wanted]
    if exact or not wanted:
        return exact
    words = wanted.split()
    return [name for name in known if all(word in folded(name) for word in words)]


def distinct(library: Database, column: str) -> list[str]:
    """Return the values of an indexed column of items, ascending."""
    # From one value to the next in the index; DISTINCT would read every row of it.
    rows = library.connection.execute(
        f"WITH RECURSIVE each (value) AS (SELECT min({column}) FROM items UNION ALL "
        f"SELECT (SELECT min(i.{column}) FROM items i WHERE i.{column} > each.value) FROM each "
        "WHERE each.value IS NOT NULL) SELECT value FROM each WHERE value IS NOT NULL"
    )
    return [value for (value,) in rows]


_FACTS: dict[str, Filtered] = {
    "taken": _taken,
    "camera": _named("camera"),
    "lens": _named("lens"),
    "iso": _number("iso"),
    "f": _number("f_number", _TOLERANCE),
    "shutter": _number("exposure_time", _TOLERANCE),
    "focal": _number("focal_length", _TOLERANCE),
    "rating": _rating,
    "keyword": lambda library, value, _: with_keyword(library, value),
    "title": lambda library, value, _: with_words(library, "title", value),
    "caption": lambda library, value, _: with_words(library, "caption", value),
    "near": _near,
    "kind": _kind,
    "is": _state,
    "name": lambda library, value, scope: with_name(library, value, scope.namespaces),
    "folder": lambda library, value, scope: in_folder(library, value, scope.namespaces),
    "in": lambda library, value, scope: in_namespace(library, value, scope.namespaces),
}

_COMPUTED: dict[str, Callable[[Database, Any, Scope, bool], Keys | dict[int, float]]] = {
    "score": _score,
    "label": _label,
}
