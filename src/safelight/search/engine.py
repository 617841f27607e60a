"""The search engine: one for the command line, the server, Python and agents.

A search is a generator of steps. It asks for what interfaces do in their own way (embed words and
images, scan an index) and is sent the answers; all else, it does itself. So the server can share
one model call among many searches, and the rules are still written once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from safelight.cosine import best, cosines, rounded
from safelight.errors import QueryError
from safelight.library.browse import Filter, matching, present, with_labels
from safelight.library.database import as_database
from safelight.library.expression import matches
from safelight.library.files import no_namespace, require_folder, require_namespace
from safelight.library.items import vectors_by_key
from safelight.library.name_index import named
from safelight.library.ordering import ordered
from safelight.library.stacks import stacks
from safelight.library.values import unmatched
from safelight.library.words import worded
from safelight.search.avoiding import nearest_needed, rank
from safelight.search.options import Answer, Found, SearchOptions
from safelight.search.query import Query, Term
from safelight.search.terms import Aim, aim, texts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from safelight.embedding.base import Embedder
    from safelight.library.database import AnyLibrary, Database
    from safelight.library.vector_index.base import Neighbours

#: More than are wanted are asked for at first, since a few photos' files may be missing.
_SPARE = 16


#: Hits by the words that people wrote, at most: of more, the best.
_MOST_WORDED = 500


@dataclass(frozen=True, slots=True)
class Encode:
    """Asks for the vectors of texts, then of images: (n, dimension) float32.

    Attributes
    ----------
    texts : tuple of str
    images : tuple of object
        As the search was given them.
    """

    texts: tuple[str, ...]
    images: tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """Asks for the nearest items to a vector to which a filter applies: Neighbours."""

    vector: npt.NDArray[np.float32]
    count: int
    where: Filter | None


@dataclass(frozen=True, slots=True)
class Unrelated:
    """Asks for :func:`safelight.search.relevance.unrelated_to` the model."""


Step: TypeAlias = Encode | Scan | Unrelated
Search: TypeAlias = Generator[Step, Any, Answer]


def advance(search: Search, answer: Any = None) -> Step | Answer:
    """Send a search the answer to its last step; return its next one, or what it found."""
    try:
        return search.send(answer)
    except StopIteration as done:
        found: Answer = done.value
        return found


def search_steps(
    library: Database,
    query: Query,
    embedder: Embedder,
    options: SearchOptions,
    *,
    images: Sequence[Any] = (),
    may_name: Callable[[str], bool] = lambda _: True,
    visible: tuple[str, ...] | None = None,
) -> Search:
    """Search with a query that has terms, or images.

    Parameters
    ----------
    images : sequence of object
        For the query's ``image`` terms, in order, and after them further images that are wanted;
        whatever they are, they are handed on to :class:`Encode`.
    may_name : callable
        False for a text that names no file or folder.
    visible : tuple of str, optional
        Namespaces whose photos the query may name; all if not given.

    Raises
    ------
    LibraryError
        There is no such namespace or folder.
    QueryError
        A photo is not known, or the terms cancel each other out.
    """
    where = filter_of(query, options, embedder.fingerprint)
    if options.strict:
        require_named(library, where, visible)
    terms = list(query.terms)
    texts = texts_of(terms)
    vectors = yield Encode(tuple(texts), tuple(images))
    asked = [term for term in terms if term.kind == "image"]
    asked += [_WANTED] * (len(images) - len(asked))
    goal = aim(
        library,
        terms,
        vectors[: len(texts)],
        list(zip(asked, vectors[len(texts) :], strict=True)),
        embedder.fingerprint,
        visible,
    )
    is_words = not images and all(term.kind == "text" and term.weight > 0 for term in terms)
    first: list[Found] = []
    if options.names and is_words and len(terms) == 1:
        text = terms[0].value
        first = _called(
            library, text, goal.toward, embedder.fingerprint, where, is_name=may_name(text)
        )
    unrelated = None
    if goal.avoided or (options.relevance and texts):
        unrelated = yield Unrelated()
    plain = where.is_plain
    wanted = nearest_needed(options.top) if goal.avoided else options.top + _SPARE
    while True:
        near: Neighbours = yield Scan(goal.toward, wanted, None if plain else where)
        keys, scores = near.keys, near.scores
        notes: tuple[str, ...] = ()
        if goal.avoided:
            ranked = rank(library, near, goal.avoided, embedder.fingerprint, unrelated, options.top)
            keys, scores, notes = ranked.keys, ranked.scores, ranked.notes
        ids = present(library, keys.tolist(), where)
        nearest = [
            Found(key, ids[key], score)
            for key, score in zip(keys.tolist(), scores.tolist(), strict=True)
            if key in ids
        ]
        names = {each.key for each in first}
        hits = [*first, *(each for each in nearest if each.key not in names)]
        if options.min_score is not None:
            hits = [each for each in hits if each.score >= options.min_score]
        hits = stacked(library, hits, options)
        if len(hits) > options.top or len(near.keys) < wanted:
            break
        if options.min_score is not None and len(scores) and scores[-1] < options.min_score:
            break
        wanted *= 4
    weak = more = False
    if options.relevance:
        wanted_terms = [*(term for term in terms if term.kind != "image"), *asked]
        best_keys = [each.key for each in nearest[:_FIRST]]
        hits = _judged(library, embedder, wanted_terms, goal, hits, best_keys, unrelated)
        weak = bool(hits) and not any(hit.match for hit in hits[: options.top])
        more = len(hits) > options.top and hits[options.top].match
        if weak:
            notes = (*notes, *_no_match(embedder, texts))
    hits = hits[: options.top]
    if not hits:
        notes = (*notes, *explain_nothing(library, where))
    return Answer(arranged(library, hits, options.order), weak, more, notes)


def name_for_image(
    library: Database, query: Query, visible: tuple[str, ...] | None = None
) -> Query:
    """Return a query for an image that is not a path as one for the photo that is called so.

    ``IMG_1185.JPG`` names a file of the library, if there is one in the `visible` namespaces; else
    it stays what it is.
    """
    if len(query.terms) != 1 or query.terms[0].kind != "image" or query.terms[0].weight < 0:
        return query
    text = query.terms[0].value
    if not present(library, list(named(library, text)), Filter(namespaces=visible)):
        return query
    return replace(query, terms=(Term("text", text),))


def search_filters(
    library: AnyLibrary,
    query: Query,
    fingerprint: str,
    options: SearchOptions,
    visible: tuple[str, ...] | None = None,
) -> Answer:
    """Search with labels and other filters only; no model is needed.

    A hit's score is the least of the probabilities of the labels that are wanted, best first; 1 if
    none is wanted, the last taken first.

    Raises
    ------
    QueryError
        There is no filter either.
    LibraryError
        No photo was labelled with one of the labels, or has a score that is asked for; there is no
        such namespace or folder.
    """
    library = as_database(library)
    where = filter_of(query, options, fingerprint)
    if options.strict:
        require_named(library, where, visible)
    if where.is_plain and options.order is None:
        raise QueryError("The query is empty. Name what to search for.")
    if labels := where.wanted_labels:
        probable = with_labels(library, labels, where.namespaces, where.space)
        keys = np.asarray(matching(library, where), np.int64)
        scores = rounded([probable[key] for key in keys.tolist()])
        keys, scores = keys[order := best(scores, keys, len(keys))], scores[order]
    else:
        keys = np.asarray(matching(library, where, options.order or "-taken"), np.int64)
        scores = np.ones(len(keys))
    wanted = options.top if options.expand else 4 * options.top + _SPARE
    while True:
        ids = present(library, keys[:wanted].tolist(), where)
        hits = [
            Found(key, ids[key], score, probability=float(score))
            for key, score in zip(keys[:wanted].tolist(), scores.tolist(), strict=False)
            if key in ids and (options.min_score is None or score >= options.min_score)
        ]
        hits = stacked(library, hits, options)
        if len(hits) > options.top or wanted >= len(keys):
            break
        wanted *= 4
    notes = () if hits else explain_nothing(library, where)
    found = arranged(library, hits[: options.top], options.order)
    return Answer(found, False, len(hits) > options.top, notes)


def filter_of(query: Query, options: SearchOptions, fingerprint: str) -> Filter:
    """Return all filters of a search in one."""
    return replace(options.where.with_facts(query.where), space=fingerprint or None)


def require_named(library: Database, where: Filter, visible: tuple[str, ...] | None = None) -> None:
    """Raise if a filter names a namespace or a folder that there is not.

    Who sees only some namespaces may look into these, empty ones too.

    Raises
    ------
    LibraryError
        With those that there are.
    """
    named = [str(each.value) for each in matches(where.facts) if each.name == "in"]
    for namespace in (*(where.namespaces or ()), *named):
        if visible is None:
            require_namespace(library, namespace)
        elif namespace not in visible:
            raise no_namespace(library, namespace, visible)
    if where.under is not None:
        require_folder(library, where.under)


def stacked(library: Database, hits: list[Found], options: SearchOptions) -> list[Found]:
    """Return the best hit of each stack, with how many photos it has."""
    if options.expand or not hits:
        return hits
    together = stacks(library, [each.key for each in hits])
    if not together:
        return hits
    sizes = {
        stack: len(present(library, sorted(stack), options.where))
        for stack in set(together.values())
    }
    kept: list[Found] = []
    seen: set[frozenset[int]] = set()
    for hit in hits:
        stack = together.get(hit.key)
        if stack is None:
            kept.append(hit)
        elif stack not in seen:
            seen.add(stack)
            kept.append(replace(hit, stack=sizes[stack]))
    return kept


def arranged(library: Database, hits: list[Found], order: str | None) -> tuple[Found, ...]:
    """Return hits in another order than that of their scores."""
    if order is None:
        return tuple(hits)
    by_id = {hit.item_id: hit for hit in hits}
    return tuple(by_id[each] for each in ordered(library, list(by_id), order))


def explain_nothing(library: Database, where: Filter) -> tuple[str, ...]:
    """Return why a filter lets nothing pass, as far as one can tell."""
    return unmatched(library, where.expression)


def _called(
    library: Database,
    text: str,
    vector: npt.NDArray[np.float32],
    fingerprint: str,
    where: Filter,
    *,
    is_name: bool,
) -> list[Found]:
    """Return the hits that a text names, then those in whose words it stands, the nearest first.

    Parameters
    ----------
    is_name : bool
        False if it cannot name a file or folder.
    """
    matched = (
        named(library, text, namespaces=where.namespaces, under=where.under) if is_name else {}
    )
    words = worded(library, text, _MOST_WORDED, where.namespaces)
    keys = [*matched, *(key for key in words if key not in matched)]
    if not keys:
        return []
    if not where.is_plain or where.photos_only:
        passing = set(matching(library, where))
        keys = [key for key in keys if key in passing]
    ids = present(library, keys, where)
    vectors = vectors_by_key(library, keys, fingerprint)
    keys = [key for key in keys if key in ids and key in vectors]
    if not keys:
        return []
    near = cosines(np.stack([vectors[key] for key in keys]), vector).tolist()
    found = [
        Found(
            key,
            ids[key],
            score,
            matched=matched[key].how if key in matched else words[key],
            path=matched[key].path if key in matched else None,
            probability=1.0,
        )
        for key, score in zip(keys, near, strict=True)
    ]
    by_name = [each for each in found if each.key in matched]
    return by_name + sorted((each for each in found if each.key not in matched), key=_nearest)


def _nearest(hit: Found) -> tuple[float, int]:
    return -hit.score, hit.key


def _judged(
    library: Database,
    embedder: Embedder,
    terms: Sequence[Term],
    goal: Aim,
    hits: list[Found],
    best_keys: Sequence[int],
    unrelated: npt.NDArray[np.float32] | None,
) -> list[Found]:
    """Return hits with the probability that they are what was asked for, as far as one can tell."""
    from safelight.search import matches

    judged = [hit for hit in hits if hit.probability is None]
    if not judged:
        return hits
    vectors = vectors_by_key(
        library, [*(hit.key for hit in judged), *best_keys], embedder.fingerprint
    )
    judged = [hit for hit in judged if hit.key in vectors]
    best_keys = [key for key in best_keys if key in vectors]
    if not judged or not best_keys:
        return hits
    photos = np.stack([vectors[hit.key] for hit in judged])
    found = matches.judge(
        library,
        embedder,
        terms,
        goal,
        photos,
        np.stack([vectors[key] for key in best_keys]),
        unrelated,
    )
    if found is None:
        return hits
    by_key = dict(zip((hit.key for hit in judged), found.tolist(), strict=True))
    return [replace(hit, probability=by_key[hit.key]) if hit.key in by_key else hit for hit in hits]


def _no_match(embedder: Embedder, texts: Sequence[str]) -> tuple[str, ...]:
    from safelight.search.relevance import no_match

    return no_match(embedder, texts)


#: Of the nearest photos, so many are looked at for how far the best stands out.
_FIRST = 8

#: Stands for an image that is searched with and is not a term of the query.
_WANTED = Term("image", "image")
