"""Everything that a library knows about one photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.errors import LibraryError
from safelight.library.among import among
from safelight.library.attributes.scores import read_scores
from safelight.library.attributes.structures import read_structures
from safelight.library.damage import stored_json

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
    metadata: Mapping[str, str]


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
    exif: Mapping[str, Any]
    text: str | None
    files: tuple[PhotoFile, ...]
    labels: tuple[PhotoLabel, ...]
    scores: Mapping[str, ScoreRecord]
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
        "SELECT pk, id, kind, size, format, width, height, taken_at, added_at, exif, text "
        "FROM items WHERE id = ?",
        (photo_id,),
    ).fetchone()
    files = _files(library, row[0], namespaces) if row else ()
    if not files:
        raise LibraryError(
            f"There is no photo {photo_id[:12]} here.", code="no-photo", photo_id=photo_id
        )
    labels = execute(
        "SELECT l.label, l.confidence, l.cosine, l.calibrated, l.applies FROM labels l "
        "JOIN spaces s ON s.pk = l.space_pk WHERE l.item_pk = ? AND (l.space_pk, l.label_set_pk) "
        # Of several models and sets, the one searched with, and the newest.
        "= (SELECT d.space_pk, d.label_set_pk FROM labelled d JOIN spaces s ON s.pk = d.space_pk "
        "JOIN label_sets t ON t.pk = d.label_set_pk "
        "WHERE d.item_pk = ? ORDER BY s.is_default DESC, t.used_at DESC, t.pk DESC LIMIT 1) "
        "ORDER BY l.calibrated DESC, l.confidence DESC",
        (row[0], row[0]),
    )
    key, _, kind, size, form, width, height, taken_at, added_at, exif, text = row
    return Photo(
        key=key,
        id=photo_id,
        kind=kind,
        size=size,
        format=form,
        width=width,
        height=height,
        taken_at=taken_at,
        added_at=added_at if namespaces is None else _added_at(library, key, namespaces, added_at),
        exif=stored_json(exif),
        text=text,
        files=files,
        labels=tuple(
            PhotoLabel(label, confidence, cosine, calibrated, bool(applies))
            for label, confidence, cosine, calibrated, applies in labels
        ),
        scores=read_scores(library, [photo_id]).get(photo_id, {}),
        structure=read_structures(library, [key]).get(key),
    )


def _files(
    library: Database, key: int, namespaces: tuple[str, ...] | None
) -> tuple[PhotoFile, ...]:
    marks = ",".join("?" * len(namespaces or ()))
    scope = "1" if namespaces is None else f"n.name IN ({marks})"
    rows = library.connection.execute(
        "SELECT f.path, n.name, f.gone, "
        "(SELECT json_group_object(key, value) FROM metadata WHERE file_pk = f.pk) "
        "FROM files f JOIN namespaces n ON n.pk = f.namespace_pk "
        f"WHERE f.item_pk = ? AND {scope} ORDER BY f.gone, f.pk",
        (key, *(namespaces or ())),
    )
    return tuple(
        PhotoFile(path, namespace, bool(gone), stored_json(metadata))
        for path, namespace, gone, metadata in rows
    )


def _added_at(library: Database, key: int, namespaces: tuple[str, ...], otherwise: str) -> str:
    """Return when the first of some namespaces had a photo, as far as that was noted."""
    (found,) = library.connection.execute(
        "SELECT min(coalesce(f.added_at, ?)) FROM files f "
        "JOIN namespaces n ON n.pk = f.namespace_pk "
        f"WHERE f.item_pk = ? AND n.name IN ({','.join('?' * len(namespaces))})",
        (otherwise, key, *namespaces),
    ).fetchone()
    return str(found or otherwise)


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
