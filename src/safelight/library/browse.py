"""Browse photos without a query: filters, orders, cards.

The filters are those of a search as well: :func:`matching` gives the keys that it may return.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.arguments import as_kind, as_list
from safelight.errors import UsageError
from safelight.library.conditions import Scope, label_space, labelled, passing
from safelight.library.expression import Days, Match, Not, Range, Score, conjuncts, together
from safelight.library.files import in_namespaces, inside_folder
from safelight.library.key_sets import kept, keys_of, masked
from safelight.library.ordering import in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.library.database import Database
    from safelight.library.expression import Expression
    from safelight.library.key_sets import Keys, Mask


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions for the photos of a list; None and empty values set none.

    Attributes
    ----------
    namespaces : tuple of str or None
        It has a file in one of them.
    camera : str or None
        As :func:`safelight.library.facets.facets` calls it, or words that its name has, whatever
        their case.
    labels : tuple of (str, bool)
        Labels that apply to the photo, or that its source gave it; with False, that do not.
    taken_from, taken_to : str or None
        ``YYYY-MM-DD``, both included, in the camera's own time.
    least : mapping of str to float
        At least these scores, as in ``{"focus": 0.6}``.
    said : tuple of (str, tuple of str)
        Its source said one of these of it: a key of the metadata, and values.
    photos_only : bool
        No texts.
    under : str or None
        It has a file in this folder, at any depth; an absolute path.
    space : str or None
        Fingerprint of the space whose labels count; that of the library's default if None.
    facts : Expression or None
        The filters of a query.
    """

    namespaces: tuple[str, ...] | None = None
    camera: str | None = None
    labels: tuple[tuple[str, bool], ...] = ()
    taken_from: str | None = None
    taken_to: str | None = None
    least: Mapping[str, float] = field(default_factory=dict, hash=False)
    said: tuple[tuple[str, tuple[str, ...]], ...] = ()
    photos_only: bool = False
    under: str | None = None
    space: str | None = None
    facts: Expression | None = None

    @property
    def expression(self) -> Expression | None:
        """All conditions on what a photo is, as one expression.

        Raises
        ------
        UsageError
            A date is none, or the last day is before the first.
        """
        parts: list[Expression | None] = []
        if self.camera is not None:
            parts.append(Match("camera", self.camera))
        if self.taken_from is not None or self.taken_to is not None:
            parts.append(Match("taken", _days(self.taken_from, self.taken_to)))
        for label, wanted in self.labels:
            parts.append(Match("label", label) if wanted else Not(Match("label", label)))
        for metric, score in self.least.items():
            parts.append(Match("score", Score(metric, Range(score))))
        return together(*parts, self.facts)

    @property
    def wanted_labels(self) -> tuple[tuple[str, bool], ...]:
        """Labels that all photos must have, or must not have."""
        found = []
        for part in conjuncts(self.expression):
            inner = part.part if isinstance(part, Not) else part
            if isinstance(inner, Match) and inner.name == "label":
                found.append((str(inner.value), inner is part))
        return tuple(found)

    def with_facts(self, facts: Expression | None) -> Filter:
        """Return the filter with the filters of a query; ``in:`` chooses among its namespaces."""
        namespaces = self.namespaces
        rest: list[Expression] = []
        for part in conjuncts(facts):
            named = part.value if isinstance(part, Match) and part.name == "in" else None
            if isinstance(named, str) and (namespaces is None or named in namespaces):
                namespaces = (named,)
            else:
                rest.append(part)
        return replace(self, namespaces=namespaces, facts=together(self.facts, *rest))

    def __post_init__(self) -> None:
        if self.namespaces is not None:
            names = as_list(self.namespaces, "namespaces", str)
            object.__setattr__(self, "namespaces", tuple(names))
        labels: Any = self.labels
        if isinstance(labels, str):
            labels = (labels,)
        as_kind(labels, "labels", "labels with True or False", tuple, list)
        pairs = tuple((each, True) if isinstance(each, str) else each for each in labels)
        object.__setattr__(self, "labels", pairs)
        as_kind(self.said, "said", "keys with their values", tuple, list)
        as_kind(self.least, "least", "scores by metric", Mapping)

    @property
    def is_plain(self) -> bool:
        """True if every photo with a file passes."""
        return self == Filter(photos_only=self.photos_only, space=self.space)

    @property
    def key(self) -> tuple[object, ...]:
        """Something hashable that is the same for the same filter."""
        return (
            self.namespaces,
            self.camera,
            self.labels,
            self.taken_from,
            self.taken_to,
            tuple(sorted(self.least.items())),
            self.said,
            self.photos_only,
            self.under,
            self.space,
            self.facts,
        )


@dataclass(frozen=True, slots=True)
class Card:
    """One photo in a list.

    Attributes
    ----------
    key : int
        Its item's row key.
    photo_id, path, name, namespace : str
        One of its files that are there.
    width, height : int
    format : str
    taken_at : str or None
    """

    key: int
    photo_id: str
    path: str
    name: str
    namespace: str
    width: int
    height: int
    format: str
    taken_at: str | None


def matching(
    library: Database,
    where: Filter,
    order: str | None = None,
    after: Sequence[Any] | None = None,
) -> list[int]:
    """Return the keys of all items with a file that is there and to which a filter applies.

    Parameters
    ----------
    order : str, optional
        ``taken``, ``-taken``, ``added``, ``-added``, ``score:METRIC`` or ``-score:METRIC``; the
        minus means last, or best, first. By key if not given.
    after : sequence, optional
        Only what comes behind this place; see :func:`safelight.library.ordering.places_of`.

    Raises
    ------
    UsageError
        There is no such order, or a date is none.
    LibraryError
        No photo has a score of a metric that ``least`` or the order names.
    """
    keys = _chosen(library, where)
    if order is None and after is None:
        return keys.tolist()  # type: ignore[no-any-return]
    return in_order(library, keys, order, where.namespaces, after)


def with_labels(
    library: Database,
    labels: Sequence[tuple[str, bool]],
    namespaces: tuple[str, ...] | None = None,
    space: str | None = None,
) -> dict[int, float]:
    """Return the item keys of photos that have, or have not, these labels.

    Each with the least of their probabilities. What a photo's source says about it is certain, and
    so is what it lacks. What sources of other namespaces say does not count. Labels of a model are
    those made in `space`, a fingerprint, or else in the library's default.

    Raises
    ------
    LibraryError
        No photo was labelled with one of them, and no source says it.
    """
    fingerprint = label_space(library, space)
    found: dict[int, float] | None = None
    for label, wanted in labels:
        some = labelled(library, label, wanted, namespaces, fingerprint)
        if found is None:
            found = some
        else:
            found = {key: min(found[key], some[key]) for key in found.keys() & some.keys()}
    return found or {}


def cards(
    library: Database, keys: Sequence[int], namespaces: tuple[str, ...] | None = None
) -> list[Card]:
    """Return the cards of photos by key, in that order; without those that have no file there."""
    found: dict[int, Card] = {}
    scope, values = in_namespaces(namespaces)
    rows = library.connection.execute(
        # With min(), SQLite takes the other columns from the row of the minimum.
        "SELECT min(f.pk), i.pk, i.id, f.path, n.name, i.width, i.height, i.format, "
        "i.taken_at FROM items i JOIN files f ON f.item_pk = i.pk "
        "JOIN namespaces n ON n.pk = f.namespace_pk "
        f"WHERE i.pk IN (SELECT value FROM json_each(?)) AND i.kind = 'photo' "
        f"AND NOT f.gone AND {scope} GROUP BY i.pk",
        (json.dumps(list(keys)), *values),
    )
    for _, key, photo_id, path, namespace, width, height, form, taken_at in rows:
        found[key] = Card(
            key,
            photo_id,
            path,
            os.path.basename(path),
            namespace,
            width or 0,
            height or 0,
            form or "",
            taken_at,
        )
    return [found[key] for key in keys if key in found]


def present(library: Database, keys: Sequence[int], where: Filter) -> dict[int, str]:
    """Return the ids, by key, of items with a file in a filter's namespaces and folder."""
    scope, values = in_namespaces(where.namespaces)
    inside, folder = inside_folder("f.path", where.under)
    kind = "i.kind = 'photo'" if where.photos_only else "1"
    rows = library.connection.execute(
        "SELECT i.pk, i.id FROM items i WHERE i.pk IN (SELECT value FROM json_each(?)) "
        f"AND {kind} "
        "AND EXISTS (SELECT 1 FROM files f WHERE f.item_pk = i.pk AND NOT f.gone "
        f"AND {scope} AND {inside})",
        (json.dumps(list(keys)), *values, *folder),
    )
    return dict(rows.fetchall())


def _chosen(library: Database, where: Filter) -> Keys:
    """Return the keys of items to which a filter applies, ascending."""
    found = present_mask(library, where)
    for name, options in where.said:
        said = keys_of(
            library,
            "SELECT f.item_pk FROM metadata m JOIN files f ON f.pk = m.file_pk "
            f"WHERE m.key = ? AND m.value IN ({','.join('?' * len(options))}) "
            "AND f.item_pk IS NOT NULL",
            [name, *options],
        )
        found = found & masked(said, len(found))
    if (expression := where.expression) is not None:
        scope = Scope(where.namespaces, where.space)
        found = found & passing(library, expression, scope, len(found))
    return np.flatnonzero(found)


def present_mask(library: Database, where: Filter) -> Mask:
    """Return which items, by key, have a present file in a filter's namespaces and folder."""
    found: Mask = kept(
        library,
        ("present", where.namespaces, where.under, where.photos_only),
        lambda: _present(library, where),
    )
    return found


def _present(library: Database, where: Filter) -> Mask:
    scope, values = in_namespaces(where.namespaces)
    inside, folder = inside_folder("f.path", where.under)
    there = keys_of(
        library,
        "SELECT f.item_pk FROM files f WHERE f.gone = 0 AND f.item_pk IS NOT NULL "
        f"AND {scope} AND {inside}",
        [*values, *folder],
    )
    found = masked(there, int(there.max(initial=0)) + 1)
    if where.photos_only:
        found &= ~masked(keys_of(library, "SELECT pk FROM items WHERE kind = 'text'"), len(found))
    return found


def _days(first: str | None, last: str | None) -> Days:
    begin = None if first is None else _day(first)
    end = None if last is None else _day(last)
    if begin and end and end < begin:
        raise UsageError(f"The last day, {last}, is before the first, {first}.", code="date")
    return Days(begin.isoformat() if begin else None, end.isoformat() if end else None)


def _day(text: str) -> date:
    # Python takes other spellings of ISO 8601 as well, week dates among them.
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise UsageError(f"{text!r} is not a date. Write it as YYYY-MM-DD.", code="date", date=text)
