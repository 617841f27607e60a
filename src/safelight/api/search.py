"""Search: a query in, hits out."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from safelight.api.results import Hits
from safelight.arguments import as_kind, as_list, as_name
from safelight.errors import LibraryError, QueryError
from safelight.files.names import expanded
from safelight.library.browse import Filter
from safelight.library.files import require_namespace
from safelight.search.query import Query, Term, names_image, parse_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from safelight.api.opened import Opened
    from safelight.library.database import Database
    from safelight.library.vector_index.base import VectorIndex
    from safelight.search import SearchOptions
    from safelight.search.query import LabelFilter
    from safelight.types import Hit

#: A path, or the id of a photo of the library.
Likeness = str | os.PathLike[str]

__all__ = [
    "Filter",
    "Hits",
    "Query",
    "as_query",
    "require_namespace",
    "search",
    "search_all",
    "search_options",
]


def search(
    library: Opened,
    query: str | Query = "",
    *,
    plus: str | Sequence[str] = (),
    minus: str | Sequence[str] = (),
    like: Likeness | Sequence[Likeness] = (),
    model: str | None = None,
    store: str | None = None,
    **options: Any,
) -> Hits:
    """Return the photos and texts nearest to a query.

    See :meth:`safelight.api.library.Library.search` for what it takes.

    Raises
    ------
    QueryError
        There is neither a query nor a filter, or the query cannot be parsed.
    LibraryError
        Nothing was ingested yet, or there is no such namespace, folder, metric or label.
    """
    from safelight.search import find, hits_of, search_filters

    asked = as_query(query, plus, minus, like)
    chosen = search_options(**options)
    chosen = replace(chosen, where=chosen.where.with_facts(asked.where))
    if not asked.terms and chosen.where.is_plain and chosen.order is None:
        raise QueryError("The query is empty. Name what to search for.")
    database, settings = library.database, library.settings
    namespace = chosen.where.namespaces[0] if chosen.where.namespaces else None
    for name in chosen.where.namespaces or ():
        require_namespace(database, name)
    labels, asked = asked.labels, replace(asked, where=None)
    if asked.terms:
        embedder = library.embedder(model)
        space = embedder.fingerprint
        with _index(library, store, space, namespace) as index:
            answer = find(
                database,
                asked,
                embedder,
                chosen,
                index=index,
                clusters_from=settings.clusters_from,
                pixel_limit=settings.pixel_limit,
            )
    else:
        space = library.space(model).fingerprint
        answer = search_filters(database, asked, space, chosen)
    hits = hits_of(database, answer, chosen, space)
    unlabelled = _unlabelled(database, labels, space, namespace)
    return Hits(tuple(hits), answer.weak, tuple(answer.notes), unlabelled, answer.more)


@contextlib.contextmanager
def _index(
    library: Opened, store: str | None, space: str, namespace: str | None
) -> Iterator[VectorIndex | None]:
    """Open the vector store that is searched, if one is; None for the library's own index."""
    if store is None and library.settings.store is None:
        yield None
        return
    from safelight.api.sync import search_index

    with search_index(
        library.database,
        library.settings,
        space,
        address=store,
        namespace=namespace,
        tell=library.warn,
    ) as index:
        yield index


def search_options(
    *,
    top: int = 10,
    namespace: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    camera: str | None = None,
    taken_from: str | None = None,
    taken_to: str | None = None,
    least: Mapping[str, float] | None = None,
    min_score: float | None = None,
    order: str | None = None,
    expand: bool = False,
    where: Filter | None = None,
) -> SearchOptions:
    """Return the options of a search.

    Parameters
    ----------
    top : int
        Maximum number of hits.
    namespace, folder, camera : str, optional
        Only photos of this namespace, in this folder, by this camera (words of its name do).
    taken_from, taken_to : str, optional
        Only photos taken on these days or between; ``YYYY-MM-DD``.
    least : mapping of str to float, optional
        Only photos with at least these scores, as in ``{"focus": 0.6}``.
    min_score : float, optional
        Only hits that score at least this.
    order : str, optional
        ``taken``, ``added``, or the name of a metric, best first; ``-taken`` and ``-added`` with
        the last first. The nearest first if not given.
    expand : bool
        Each photo of a stack (copies, bursts, RAW and JPEG) is a hit of its own.
    where : Filter, optional
        Further conditions.

    Raises
    ------
    UsageError
        A value is of another kind, or impossible.
    """
    from safelight.library.ordering import is_order
    from safelight.search import options_of

    condition = Filter() if where is None else as_kind(where, "where", "a Filter", Filter)
    given = {"camera": camera or None, "taken_from": taken_from, "taken_to": taken_to}
    for name, value in given.items():
        if value is not None:
            as_kind(value, name, "a text", str)
    if least is not None:
        as_kind(least, "least", "scores by metric", Mapping)
    if order is not None and not is_order(as_kind(order, "order", "a text", str)):
        order = f"-score:{order}"  # a metric's name alone will do
    return options_of(
        top=top,
        namespace=namespace,
        under=folder,
        min_score=min_score,
        least=least,
        where=replace(
            condition, **{name: value for name, value in given.items() if value is not None}
        ),
        order=order,
        expand=expand,
    )


def search_all(
    library: Opened, query: str | Query = "", *, top: int = 100, **options: Any
) -> Iterator[Hit]:
    """Yield every hit of a search, the nearest first, looked for as far as they are read.

    Each photo comes once, whatever changes in between.

    Parameters
    ----------
    top : int
        How many are looked for at first. With an ``order``, those found at once are in it.
    **options
        As :func:`search` takes them.
    """
    seen: set[str] = set()
    while True:
        hits = search(library, query, top=top, **options)
        for hit in hits:
            if hit.photo_id not in seen:
                seen.add(hit.photo_id)
                yield hit
        if len(hits) < top:
            return
        top *= 4


def as_query(
    query: str | Query,
    plus: str | Sequence[str] = (),
    minus: str | Sequence[str] = (),
    like: Likeness | Sequence[Likeness] = (),
) -> Query:
    """Return the query of a text; a file that is called like one of several terms is meant itself.

    Raises
    ------
    QueryError
        It cannot be parsed.
    """
    if isinstance(query, Query):
        asked = query
    elif not as_kind(query, "query", "a text", str).strip():
        asked = Query()
    elif names_image(query) and os.path.isfile(expanded(query)):
        asked = Query((Term("image", query),))
    else:
        asked = parse_query(query)
    for body in as_list(plus, "plus", str):
        asked = asked.plus(body)
    for body in as_list(minus, "minus", str):
        asked = asked.plus(body, -1.0)
    given: list[Any] = as_list(like, "like", str, os.PathLike)
    terms = tuple(_like(os.fspath(each)) for each in given)
    return replace(asked, terms=(*asked.terms, *terms)) if terms else asked


def _like(given: str) -> Term:
    """Return the term for a photo to be like: a file, or a photo of the library."""
    name, colon, weight = given.rpartition(":")
    is_weighted = bool(colon) and not os.path.isfile(expanded(given))
    if is_weighted and re.fullmatch(r"[0-9]*\.?[0-9]+", weight, re.ASCII):
        return replace(_like(name), weight=float(weight))
    is_id = re.fullmatch(r"[0-9a-fA-F]{6,64}", given) and not os.path.isfile(expanded(given))
    return Term("photo", given.lower()) if is_id else Term("image", as_name(given, "like"))


def _unlabelled(
    library: Database, labels: Sequence[LabelFilter], space: str, namespace: str | None
) -> int:
    from safelight.library.attributes.label_filter import count_unlabelled, find_label

    counts = [0]
    for each in labels:
        with contextlib.suppress(LibraryError):  # only sources say it, and they say it of all
            label = find_label(library, each.label, space)
            counts.append(count_unlabelled(library, label, space, namespace))
    return max(counts)
