"""Stored labels of photos, by space and label set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from safelight.library.among import among
from safelight.library.attributes.label_sets import label_set_key
from safelight.library.attributes.lacking import photos_where
from safelight.library.damage import stored_json
from safelight.library.items import item_keys
from safelight.library.spaces import space_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    import numpy.typing as npt

    from safelight.library.database import Database

Key = TypeVar("Key", bound="Hashable")


_LABEL = "d.abstained, l.label, l.confidence, l.cosine, l.calibrated, l.applies"

_WITH_LABELS = (
    "LEFT JOIN labels l ON (l.item_pk, l.space_pk, l.label_set_pk) = "
    "(d.item_pk, d.space_pk, d.label_set_pk)"
)


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """A label of a photo, as the library keeps it.

    Attributes
    ----------
    label : str
    confidence, cosine, calibrated : float
        See :class:`safelight.labels.LabelScore`.
    applies : bool
    """

    label: str
    confidence: float
    cosine: float
    calibrated: float
    applies: bool


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """Labels of a photo.

    Attributes
    ----------
    labels : tuple of LabelRecord
        Those that rank first, and all that apply; highest confidence first.
    abstained : bool
        Whether no label of the set applies.
    """

    labels: tuple[LabelRecord, ...]
    abstained: bool


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Number of photos that a label set has labelled in a space.

    Attributes
    ----------
    version : str
        Of the label set.
    space : str
        The name of the model.
    labels : int
        In the set.
    photos, abstained : int
        Labelled photos, and those among them to which no label applies.
    """

    version: str
    space: str
    labels: int
    photos: int
    abstained: int


def write_labels(
    library: Database, fingerprint: str, version: str, photos: Mapping[str, LabelledPhoto]
) -> None:
    """Write labels by photo id, in one transaction; they replace those of the same set.

    Labels of a photo that the library does not have, or has no longer, are left out.

    Parameters
    ----------
    fingerprint : str
        Of the space that the photos were labelled in.
    version : str
        Of a label set that :func:`use_label_set` has added.

    Raises
    ------
    SpaceError
        The library has no such space.
    LibraryError
        It has no such label set.
    """
    with library.transaction() as connection:
        space = space_key(connection, fingerprint)
        label_set = label_set_key(connection, version)
        keys = item_keys(connection, list(photos))
        connection.executemany(
            "DELETE FROM labelled WHERE (item_pk, space_pk, label_set_pk) = (?, ?, ?)",
            ((key, space, label_set) for key in keys.values()),
        )
        _insert(
            connection,
            space,
            {(keys[each], label_set): photos[each] for each in photos if each in keys},
        )


def add_labels(
    connection: sqlite3.Connection, space: int, photos: Mapping[tuple[int, int], LabelledPhoto]
) -> None:
    """Write labels by item key and key of the label set, where that set has labelled nothing yet.

    Parameters
    ----------
    space : int
        Its row key.
    """
    lacking = dict(photos)
    items = list({item for item, _ in photos})
    for known in connection.execute(
        "SELECT item_pk, label_set_pk FROM labelled WHERE space_pk = ? "
        "AND item_pk IN (SELECT value FROM json_each(?))",
        (space, json.dumps(list(items))),
    ):
        lacking.pop(known, None)
    _insert(connection, space, lacking)


def _insert(
    connection: sqlite3.Connection, space: int, photos: Mapping[tuple[int, int], LabelledPhoto]
) -> None:
    connection.executemany(
        "INSERT INTO labelled (item_pk, space_pk, label_set_pk, abstained) VALUES (?, ?, ?, ?)",
        ((item, space, label_set, each.abstained) for (item, label_set), each in photos.items()),
    )
    connection.executemany(
        "INSERT INTO labels VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                *(item, space, label_set),
                *(each.label, each.confidence, each.cosine, each.calibrated, each.applies),
            )
            for (item, label_set), photo in photos.items()
            for each in photo.labels
        ),
    )


def read_labels(
    library: Database, photo_ids: Sequence[str], fingerprint: str, version: str
) -> dict[str, LabelledPhoto]:
    """Return the labels of photos, by photo id; unlabelled photos are missing."""
    found: dict[str, LabelledPhoto] = {}
    condition, ids = among("i.id", photo_ids)
    rows = library.connection.execute(
        f"SELECT i.id, {_LABEL} FROM items i JOIN labelled d ON d.item_pk = i.pk "
        "AND d.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
        "AND d.label_set_pk = (SELECT pk FROM label_sets WHERE version = ?) "
        f"{_WITH_LABELS} "
        f"WHERE {condition} ORDER BY l.confidence DESC",
        (fingerprint, version, ids),
    )
    found |= _collected((photo_id, values) for photo_id, *values in rows)
    return found


def labels_by_key(
    connection: sqlite3.Connection, space: int, item_keys: Sequence[int]
) -> dict[int, dict[str, LabelledPhoto]]:
    """Return the labels of photos, by item key and version of the label set.

    Parameters
    ----------
    space : int
        Its row key.
    item_keys : sequence of int
        At most some hundred.
    """
    rows = connection.execute(
        f"SELECT d.item_pk, s.version, {_LABEL} FROM labelled d "
        f"JOIN label_sets s ON s.pk = d.label_set_pk {_WITH_LABELS} "
        f"WHERE d.space_pk = ? AND d.item_pk IN ({','.join('?' * len(item_keys))}) "
        "ORDER BY d.item_pk, s.used_at, s.pk, l.confidence DESC",
        (space, *item_keys),
    )
    found: dict[int, dict[str, LabelledPhoto]] = {}
    collected = _collected(((item, version), values) for item, version, *values in rows)
    for (item, version), photo in collected.items():
        found.setdefault(item, {})[version] = photo
    return found


def _collected(rows: Iterable[tuple[Key, Sequence[Any]]]) -> dict[Key, LabelledPhoto]:
    """Return the photos of rows of labels; a photo without any has one row of null."""
    found: dict[Key, tuple[bool, list[LabelRecord]]] = {}
    for key, (abstained, label, confidence, cosine, calibrated, applies) in rows:
        labels = found.setdefault(key, (bool(abstained), []))[1]
        if label is not None:
            labels.append(LabelRecord(label, confidence, cosine, calibrated, bool(applies)))
    return {
        key: LabelledPhoto(tuple(labels), abstained) for key, (abstained, labels) in found.items()
    }


def lacking_labels(
    library: Database, fingerprint: str, version: str, namespace: str | None = None
) -> list[tuple[str, str]]:
    """Return the photos with a vector in a space that a label set has not labelled yet.

    See :func:`photos_where`.
    """
    is_lacking = (
        "EXISTS (SELECT 1 FROM embeddings e WHERE e.item_pk = i.pk "
        "AND e.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?)) "
        "AND NOT EXISTS (SELECT 1 FROM labelled d WHERE d.item_pk = i.pk "
        "AND d.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
        "AND d.label_set_pk = (SELECT pk FROM label_sets WHERE version = ?))"
    )
    return photos_where(library, is_lacking, (fingerprint, fingerprint, version), namespace)


def vectors_of(
    library: Database, photo_ids: Sequence[str], fingerprint: str
) -> dict[str, npt.NDArray[np.float32]]:
    """Return the vectors in a space, by photo id, of those of `photo_ids` that have one."""
    found: dict[str, npt.NDArray[np.float32]] = {}
    condition, ids = among("i.id", photo_ids)
    rows = library.connection.execute(
        "SELECT i.id, e.vector FROM items i JOIN embeddings e ON e.item_pk = i.pk "
        "AND e.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
        f"WHERE i.kind = 'photo' AND {condition}",
        (fingerprint, ids),
    )
    found |= {photo_id: np.frombuffer(vector, "<f4") for photo_id, vector in rows}
    return found


def applying_labels(
    library: Database, item_keys: Sequence[int], fingerprint: str
) -> dict[int, list[str]]:
    """Return the labels that apply to photos, by item key, the most probable first.

    Those of the label set that was used last among those that labelled the photo; none of a photo
    that was never labelled, and an empty list of one to which nothing applies.
    """
    found: dict[int, list[str]] = {}
    rows = library.connection.execute(
        "SELECT d.item_pk, d.label_set_pk, l.label FROM labelled d "
        "JOIN label_sets s ON s.pk = d.label_set_pk "
        "LEFT JOIN labels l ON l.applies AND (l.item_pk, l.space_pk, l.label_set_pk) = "
        "(d.item_pk, d.space_pk, d.label_set_pk) "
        "WHERE d.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
        "AND d.item_pk IN (SELECT value FROM json_each(?)) "
        "ORDER BY s.used_at DESC, s.pk DESC, l.calibrated DESC, l.confidence DESC",
        (fingerprint, json.dumps(list(item_keys))),
    )
    last: dict[int, int] = {}
    for key, label_set, label in rows:
        if last.setdefault(key, label_set) == label_set:
            labels = found.setdefault(key, [])
            if label is not None:
                labels.append(label)
    return found


def label_counts(library: Database, namespace: str | None = None) -> list[LabelCounts]:
    """Count labelled photos with a file that is not gone, by set and space, last used first."""
    rows = library.connection.execute(
        "SELECT s.version, p.name, s.labels, count(*), sum(d.abstained) FROM labelled d "
        "JOIN label_sets s ON s.pk = d.label_set_pk JOIN spaces p ON p.pk = d.space_pk "
        "WHERE EXISTS (SELECT 1 FROM files f JOIN namespaces n ON n.pk = f.namespace_pk "
        "WHERE f.item_pk = d.item_pk AND NOT f.gone AND (? IS NULL OR n.name = ?)) "
        "GROUP BY s.pk, p.pk ORDER BY s.used_at DESC, s.pk DESC, p.pk",
        (namespace, namespace),
    )
    return [
        LabelCounts(version, space, len(stored_json(labels)), photos, abstained)
        for version, space, labels, photos, abstained in rows
    ]
