"""Documents for vector stores: the vector of an item in one space, and its metadata."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.library.attributes.labels import applying_labels
from safelight.library.damage import stored_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from safelight.library.database import Database


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One item as a vector store keeps it.

    Attributes
    ----------
    photo_id : str
        Of a text, likewise the sha256 of its bytes.
    vector : (dimension,) float32
        Of unit length.
    namespaces : list of str
        Of its files that are there.
    taken_at : str or None
        As in :class:`safelight.types.Exif`.
    labels : list of str
        That apply, the most probable first.
    metadata : dict
        JSON-ready: paths, format, size, EXIF data, scores, and what its sources said.
    """

    photo_id: str
    vector: npt.NDArray[np.float32]
    namespaces: list[str]
    taken_at: str | None
    labels: list[str]
    metadata: dict[str, Any]


def read_documents(
    library: Database, fingerprint: str, item_ids: Sequence[str]
) -> dict[str, Document]:
    """Return documents by item id, of those with a vector in the space and a file that is there.

    Parameters
    ----------
    item_ids : sequence of str
        At most some hundred.
    """
    marks = ",".join("?" * len(item_ids))
    rows = library.connection.execute(
        "SELECT i.pk, i.id, i.kind, i.format, i.width, i.height, i.taken_at, i.exif, i.text, "
        "e.vector FROM items i JOIN embeddings e ON e.item_pk = i.pk "
        "AND e.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
        f"WHERE i.id IN ({marks})",
        (fingerprint, *item_ids),
    ).fetchall()
    keys = [row[0] for row in rows]
    files = _files(library, keys)
    scores = _scores(library, keys)
    labels = applying_labels(library, keys, fingerprint)
    found = {}
    for pk, item_id, kind, form, width, height, taken_at, exif, text, vector in rows:
        if pk not in files:
            continue
        places, said = files[pk]
        metadata: dict[str, Any] = {
            **said,
            **stored_json(exif),
            "type": "image" if kind == "photo" else kind,
            "filename": os.path.basename(places[0][1]),
            "paths": [path for _, path in places],
        }
        if kind == "photo":
            metadata |= {"format": form, "width": width, "height": height}
        else:
            metadata["text"] = text
        if pk in scores:
            metadata["scores"] = scores[pk]
        found[item_id] = Document(
            item_id,
            np.frombuffer(vector, "<f4"),
            list(dict.fromkeys(namespace for namespace, _ in places)),
            taken_at,
            labels.get(pk, []),
            without_nul(metadata),
        )
    return found


def _files(
    library: Database, keys: Sequence[int]
) -> dict[int, tuple[list[tuple[str, str]], dict[str, str]]]:
    """Return namespaces and paths by item key, and what was said about the first file of each."""
    rows = library.connection.execute(
        "SELECT f.pk, f.item_pk, n.name, f.path FROM files f "
        "JOIN namespaces n ON n.pk = f.namespace_pk "
        f"WHERE NOT f.gone AND f.item_pk IN ({','.join('?' * len(keys))}) ORDER BY f.pk",
        tuple(keys),
    ).fetchall()
    found: dict[int, tuple[list[tuple[str, str]], dict[str, str]]] = {}
    first: dict[int, int] = {}
    for file, item, namespace, path in rows:
        if item not in found:
            first[file] = item
            found[item] = ([], {})
        found[item][0].append((namespace, path))
    said = library.connection.execute(
        f"SELECT file_pk, key, value FROM metadata WHERE file_pk IN ({','.join('?' * len(first))})",
        tuple(first),
    )
    for file, key, value in said:
        found[first[file]][1][key] = value
    return found


def _scores(library: Database, keys: Sequence[int]) -> dict[int, dict[str, float]]:
    rows = library.connection.execute(
        "SELECT item_pk, metric, score FROM scores WHERE score IS NOT NULL "
        f"AND item_pk IN ({','.join('?' * len(keys))})",
        tuple(keys),
    )
    found: dict[int, dict[str, float]] = {}
    for item, metric, score in rows:
        found.setdefault(item, {})[metric] = score
    return found


def without_nul(value: Any) -> Any:
    """Return `value` without the one character that PostgreSQL keeps in no text."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [without_nul(each) for each in value]
    if isinstance(value, dict):
        return {without_nul(key): without_nul(each) for key, each in value.items()}
    return value
