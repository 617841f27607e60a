"""Search: a query in, hits out."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from safelight.arguments import as_having, as_kind, as_name, as_path
from safelight.errors import DecodeError, QueryError
from safelight.files.names import expanded
from safelight.library.attributes.labels import applying_labels
from safelight.library.browse import Filter, matching
from safelight.library.database import AnyLibrary, Database, as_database
from safelight.library.expression import Match, Not, together
from safelight.library.files import places
from safelight.library.name_index import NameBeginnings
from safelight.library.vector_index.open import open_fastest
from safelight.search.engine import (
    Encode,
    Scan,
    Search,
    advance,
    name_for_image,
    search_filters,
    search_steps,
)
from safelight.search.options import Answer, Found, SearchOptions
from safelight.search.query import Query, parse_query
from safelight.search.terms import aim, texts_of, weighted_sum
from safelight.settings import CLUSTERS_FROM
from safelight.types import DEFAULT_MAX_PIXELS, Hit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from safelight.embedding.base import Embedder
    from safelight.library.vector_index.base import VectorIndex
    from safelight.search.query import LabelFilter, Term
    from safelight.types import Frame

__all__ = [
    "Answer",
    "Encode",
    "Found",
    "Scan",
    "SearchOptions",
    "advance",
    "find",
    "hits_of",
    "name_for_image",
    "options_of",
    "query_vector",
    "search",
    "search_filters",
    "search_labels",
    "search_steps",
    "weighted_sum",
]


def search(
    library: AnyLibrary,
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
    expand: bool = False,
    index: VectorIndex | None = None,
    clusters_from: int = CLUSTERS_FROM,
    pixel_limit: int = DEFAULT_MAX_PIXELS,
) -> list[Hit]:
    """Return the photos and texts nearest to `query`, best first, one hit each.

    Parameters
    ----------
    library : Library or Database
    query : str or Query
        See :mod:`safelight.search.query`. One of filters only is answered by
        :func:`search_filters`.
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
    expand : bool
        Each photo of a stack is a hit; else the best one, with their number.
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
    library = as_database(library)
    options = options_of(
        top=top,
        namespace=namespace,
        under=under,
        min_score=min_score,
        least=least,
        where=where,
        order=order,
        expand=expand,
        relevance=False,
    )
    if not isinstance(query, Query):
        query = parse_query(query)
    options = replace(options, where=options.where.with_facts(query.where))
    answer = find(
        library,
        replace(query, where=None),
        embedder,
        options,
        index=index,
        clusters_from=clusters_from,
        pixel_limit=pixel_limit,
    )
    return hits_of(library, answer, options, embedder.fingerprint)


def search_labels(
    library: AnyLibrary, labels: Sequence[LabelFilter], fingerprint: str, **options: Any
) -> list[Hit]:
    """Return the photos that have, and have not, these labels; no model is needed.

    See :func:`safelight.search.engine.search_filters`; `options` are those of :func:`search`, as
    far as they do without a model. A photo that was not labelled has no labels, and is not known
    to lack any: it is not a hit.

    Raises
    ------
    QueryError
        There are no labels, or the number of hits is below 1.
    """
    if not labels:
        raise QueryError("The query is empty. Name what to search for.")
    library = as_database(library)
    chosen = options_of(**options)
    parts = [Match("label", each.label) for each in labels]
    wanted = [part if each.wanted else Not(part) for part, each in zip(parts, labels, strict=True)]
    answer = search_filters(library, Query(where=together(*wanted)), fingerprint, chosen)
    return hits_of(library, answer, chosen, fingerprint)


def options_of(
    *,
    namespace: str | None = None,
    under: str | os.PathLike[str] | None = None,
    least: Mapping[str, float] | None = None,
    where: Filter | None = None,
    **options: Any,
) -> SearchOptions:
    """Return options from the arguments of :func:`search`."""
    where = Filter() if where is None else as_kind(where, "where", "a Filter", Filter)
    if namespace is not None:
        as_name(namespace, "namespace")
    if under is not None:
        under = as_path(under, "under")
    return SearchOptions(
        where=replace(
            where,
            namespaces=where.namespaces if namespace is None else (namespace,),
            under=where.under if under is None else os.path.abspath(expanded(under)),
            least={**where.least, **(least or {})},
        ),
        **options,
    )


def find(
    library: AnyLibrary,
    query: str | Query,
    embedder: Embedder,
    options: SearchOptions,
    *,
    index: VectorIndex | None = None,
    clusters_from: int = CLUSTERS_FROM,
    pixel_limit: int = DEFAULT_MAX_PIXELS,
) -> Answer:
    """Run a search to its end, in this thread; see :func:`search`."""
    library = as_database(library)
    as_having(embedder, "embedder", "what load_embedder returns", "fingerprint", "encode_texts")
    if not isinstance(query, Query):
        query = parse_query(query)
    if not all(os.path.isfile(expanded(term.value)) for term in query.terms):
        query = name_for_image(library, query)
    if not query.terms:
        return search_filters(library, query, embedder.fingerprint, options)
    if index is None:
        index = open_fastest(library, embedder.fingerprint, clusters_from=clusters_from)
    frames = _frames(query.terms, embedder, pixel_limit)
    names = _names(library)
    steps = search_steps(
        library,
        query,
        embedder,
        options,
        images=frames,
        may_name=names.may_name if names else lambda _: True,
    )
    return _run(steps, library, embedder, index)


def _names(library: Database) -> NameBeginnings | None:
    """Return how the library's names begin; None at its first search, which may be the only one."""
    if library not in _SEARCHED:
        _SEARCHED[library] = None
        return None
    names = _SEARCHED[library] or NameBeginnings(patience=0)
    names.refresh(library)
    _SEARCHED[library] = names
    return names


_SEARCHED: WeakKeyDictionary[Database, NameBeginnings | None] = WeakKeyDictionary()


def _run(search: Search, library: Database, embedder: Embedder, index: VectorIndex) -> Answer:
    step = advance(search)
    while not isinstance(step, Answer):
        answer: Any
        if isinstance(step, Encode):
            answer = _encoded(step, embedder)
        elif isinstance(step, Scan):
            allowed = None
            if step.where is not None:
                allowed = np.asarray(matching(library, step.where), np.int64)
            answer = index.search(step.vector, step.count, allowed=allowed)
        else:
            answer = _unrelated(embedder)
        step = advance(search, answer)
    return step


def _encoded(step: Encode, embedder: Embedder) -> npt.NDArray[np.float32]:
    parts = [np.empty((0, embedder.dimension), np.float32)]
    if step.texts:
        parts.append(embedder.encode_texts(list(step.texts)))
    if step.images:
        parts.append(embedder.encode_images(list(step.images)))
    return np.concatenate(parts)


def _unrelated(embedder: Embedder) -> npt.NDArray[np.float32] | None:
    from safelight.search.relevance import unrelated_to

    return unrelated_to(embedder)


def hits_of(
    library: AnyLibrary, answer: Answer, options: SearchOptions, fingerprint: str
) -> list[Hit]:
    """Return hits with their file, metadata and labels."""
    library = as_database(library)
    where = options.where
    keys = [each.key for each in answer.found]
    at = places(library, keys, namespaces=where.namespaces, under=where.under)
    # Of several files of a photo, the one that was named.
    if named := {each.key: each.path for each in answer.found if each.path}:
        at |= places(library, list(named), namespaces=where.namespaces, only=named.values())
    labels = applying_labels(library, keys, fingerprint)
    hits = []
    for each in answer.found:
        if place := at.get(each.key):
            metadata = place.metadata
            if each.key in labels:
                metadata = {**metadata, "labels": labels[each.key]}
            hits.append(
                Hit(
                    each.score,
                    place.path,
                    place.item_id,
                    place.namespace,
                    metadata,
                    each.stack,
                    each.matched,
                    each.probability,
                    each.match,
                )
            )
    return hits


def query_vector(
    library: Database,
    terms: Sequence[Term],
    embedder: Embedder,
    *,
    pixel_limit: int = DEFAULT_MAX_PIXELS,
) -> npt.NDArray[np.float32]:
    """Return the weighted sum of what terms want, (dimension,) float32 of unit length.

    Raises
    ------
    QueryError
        An image cannot be read, a photo is not known, or the terms cancel each other out.
    """
    frames = _frames(terms, embedder, pixel_limit)
    texts = texts_of(terms)
    vectors = _encoded(Encode(tuple(texts), tuple(frames)), embedder)
    images = [term for term in terms if term.kind == "image"]
    pairs = list(zip(images, vectors[len(texts) :], strict=True))
    return aim(library, terms, vectors[: len(texts)], pairs, embedder.fingerprint).toward


def _frames(terms: Sequence[Term], embedder: Embedder, pixel_limit: int) -> list[Frame]:
    return [_frame(term.value, embedder, pixel_limit) for term in terms if term.kind == "image"]


def _frame(path: str, embedder: Embedder, pixel_limit: int) -> Frame:
    from safelight.imaging import decode, read_photo

    hint = f'To search for these words instead, write text:"{path}".'
    try:
        data = read_photo(expanded(path))
        return decode(data, min_side=embedder.min_side, max_pixels=pixel_limit)
    except OSError as exc:
        raise QueryError(f"{path}: {exc.strerror}. {hint}", path=path) from exc
    except DecodeError as exc:
        raise QueryError(f"{path}: {exc}. {hint}", path=path) from exc
