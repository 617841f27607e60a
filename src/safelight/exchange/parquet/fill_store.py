"""Send a data set straight into a vector store, without a library."""

from __future__ import annotations

import json
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from safelight.errors import SourceError, StoreError
from safelight.exchange.parquet.description import read_description
from safelight.exchange.parquet.load import Imported, photos_of
from safelight.exchange.parquet.locations import open_place
from safelight.exchange.parquet.parts import broken
from safelight.exchange.stores.feed import PATIENCE, put_all
from safelight.exchange.stores.retry import insist
from safelight.library.documents import Document, without_nul
from safelight.library.rows import check_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.exchange.stores import VectorStore
    from safelight.library.rows import PhotoRow

#: Items sent at once: 512 numbers and what is known about each come to some 3 MB of JSON.
_BATCH = 256


def import_into_store(
    store: VectorStore,
    url: str | os.PathLike[str],
    *,
    namespace: str | None = None,
    patience: float = PATIENCE,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Imported:
    """Send the photos of a data set to a vector store; what it has of them is replaced.

    The library that the data set comes from may go on feeding the store; another may not.

    Parameters
    ----------
    store : VectorStore
    url : str or path-like
        A folder, or a URL that fsspec knows.
    namespace : str, optional
        Where all photos go, whatever the data set says.
    patience : float
        Seconds for which it is tried again while the store does not answer.
    progress : callable
        Given the photos done, and all that there are; 0 if nobody knows.

    Raises
    ------
    SourceError
        There is no data set, or it is not finished.
    StoreError
        The store does not answer, or another library feeds it.
    UsageError
        The extra is not installed.
    """
    started = time.perf_counter()
    place = open_place(url)
    description = read_description(place)
    space = description.space
    order = {each.version: each.used_at for each in description.label_sets}
    problems: list[SourceError] = []
    refused: dict[str, str] = {}
    photos = sent = 0

    def patiently(do: Callable[[], None]) -> None:
        insist(do, patience=patience)

    patiently(partial(store.prepare, space, description.id))
    for part, rows in photos_of(place, description, problems, progress):
        try:
            check_rows(rows, space)
        except SourceError as exc:
            problems.append(broken(place, part, exc))
            continue
        photos += len(rows)
        found = [each for row in rows if (each := _document(row, order, namespace)) is not None]
        for start in range(0, len(found), _BATCH):
            some = found[start : start + _BATCH]
            no = put_all(store, space.fingerprint, some, patiently)
            refused |= no
            sent += len(some) - len(no)
    patiently(partial(store.finish, space.fingerprint))
    return Imported(
        place.shown,
        space.name,
        photos,
        sent,
        sent,
        0,
        0,
        (*problems, *(StoreError(f"{key[:12]}: {why}") for key, why in refused.items())),
        time.perf_counter() - started,
    )


def _document(row: PhotoRow, sets: dict[str, str], namespace: str | None) -> Document | None:
    """Return what :func:`safelight.library.documents.read_documents` would; None without a file."""
    files = [file for file in row.files if not file.gone]
    if row.vector is None or not files:
        return None
    metadata: dict[str, Any] = {
        **files[0].metadata,
        **json.loads(row.exif),
        "type": "image" if row.kind == "photo" else row.kind,
        "filename": os.path.basename(files[0].path),
        "paths": [file.path for file in files],
    }
    if row.kind == "photo":
        metadata |= {"format": row.format, "width": row.width, "height": row.height}
    else:
        metadata["text"] = row.text
    scores = {each.metric: each.score for each in row.scores if each.score is not None}
    if scores:
        metadata["scores"] = scores
    return Document(
        row.photo_id,
        row.vector,
        [namespace] if namespace else list(dict.fromkeys(file.namespace for file in files)),
        row.taken_at,
        _applying(row, sets),
        without_nul(metadata),
    )


def _applying(row: PhotoRow, sets: dict[str, str]) -> list[str]:
    """Return the labels that apply, by the set that was used last, the most probable first."""
    if not row.labels:
        return []
    last = max(row.labels, key=lambda version: sets.get(version, ""))
    applying = [each for each in row.labels[last].labels if each.applies]
    applying.sort(key=lambda each: (-each.calibrated, -each.confidence))
    return [each.label for each in applying]
