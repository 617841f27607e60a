"""The labels of photos, by space and label set: writing, reading, and filtering by them."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from safelight.errors import LibraryError
from safelight.library.spaces import space_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from safelight.library.store import Library

#: SQLite's own limit on the variables of a statement was 999 for long.
_AT_ONCE = 900


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
    """What a photo was labelled with.

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
    """How many photos a label set has labelled in a space.

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


def use_label_set(
    library: Library, version: str, labels: Sequence[str], templates: Sequence[str]
) -> None:
    """Add a label set unless it is there, and note that it is the one used last."""
    with library.transaction() as connection:
        connection.execute(
            "INSERT INTO label_sets (version, labels, templates, used_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (version) DO UPDATE SET used_at = excluded.used_at",
            (
                version,
                json.dumps(labels, ensure_ascii=False),
                json.dumps(templates, ensure_ascii=False),
                datetime.now(UTC).isoformat(timespec="microseconds"),
            ),
        )


def write_labels(
    library: Library, fingerprint: str, version: str, photos: Mapping[str, LabelledPhoto]
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
        label_set = _set_key(connection, version)
        for photo_id, photo in photos.items():
            row = connection.execute("SELECT pk FROM items WHERE id = ?", (photo_id,)).fetchone()
            if row is None:
                continue
            key = (row[0], space, label_set)
            connection.execute(
                "DELETE FROM labelled WHERE (item_pk, space_pk, label_set_pk) = (?, ?, ?)", key
            )
            connection.execute("INSERT INTO labelled VALUES (?, ?, ?, ?)", (*key, photo.abstained))
            connection.executemany(
                "INSERT INTO labels VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (*key, each.label, each.confidence, each.cosine, each.calibrated, each.applies)
                    for each in photo.labels
                ),
            )


def _set_key(connection: sqlite3.Connection, version: str) -> int:
    row = connection.execute("SELECT pk FROM label_sets WHERE version = ?", (version,)).fetchone()
    if row is None:
        raise LibraryError(f"The library has no label set {version[:12]}.", code="no-label-set")
    return int(row[0])


def read_labels(
    library: Library, photo_ids: Sequence[str], fingerprint: str, version: str
) -> dict[str, LabelledPhoto]:
    """Return what photos were labelled with, by photo id; nothing for those that were not."""
    found: dict[str, tuple[bool, list[LabelRecord]]] = {}
    for start in range(0, len(photo_ids), _AT_ONCE):
        ids = photo_ids[start : start + _AT_ONCE]
        rows = library.connection.execute(
            "SELECT i.id, d.abstained, l.label, l.confidence, l.cosine, l.calibrated, l.applies "
            "FROM items i JOIN labelled d ON d.item_pk = i.pk "
            "AND d.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
            "AND d.label_set_pk = (SELECT pk FROM label_sets WHERE version = ?) "
            "LEFT JOIN labels l ON (l.item_pk, l.space_pk, l.label_set_pk) = "
            "(d.item_pk, d.space_pk, d.label_set_pk) "
            f"WHERE i.id IN ({','.join('?' * len(ids))}) ORDER BY l.confidence DESC",
            (fingerprint, version, *ids),
        )
        for photo_id, abstained, label, confidence, cosine, calibrated, applies in rows:
            labels = found.setdefault(photo_id, (bool(abstained), []))[1]
            if label is not None:
                labels.append(LabelRecord(label, confidence, cosine, calibrated, bool(applies)))
    return {
        photo_id: LabelledPhoto(tuple(labels), abstained)
        for photo_id, (abstained, labels) in found.items()
    }


def lacking_labels(
    library: Library, fingerprint: str, version: str, namespace: str | None = None
) -> list[tuple[str, str]]:
    """Return the photos with a vector in a space that a label set has not labelled yet.

    Parameters
    ----------
    namespace : str, optional
        Only photos with a file in it.

    Returns
    -------
    list of (str, str)
        Photo id, and the path of a file that is not gone; in the order in which they were added.
    """
    rows = library.connection.execute(
        "SELECT i.id, min(f.path) FROM items i JOIN files f ON f.item_pk = i.pk AND NOT f.gone "
        "JOIN namespaces n ON n.pk = f.namespace_pk AND (? IS NULL OR n.name = ?) "
        "WHERE i.kind = 'photo' AND EXISTS (SELECT 1 FROM embeddings e WHERE e.item_pk = i.pk "
        "AND e.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?)) "
        "AND NOT EXISTS (SELECT 1 FROM labelled d WHERE d.item_pk = i.pk "
        "AND d.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
        "AND d.label_set_pk = (SELECT pk FROM label_sets WHERE version = ?)) "
        "GROUP BY i.pk ORDER BY i.pk",
        (namespace, namespace, fingerprint, fingerprint, version),
    )
    return [(photo_id, path) for photo_id, path in rows]


def vectors_of(
    library: Library, photo_ids: Sequence[str], fingerprint: str
) -> dict[str, npt.NDArray[np.float32]]:
    """Return the vectors in a space, by photo id, of those of `photo_ids` that have one."""
    found: dict[str, npt.NDArray[np.float32]] = {}
    for start in range(0, len(photo_ids), _AT_ONCE):
        ids = photo_ids[start : start + _AT_ONCE]
        rows = library.connection.execute(
            "SELECT i.id, e.vector FROM items i JOIN embeddings e ON e.item_pk = i.pk "
            "AND e.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
            f"WHERE i.kind = 'photo' AND i.id IN ({','.join('?' * len(ids))})",
            (fingerprint, *ids),
        )
        found |= {photo_id: np.frombuffer(vector, "<f4") for photo_id, vector in rows}
    return found


def find_label(library: Library, label: str, fingerprint: str) -> str:
    """Return a label of the library as it is written there.

    Case does not matter, nor whether words are separated by spaces, hyphens or underscores:
    ``Wide-Shot`` is ``wide shot``.

    Raises
    ------
    LibraryError
        No photo was labelled by a set that has it. The message names those that are near.
    """
    sets = _sets(library, fingerprint)
    known = list(dict.fromkeys(each for _, labels in sets for each in labels))
    if label in known:
        return label
    alike = {_plain(each): each for each in reversed(known)}
    wanted = _plain(label)
    if wanted in alike:
        return alike[wanted]
    if not known:
        raise LibraryError(
            f"No photo of the library {library.path} was labelled yet in the space that is "
            "searched. `safelight label` labels them.",
            code="no-label",
            label=label,
        )
    within = [each for text, each in alike.items() if wanted in text.split()]
    near = difflib.get_close_matches(wanted, alike, n=5, cutoff=0.6)
    named = list(dict.fromkeys([*within, *(alike[each] for each in near)]))[:5]
    raise LibraryError(
        f"No label set that photos of this library were labelled with has {label!r}. "
        + (f"There is {', '.join(map(repr, named))}. " if named else "")
        + "`safelight status` counts the sets; `safelight label --labels FILE` labels with your "
        "own.",
        code="no-label",
        label=label,
    )


def _plain(label: str) -> str:
    return " ".join(re.split(r"[\s_-]+", label.strip().casefold()))


def with_label(library: Library, label: str, fingerprint: str) -> dict[int, float]:
    """Return the photos of a space to which a label applies: the probability by item key.

    Of several label sets that have the label, the one counts that was used last among those that
    labelled the photo.
    """
    found: dict[int, float] = {}
    later: list[int] = []
    for label_set, labels in _sets(library, fingerprint):
        if label not in labels:
            continue
        rows = library.connection.execute(
            "SELECT l.item_pk, l.calibrated FROM labels l WHERE l.label = ? "
            "AND l.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
            "AND l.applies AND l.label_set_pk = ? AND NOT EXISTS (SELECT 1 FROM labelled d "
            "WHERE (d.item_pk, d.space_pk) = (l.item_pk, l.space_pk) "
            f"AND d.label_set_pk IN ({','.join('?' * len(later))}))",
            (label, fingerprint, label_set, *later),
        )
        found |= dict(rows.fetchall())
        later.append(label_set)
    return found


def without_label(library: Library, label: str, fingerprint: str) -> set[int]:
    """Return the item keys of photos that were labelled, and to which a label does not apply."""
    sets = [each for each, labels in _sets(library, fingerprint) if label in labels]
    rows = library.connection.execute(
        "SELECT item_pk FROM labelled "
        "WHERE space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
        f"AND label_set_pk IN ({','.join('?' * len(sets))})",
        (fingerprint, *sets),
    )
    return {key for (key,) in rows} - with_label(library, label, fingerprint).keys()


def count_unlabelled(
    library: Library, label: str, fingerprint: str, namespace: str | None = None
) -> int:
    """Count the photos of a space that no set with this label has labelled yet."""
    sets = [each for each, labels in _sets(library, fingerprint) if label in labels]
    (count,) = library.connection.execute(
        "SELECT count(*) FROM items i WHERE i.kind = 'photo' "
        "AND EXISTS (SELECT 1 FROM embeddings e WHERE e.item_pk = i.pk "
        "AND e.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?)) "
        "AND EXISTS (SELECT 1 FROM files f JOIN namespaces n ON n.pk = f.namespace_pk "
        "WHERE f.item_pk = i.pk AND NOT f.gone AND (? IS NULL OR n.name = ?)) "
        "AND NOT EXISTS (SELECT 1 FROM labelled d WHERE d.item_pk = i.pk "
        "AND d.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
        f"AND d.label_set_pk IN ({','.join('?' * len(sets))}))",
        (fingerprint, namespace, namespace, fingerprint, *sets),
    ).fetchone()
    return int(count)


def applying_labels(
    library: Library, item_keys: Sequence[int], fingerprint: str
) -> dict[int, list[str]]:
    """Return the labels that apply to photos, by item key, the most probable first.

    Those of the label set that was used last among those that labelled the photo; none of a photo
    that was never labelled, and an empty list of one to which nothing applies.
    """
    found: dict[int, list[str]] = {}
    for start in range(0, len(item_keys), _AT_ONCE):
        keys = item_keys[start : start + _AT_ONCE]
        rows = library.connection.execute(
            "SELECT d.item_pk, d.label_set_pk, l.label FROM labelled d "
            "JOIN label_sets s ON s.pk = d.label_set_pk "
            "LEFT JOIN labels l ON l.applies AND (l.item_pk, l.space_pk, l.label_set_pk) = "
            "(d.item_pk, d.space_pk, d.label_set_pk) "
            "WHERE d.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
            f"AND d.item_pk IN ({','.join('?' * len(keys))}) "
            "ORDER BY s.used_at DESC, s.pk DESC, l.calibrated DESC, l.confidence DESC",
            (fingerprint, *keys),
        )
        last: dict[int, int] = {}
        for key, label_set, label in rows:
            if last.setdefault(key, label_set) == label_set:
                labels = found.setdefault(key, [])
                if label is not None:
                    labels.append(label)
    return found


def label_counts(library: Library, namespace: str | None = None) -> list[LabelCounts]:
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
        LabelCounts(version, space, len(json.loads(labels)), photos, abstained)
        for version, space, labels, photos, abstained in rows
    ]


def _sets(library: Library, fingerprint: str) -> list[tuple[int, list[str]]]:
    """Return key and labels of each set that labelled something in a space, last used first."""
    rows = library.connection.execute(
        "SELECT s.pk, s.labels FROM label_sets s WHERE EXISTS (SELECT 1 FROM labelled d "
        "WHERE d.label_set_pk = s.pk "
        "AND d.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?)) "
        "ORDER BY s.used_at DESC, s.pk DESC",
        (fingerprint,),
    )
    return [(pk, json.loads(labels)) for pk, labels in rows]
