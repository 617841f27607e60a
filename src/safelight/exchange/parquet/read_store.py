"""Rows read back from a vector store, for when the library itself is lost."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.errors import StoreError
from safelight.exchange.parquet.description import Description
from safelight.exchange.parquet.export import write_data_set
from safelight.exchange.parquet.locations import open_place
from safelight.library.rows import FileRow, PhotoRow, Provenance
from safelight.types import Exif

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterator

    from safelight.exchange.parquet.export import Exported
    from safelight.exchange.stores import VectorStore
    from safelight.library.documents import Document
    from safelight.types import Space

_EXIF = frozenset(each.name for each in dataclasses.fields(Exif))

#: What safelight itself says about an item; all else was said by its source.
_OWN = frozenset({"type", "filename", "paths", "format", "width", "height", "text", "scores"})


def export_store(
    store: VectorStore,
    url: str | os.PathLike[str],
    space: Space,
    *,
    namespaces: Collection[str] = (),
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Exported:
    """Export one space of a vector store as a data set.

    It is less than the library has: no sizes and times of files, hashes, failures, nor scores and
    labels, which a store has without their versions.

    Parameters
    ----------
    store : VectorStore
    url : str or path-like
        A folder, or a URL that fsspec knows.
    space : Space
    namespaces : collection of str
        Only photos in one of them; all if empty.
    overwrite : bool
        Replace the data set that is there.
    progress : callable
        Given the photos done, and all that there are to do.

    Raises
    ------
    StoreError
        The store does not answer, or never received this space.
    UsageError, SourceError
        As of :func:`~safelight.exchange.parquet.export.export_library`.
    """
    return write_data_set(
        open_place(url),
        Description(space),
        _rows(store, space, frozenset(namespaces)),
        (),
        store.count(space.fingerprint),
        digits=0,  # a store gives items in an order of its own
        overwrite=overwrite,
        progress=progress,
    )


def _rows(store: VectorStore, space: Space, namespaces: frozenset[str]) -> Iterator[PhotoRow]:
    provenance = Provenance(space.fingerprint, space.name)
    for each in store.documents(space.fingerprint):
        if each.vector.shape != (space.dimension,):
            raise StoreError(
                f"{store.shown} has vectors of {len(each.vector)} numbers, not of "
                f"{space.dimension} as {space.name}. Name the model that it was fed with.",
                store=store.shown,
            )
        if not namespaces or namespaces.intersection(each.namespaces):
            yield _row(each, provenance, namespaces)


def _row(document: Document, provenance: Provenance, namespaces: frozenset[str]) -> PhotoRow:
    known = document.metadata
    exif = {name: known[name] for name in known.keys() & _EXIF}
    if document.taken_at is not None:
        exif["taken_at"] = document.taken_at
    said = {
        name: value
        for name, value in known.items()
        if name not in _OWN | _EXIF and isinstance(value, str)
    }
    # Which file is in which of several namespaces, a store does not know.
    wanted = [name for name in document.namespaces if not namespaces or name in namespaces]
    length = np.linalg.norm(document.vector)
    return PhotoRow(
        document.photo_id,
        "text" if known.get("type") == "text" else "photo",
        0,
        document.vector / length if length else document.vector,  # half precision may have moved it
        _of(known, "format", str),
        _of(known, "width", int),
        _of(known, "height", int),
        document.taken_at,
        json.dumps(exif, ensure_ascii=False),
        _of(known, "text", str),
        files=tuple(
            FileRow(wanted[0], path, path, metadata=said)
            for path in known.get("paths", ())
            if isinstance(path, str)
        ),
        provenance=provenance,
    )


def _of(known: dict[str, Any], name: str, kind: type) -> Any:
    value = known.get(name)
    return value if isinstance(value, kind) else None
