"""Browse photos without a query: filters, orders, cards.

The filters are those of a search as well: :func:`matching` gives the keys that it may return.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from safelight.errors import LibraryError, UsageError
from safelight.library.attributes.label_filter import find_label, with_label, without_label
from safelight.library.attributes.scores import at_least
from safelight.library.files import in_namespaces, inside_folder
from safelight.library.ordering import sort_columns
from safelight.library.spaces import default_space

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.library.database import Database


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
    condition, values = _condition(library, where)
    columns = sort_columns(library, order, where.namespaces)
    if after is not None:
        behind, place = columns.after(after)
        condition, values = f"{condition} AND {behind}", [*values, *place]
    rows = library.connection.execute(
        f"SELECT i.pk FROM items i {columns.join} WHERE {condition} ORDER BY {columns.order_by}",
        (*columns.values, *values),
    )
    keys = [key for (key,) in rows]
    if where.least:
        enough = set(at_least(library, where.least))
        keys = [key for key in keys if key in enough]
    if where.labels:
        labelled = with_labels(library, where.labels, where.namespaces, where.space)
        keys = [key for key in keys if key in labelled]
    return keys


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
    fingerprint = space or ""
    if space is None and (default := default_space(library)) is not None:
        fingerprint = default.fingerprint
    found: dict[int, float] | None = None
    scope, values = in_namespaces(namespaces)
    for wanted_label, wanted in labels:
        rows = library.connection.execute(
            "SELECT DISTINCT f.item_pk FROM metadata m JOIN files f ON f.pk = m.file_pk "
            f"WHERE m.key = 'label' AND m.value = ? AND NOT f.gone AND f.item_pk IS NOT NULL "
            f"AND {scope}",
            (wanted_label, *values),
        )
        said = {key for (key,) in rows}
        try:
            label = find_label(library, wanted_label, fingerprint)
        except LibraryError:
            if not said:
                raise
            some = dict.fromkeys(said, 1.0) if wanted else _others(library, said)
        else:
            if wanted:
                some = with_label(library, label, fingerprint) | dict.fromkeys(said, 1.0)
            else:
                some = dict.fromkeys(without_label(library, label, fingerprint) - said, 1.0)
        if found is None:
            found = some
        else:
            found = {key: min(found[key], some[key]) for key in found.keys() & some.keys()}
    return found or {}


def _others(library: Database, said: set[int]) -> dict[int, float]:
    rows = library.connection.execute("SELECT pk FROM items WHERE kind = 'photo'")
    return {key: 1.0 for (key,) in rows if key not in said}


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


def cameras_named(library: Database, text: str) -> list[str]:
    """Return the cameras that a text names, by their name or by words of it, whatever the case.

    Examples
    --------
    ``canon`` names every Canon; ``Canon EOS R5`` that one, and no ``Canon EOS R5 C``.
    """
    rows = library.connection.execute("SELECT DISTINCT camera FROM items WHERE camera IS NOT NULL")
    cameras = sorted(camera for (camera,) in rows)
    wanted = " ".join(text.casefold().split())
    exact = [camera for camera in cameras if " ".join(camera.casefold().split()) == wanted]
    if exact or not wanted:
        return exact
    return [
        camera for camera in cameras if all(word in camera.casefold() for word in wanted.split())
    ]


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


def _condition(library: Database, where: Filter) -> tuple[str, list[Any]]:
    scope, values = in_namespaces(where.namespaces)
    inside, folder = inside_folder("f.path", where.under)
    parts = [
        "EXISTS (SELECT 1 FROM files f WHERE f.item_pk = i.pk AND NOT f.gone "
        f"AND {scope} AND {inside})",
    ]
    given: list[Any] = [*values, *folder]
    if where.photos_only:
        parts.append("i.kind = 'photo'")
    for name, options in where.said:
        parts.append(
            "i.pk IN (SELECT f.item_pk FROM metadata m JOIN files f ON f.pk = m.file_pk "
            f"WHERE m.key = ? AND m.value IN ({','.join('?' * len(options))}))"
        )
        given += [name, *options]
    if where.camera is not None:
        named = cameras_named(library, where.camera)
        parts.append(f"i.camera IN ({','.join('?' * len(named))})")
        given += named
    if where.taken_from and where.taken_to and _day(where.taken_to) < _day(where.taken_from):
        raise UsageError(
            f"The last day, {where.taken_to}, is before the first, {where.taken_from}.", code="date"
        )
    if where.taken_from is not None:
        parts.append("i.taken_at >= ?")
        given.append(_day(where.taken_from).isoformat())
    if where.taken_to is not None:
        last = _day(where.taken_to)
        parts.append("i.taken_at < ?")
        given.append((last + timedelta(days=1)).isoformat() if last < date.max else "9999-12-32")
    return " AND ".join(parts), given


def _day(text: str) -> date:
    # Python takes other spellings of ISO 8601 as well, week dates among them.
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise UsageError(f"{text!r} is not a date. Write it as YYYY-MM-DD.", code="date", date=text)
