"""Search: a query in, hits out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from safelight.cosine import best, rounded
from safelight.errors import DecodeError, QueryError
from safelight.library.browsing import matching
from safelight.library.files import allowed_items, places
from safelight.library.index import Neighbours
from safelight.library.items import vectors_by_id
from safelight.library.labels import applying_labels
from safelight.library.opening import open_fastest
from safelight.library.ordering import ordered
from safelight.library.scores import at_least
from safelight.library.with_label import find_label, with_label, without_label
from safelight.model import Hit
from safelight.query import Query, parse_query
from safelight.settings import CLUSTERS_FROM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from safelight.embedding.protocol import Embedder
    from safelight.library.browsing import Filter
    from safelight.library.files import Place
    from safelight.library.index import VectorIndex
    from safelight.library.store import Library
    from safelight.query import LabelFilter, Term


def search(
    library: Library,
    query: str | Query,
    embedder: Embedder,
    *,
    top: int = 10,
    namespace: str | None = None,
    under: str | os.PathLike[str] | None = None,
    min_score: float | None = None,
    least: Mapping[str, float] | None = None,
    where: Filter | None = None,
    order: str | None = None,
    index: VectorIndex | None = None,
    clusters_from: int = CLUSTERS_FROM,
    pixel_limit: int = 200_000_000,
) -> list[Hit]:
    """Return the photos and texts nearest to `query`, best first, one hit each.

    Parameters
    ----------
    library : Library
    query : str or Query
        See :mod:`safelight.query`. One of filters only is answered by :func:`search_labels`.
    embedder : Embedder
        Of a space of the library; only a query with terms uses its weights.
    top : int
    namespace : str, optional
        Only files of it.
    under : path-like, optional
        Only files in this folder, at any depth.
    min_score : float, optional
        Only hits with at least this cosine.
    least : mapping of str to float, optional
        Only photos with at least these scores, as in ``{"focus": 0.6}``.
    where : Filter, optional
        Only photos to which it applies: by camera, by day.
    order : str, optional
        In which order the nearest are returned: ``taken``, ``added`` or ``score:METRIC``, and with
        a minus the last, or best, first. The nearest first if not given.
    index : VectorIndex, optional
        Of the embedder's space, to be used again; opened if not given.
    clusters_from : int
        Vectors from which an index is opened that looks at a part of them.
    pixel_limit : int
        For images in the query.

    Raises
    ------
    QueryError
        The query cannot be parsed, or an image in it cannot be read.
    UsageError
        There is no such order.
    SpaceError
        Nothing in the library was embedded by this model.
    LibraryError
        No photo has a score of a metric that `least` or `order` names, or was labelled with a
        label of the query.
    """
    if isinstance(query, str):
        query = parse_query(query)
    if not query.terms:
        return search_labels(
            library,
            query.labels,
            embedder.fingerprint,
            top=top,
            namespace=namespace,
            under=under,
            min_score=min_score,
            least=least,
            where=where,
            order=order,
        )
    _check(top)
    if index is None:
        index = open_fastest(library, embedder.fingerprint, clusters_from=clusters_from)
    vector = query_vector(library, query.terms, embedder, pixel_limit=pixel_limit)
    folder = _absolute(under)
    space = embedder.fingerprint
    narrowed = namespace is not None or folder is not None or least or where is not None
    if not narrowed and not query.labels:
        return _arranged(library, _all(library, index, vector, top, min_score, space), order)
    allowed = _allowed(library, namespace, folder, least, where)
    if query.labels:
        has_labels = sorted(_filtered(library, query.labels, space))
        allowed = np.intersect1d(allowed, np.asarray(has_labels, np.int64))
    found = index.search(vector, top, allowed=allowed)
    at = places(library, found.keys.tolist(), namespace=namespace, under=folder)
    return _arranged(library, _hits(library, found, at, min_score, space), order)


def search_labels(
    library: Library,
    labels: Sequence[LabelFilter],
    fingerprint: str,
    *,
    top: int = 10,
    namespace: str | None = None,
    under: str | os.PathLike[str] | None = None,
    min_score: float | None = None,
    least: Mapping[str, float] | None = None,
    where: Filter | None = None,
    order: str | None = None,
) -> list[Hit]:
    """Return the photos that have, and have not, these labels; no model is needed.

    A hit's score is the least of the probabilities (``calibrated``) of the labels that are
    wanted, best first; 1 if none is wanted, in the order in which the photos were added. A photo
    that was not labelled has no labels, and is not known to lack any: it is no hit.

    Parameters
    ----------
    library : Library
    labels : sequence of LabelFilter
        At least one.
    fingerprint : str
        Of the space whose labels count.
    top, namespace, under, min_score, least, where, order
        See :func:`search`.

    Raises
    ------
    QueryError
        There are no labels, or `top` is below 1.
    UsageError
        There is no such order.
    LibraryError
        No photo was labelled with one of them, or has a score of a metric that `least` or `order`
        names.
    """
    _check(top)
    if not labels:
        raise QueryError("The query is empty. Say what to look for.")
    scores = _filtered(library, labels, fingerprint)
    folder = _absolute(under)
    allowed = _allowed(library, namespace, folder, least, where)
    keys = np.intersect1d(allowed, np.asarray(sorted(scores), np.int64))
    values = rounded([scores[key] for key in keys.tolist()])
    order_of = best(values, keys, top)
    found = Neighbours(keys[order_of], values[order_of])
    at = places(library, found.keys.tolist(), namespace=namespace, under=folder)
    return _arranged(library, _hits(library, found, at, min_score, fingerprint), order)


def _check(top: int) -> None:
    if top < 1:
        raise QueryError(f"The number of hits must be at least 1, not {top}.")


def _absolute(folder: str | os.PathLike[str] | None) -> str | None:
    return None if folder is None else os.path.abspath(os.path.expanduser(folder))


def _allowed(
    library: Library,
    namespace: str | None,
    folder: str | None,
    least: Mapping[str, float] | None,
    where: Filter | None,
) -> npt.NDArray[np.int64]:
    allowed = np.asarray(allowed_items(library, namespace=namespace, under=folder), np.int64)
    if least:
        allowed = np.intersect1d(allowed, np.asarray(at_least(library, least), np.int64))
    if where is not None:
        allowed = np.intersect1d(allowed, np.asarray(matching(library, where), np.int64))
    return allowed


def _filtered(
    library: Library, labels: Sequence[LabelFilter], fingerprint: str
) -> dict[int, float]:
    """Return the item keys for which all filters hold, each with its least probability."""
    found: dict[int, float] | None = None
    for each in labels:
        label = find_label(library, each.label, fingerprint)
        if each.wanted:
            some = with_label(library, label, fingerprint)
        else:
            some = dict.fromkeys(without_label(library, label, fingerprint), 1.0)
        if found is None:
            found = some
        else:
            found = {key: min(found[key], some[key]) for key in found.keys() & some.keys()}
    return found or {}


def _all(
    library: Library,
    index: VectorIndex,
    vector: npt.NDArray[np.float32],
    top: int,
    min_score: float | None,
    space: str,
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
    return _hits(library, found, at, min_score, space)[:top]


def _arranged(library: Library, hits: list[Hit], order: str | None) -> list[Hit]:
    if order is None:
        return hits
    by_id = {hit.photo_id: hit for hit in hits}
    return [by_id[each] for each in ordered(library, list(by_id), order)]


def _hits(
    library: Library,
    found: Neighbours,
    at: Mapping[int, Place],
    min_score: float | None,
    space: str,
) -> list[Hit]:
    labels = applying_labels(library, found.keys.tolist(), space)
    hits = []
    for key, score in zip(found.keys.tolist(), found.scores, strict=True):
        if (place := at.get(key)) and (min_score is None or score >= min_score):
            metadata = place.metadata
            if key in labels:
                metadata = {**metadata, "labels": labels[key]}
            hits.append(Hit(float(score), place.path, place.item_id, place.namespace, metadata))
    return hits


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
    total = (np.asarray(weights, np.float64)[:, None] * vectors).sum(axis=0)
    norm = float(np.linalg.norm(total))
    if norm < 1e-6:
        raise QueryError("The terms of the query cancel each other out.")
    return np.asarray(total / norm, np.float32)


def _image_vector(path: str, embedder: Embedder, pixel_limit: int) -> npt.NDArray[np.float32]:
    from safelight.imaging import decode, read_photo

    hint = f'To search for these words instead, write text:"{path}".'
    try:
        data = read_photo(os.path.expanduser(path))
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
