"""Search: a query in, hits out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from safelight.errors import DecodeError, QueryError
from safelight.library.exact import open_index
from safelight.library.files import allowed_items, places
from safelight.library.items import vectors_by_id
from safelight.library.scores import at_least
from safelight.model import Hit
from safelight.query import Term, parse_query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from safelight.embedding.protocol import Embedder
    from safelight.library.files import Place
    from safelight.library.index import Neighbours, VectorIndex
    from safelight.library.store import Library


def search(
    library: Library,
    query: str | Sequence[Term],
    embedder: Embedder,
    *,
    top: int = 10,
    namespace: str | None = None,
    under: str | os.PathLike[str] | None = None,
    min_score: float | None = None,
    least: Mapping[str, float] | None = None,
    index: VectorIndex | None = None,
    pixel_limit: int = 200_000_000,
) -> list[Hit]:
    """Return the photos and texts nearest to `query`, best first, one hit each.

    Parameters
    ----------
    library : Library
    query : str or sequence of Term
        See :mod:`safelight.query`.
    embedder : Embedder
        Of a space of the library.
    top : int
    namespace : str, optional
        Only files of it.
    under : path-like, optional
        Only files in this folder, at any depth.
    min_score : float, optional
        Only hits with at least this cosine.
    least : mapping of str to float, optional
        Only photos with at least these scores, as in ``{"focus": 0.6}``.
    index : VectorIndex, optional
        Of the embedder's space, to be used again; opened if not given.
    pixel_limit : int
        For images in the query.

    Raises
    ------
    QueryError
        The query cannot be parsed, or an image in it cannot be read.
    SpaceError
        Nothing in the library was embedded by this model.
    LibraryError
        No photo has a score of a metric that `least` names.
    """
    if top < 1:
        raise QueryError(f"The number of hits must be at least 1, not {top}.")
    terms = parse_query(query) if isinstance(query, str) else list(query)
    if index is None:
        index = open_index(library, embedder.fingerprint)
    vector = query_vector(library, terms, embedder, pixel_limit=pixel_limit)
    folder = None if under is None else os.path.abspath(os.path.expanduser(under))
    if namespace is None and folder is None and not least:
        return _all(library, index, vector, top, min_score)
    allowed = np.asarray(allowed_items(library, namespace=namespace, under=folder), np.int64)
    if least:
        allowed = np.intersect1d(allowed, np.asarray(at_least(library, least), np.int64))
    found = index.search(vector, top, allowed=allowed)
    at = places(library, found.keys.tolist(), namespace=namespace, under=folder)
    return _hits(found, at, min_score)


def _all(
    library: Library,
    index: VectorIndex,
    vector: npt.NDArray[np.float32],
    top: int,
    min_score: float | None,
) -> list[Hit]:
    # Nearly every item has a file that is still there: cheaper to ask for a few too many, and
    # again for more, than to list all that are allowed.
    wanted = top + 16
    while True:
        found = index.search(vector, wanted)
        at = places(library, found.keys.tolist())
        if len(at) >= top or len(found.keys) < wanted:
            break
        wanted *= 4
    return _hits(found, at, min_score)[:top]


def _hits(found: Neighbours, at: Mapping[int, Place], min_score: float | None) -> list[Hit]:
    return [
        Hit(float(score), place.path, place.item_id, place.namespace, place.metadata)
        for key, score in zip(found.keys.tolist(), found.scores, strict=True)
        if (place := at.get(key)) and (min_score is None or score >= min_score)
    ]


def query_vector(
    library: Library, terms: Sequence[Term], embedder: Embedder, *, pixel_limit: int = 200_000_000
) -> npt.NDArray[np.float32]:
    """Return the weighted sum of the terms' vectors, (dimension,) float32 of unit length.

    Raises
    ------
    QueryError
        An image cannot be read, a photo is not known, or the terms cancel each other out.
    """
    vectors = np.empty((len(terms), embedder.dimension), np.float32)
    texts = [number for number, term in enumerate(terms) if term.kind == "text"]
    if texts:
        vectors[texts] = embedder.encode_texts([terms[number].value for number in texts])
    for number, term in enumerate(terms):
        if term.kind == "image":
            vectors[number] = _image_vector(term.value, embedder, pixel_limit)
        elif term.kind == "photo":
            vectors[number] = _photo_vector(library, term.value, embedder.fingerprint)
    return weighted_sum(vectors, [term.weight for term in terms])


def weighted_sum(
    vectors: npt.NDArray[np.float32], weights: Sequence[float]
) -> npt.NDArray[np.float32]:
    """Return the sum of the rows of (n, d) float32, each by its weight, at unit length.

    Raises
    ------
    QueryError
        They cancel each other out.
    """
    total = np.asarray(weights, np.float32) @ vectors
    norm = float(np.linalg.norm(total))
    if norm < 1e-6:
        raise QueryError("The terms of the query cancel each other out.")
    return np.asarray(total / norm, np.float32)


def _image_vector(path: str, embedder: Embedder, pixel_limit: int) -> npt.NDArray[np.float32]:
    from safelight.imaging import decode

    hint = f'To search for these words instead, write text:"{path}".'
    try:
        with open(os.path.expanduser(path), "rb") as file:
            data = file.read()
        frame = decode(data, min_side=embedder.min_side, max_pixels=pixel_limit)
    except OSError as exc:
        raise QueryError(f"{path}: {exc.strerror}. {hint}", path=path) from exc
    except DecodeError as exc:
        raise QueryError(f"{path}: {exc}. {hint}", path=path) from exc
    vector: npt.NDArray[np.float32] = embedder.encode_images([frame])[0]
    return vector


def _photo_vector(library: Library, photo_id: str, fingerprint: str) -> npt.NDArray[np.float32]:
    found = vectors_by_id(library, photo_id, fingerprint)
    if len(found) != 1:
        problem = (
            "Several photos have ids that begin" if found else "No photo has an id that begins"
        )
        raise QueryError(f"{problem} with {photo_id!r}.", photo_id=photo_id)
    return found[0][1]
