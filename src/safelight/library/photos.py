"""Everything that a library knows about one photo."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safelight.errors import LibraryError
from safelight.library.among import among
from safelight.library.attributes.scores import read_scores
from safelight.library.attributes.structures import read_structures
from safelight.library.damage import stored_json
from safelight.library.files import in_namespaces
from safelight.library.items import added_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.library.attributes.scores import ScoreRecord
    from safelight.library.database import Database
    from safelight.types import Structure


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A path at which a photo was seen, and what its source said about it."""

    path: str
    namespace: str
    gone: bool
    metadata: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class PhotoLabel:
    """A label of a photo; see the table ``labels``."""

    label: str
    confidence: float
    cosine_score: float
    calibrated: float
    applies: bool


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo or text, with all data about it."""

    key: int
    id: str
    kind: str
    size: int
    format: str | None
    width: int | None
    height: int | None
    taken_at: str | None
    added_at: str
    exif: Mapping[str, Any] = field(hash=False)
    text: str | None
    files: tuple[PhotoFile, ...]
    labels: tuple[PhotoLabel, ...]
    scores: Mapping[str, ScoreRecord] = field(hash=False)
    structure: Structure | None = None


def read_photo(
    library: Database, photo_id: str, namespaces: tuple[str, ...] | None = None
) -> Photo:
    """Return all that is known about a photo, or text.

    Parameters
    ----------
    namespaces : tuple of str, optional
        Only what has a file in one of these, and only those files.

    Raises
    ------
    LibraryError
        There is no such photo.
    """
    execute = library.connection.execute
    row = execute(
        "SELECT pk, id, kind, size, format, width, height, taken_at, exif, text "
        "FROM items WHERE id = ?",
        (photo_id,),
    ).fetchone()
    files = files_of(library, [row[0]], namespaces).get(row[0], ()) if row else ()
    if not files:
        raise LibraryError(
            f"There is no photo {photo_id[:12]} here.", code="no-photo", photo_id=photo_id
        )
    key, _, kind, size, form, width, height, taken_at, exif, text = row
    return Photo(
        key=key,
        id=photo_id,
        kind=kind,
        size=size,
        format=form,
        width=width,
        height=height,
        taken_at=taken_at,
        added_at=added_at(library, [key], namespaces)[key],
        exif=stored_json(exif),
        text=text,
        files=files,
        labels=labels_of(library, [key]).get(key, ()),
        scores=read_scores(library, [photo_id]).get(photo_id, {}),
        structure=read_structures(library, [key]).get(key),
    )


def labels_of(library: Database, keys: Sequence[int]) -> dict[int, tuple[PhotoLabel, ...]]:
    """Return the labels of photos by key, the most probable first; of those that were labelled.

    Of several models and sets, those of the model that is searched with, and of its newest set.
    """
    found: dict[int, list[PhotoLabel]] = {}
    rows = library.connection.execute(
        "WITH chosen AS (SELECT d.item_pk, d.space_pk, d.label_set_pk, row_number() OVER ("
        "PARTITION BY d.item_pk ORDER BY s.is_default DESC, t.used_at DESC, t.pk DESC) AS number "
        "FROM labelled d JOIN spaces s ON s.pk = d.space_pk "
        "JOIN label_sets t ON t.pk = d.label_set_pk "
        "WHERE d.item_pk IN (SELECT value FROM json_each(?))) "
        "SELECT c.item_pk, l.label, l.confidence, l.cosine, l.calibrated, l.applies FROM chosen c "
        "LEFT JOIN labels l ON (l.item_pk, l.space_pk, l.label_set_pk) "
        "= (c.item_pk, c.space_pk, c.label_set_pk) "
        "WHERE c.number = 1 ORDER BY l.calibrated DESC, l.confidence DESC",
        (json.dumps(list(keys)),),
    )
    for key, label, confidence, cosine, calibrated, applies in rows:
        of_photo = found.setdefault(key, [])
        if label is not None:
            of_photo.append(PhotoLabel(label, confidence, cosine, calibrated, bool(applies)))
    return {key: tuple(labels) for key, labels in found.items()}


def files_of(
    library: Database, keys: Sequence[int], namespaces: tuple[str, ...] | None = None
) -> dict[int, tuple[PhotoFile, ...]]:
    """Return the files of photos by key, those that are there first."""
    found: dict[int, list[PhotoFile]] = {}
    scope, names = in_namespaces(namespaces)
    rows = library.connection.execute(
        "SELECT f.item_pk, f.path, n.name, f.gone, "
        "(SELECT json_group_object(key, value) FROM metadata WHERE file_pk = f.pk) "
        "FROM files f JOIN namespaces n ON n.pk = f.namespace_pk "
        f"WHERE f.item_pk IN (SELECT value FROM json_each(?)) AND {scope} "
        "ORDER BY f.gone, f.pk",
        (json.dumps(list(keys)), *names),
    )
    for key, path, namespace, gone, metadata in rows:
        file = PhotoFile(path, namespace, bool(gone), stored_json(metadata))
        found.setdefault(key, []).append(file)
    return {key: tuple(files) for key, files in found.items()}


def ids_beginning(library: Database, beginning: str, limit: int = 2) -> list[str]:
    """Return the ids of at most `limit` photos and texts that begin with some hex digits."""
    rows = library.connection.execute(
        # "g" comes after every hex digit
        "SELECT id FROM items WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (beginning, beginning + "g", limit),
    )
    return [photo_id for (photo_id,) in rows]


def known_ids(
    library: Database, photo_ids: Sequence[str], namespaces: tuple[str, ...] | None = None
) -> frozenset[str]:
    """Return which of these photos the library has; with `namespaces`, in one of these."""
    found: set[str] = set()
    scope, names = "1", namespaces or ()
    if namespaces is not None:
        scope = (
            "EXISTS (SELECT 1 FROM files f JOIN namespaces n ON n.pk = f.namespace_pk "
            f"WHERE f.item_pk = i.pk AND n.name IN ({','.join('?' * len(names))}))"
        )
    condition, ids = among("i.id", photo_ids)
    rows = library.connection.execute(
        f"SELECT i.id FROM items i WHERE {condition} AND {scope}",
        (ids, *names),
    )
    found |= {photo_id for (photo_id,) in rows}
    return frozenset(found)
