"""Vector search over photos, texts and clients' vectors, in one ranking."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.errors import QueryError
from safelight.library.browse import Filter
from safelight.library.files import all_places
from safelight.library.filters import Condition, hold
from safelight.library.items import added_at, vectors_by_key
from safelight.library.state.client_vectors import dimensions, open_vectors, vectors_state
from safelight.library.state.client_vectors import vectors_by_key as brought_by_key
from safelight.library.vector_index.base import Neighbours
from safelight.search import Encode, SearchOptions
from safelight.search.terms import aim, texts_of
from safelight.server.batching import Scan
from safelight.types import Exif

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    import numpy.typing as npt

    from safelight.library.vector_index.flat import ExactIndex
    from safelight.search.query import Query
    from safelight.server.state import Searched, ServerState

# What safelight itself says about a file; a source's columns of the same names are hidden by it.
_OWN = frozenset(
    {
        *("type", "filename", "path", "namespace", "extension", "format", "width", "height"),
        *("text", "labels"),
        *(field.name for field in fields(Exif)),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """A photo, a text or a vector, as the vector calls describe all three.

    Attributes
    ----------
    id : str
    namespace : str
    metadata : mapping of str to str
    created_at, updated_at : str
    embedding : (dimension,) float32 or None
    score : float or None
    """

    id: str
    namespace: str
    metadata: Mapping[str, str]
    created_at: str
    updated_at: str
    embedding: npt.NDArray[np.float32] | None = None
    score: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it, without its score."""
        found: dict[str, Any] = {"id": self.id}
        if self.embedding is not None:
            found["embedding"] = self.embedding.tolist()
        return {
            **found,
            "metadata": dict(self.metadata),
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }


async def matches(
    served: ServerState,
    vector: npt.NDArray[np.float32],
    top: int,
    where: Filter,
    conditions: Sequence[Condition],
    *,
    searched: Searched | None,
    embeddings: bool = False,
) -> list[Match]:
    """Return the nearest of everything that has the dimension of `vector`, best first.

    Parameters
    ----------
    vector : (dimension,) float32
        Of unit length.
    where : Filter
        Its namespaces count for vectors as well; with any other filter there are only photos.
    conditions : sequence of Condition
        All have to hold.
    searched : Searched or None
        Photos and texts in this space, if it has the dimension.
    embeddings : bool
        Whether to return them too.
    """
    found: list[Match] = []
    if searched is not None and searched.choice.embedder.dimension == len(vector):
        wanted = _narrowed(where, conditions)
        plain = wanted.is_plain

        async def near(count: int) -> Neighbours:
            return await served.neighbours(searched, vector, count, None if plain else wanted)

        describe = _describe_items(served, searched, where, embeddings)
        found += await _nearest(served, near, describe, top, conditions)
    found += await _brought_matches(served, vector, top, where, conditions, embeddings)
    return sorted(found, key=lambda match: -(match.score or 0.0))[:top]


async def text_matches(
    served: ServerState,
    query: Query,
    top: int,
    where: Filter,
    conditions: Sequence[Condition],
    *,
    searched: Searched,
    visible: tuple[str, ...] | None,
    embeddings: bool = False,
) -> list[Match]:
    """Return the matches of a query among photos, texts and clients' vectors, best first.

    Parameters
    ----------
    visible : tuple of str or None
        Namespaces whose photos the query may name.
    query, top, where, conditions, searched, embeddings
        See :func:`matches`.
    """
    wanted = _narrowed(where, conditions)

    async def near(count: int) -> Neighbours:
        # These answers are in order of score, and have no place to say more.
        # To clients of a vector store, a namespace without vectors is empty.
        options = SearchOptions(
            top=count, where=wanted, expand=True, names=False, relevance=False, strict=False
        )
        answer = await served.search(searched, query, options, visible=visible)
        keys = np.array([each.key for each in answer.found], np.int64)
        return Neighbours(keys, np.array([each.score for each in answer.found], np.float64))

    describe = _describe_items(served, searched, where, embeddings)
    photos = await _nearest(served, near, describe, top, conditions)
    if not query.terms or Filter(namespaces=where.namespaces) != where:
        return photos
    texts = tuple(texts_of(query.terms))
    vectors = await served.vectors(searched, Encode(texts, ()))
    fingerprint = searched.choice.embedder.fingerprint
    goal = await served.reading.run(
        aim, served.library, query.terms, vectors, (), fingerprint, visible
    )
    brought = await _brought_matches(served, goal.toward, top, where, conditions, embeddings)
    return sorted([*photos, *brought], key=lambda match: -(match.score or 0.0))[:top]


def require_dimension(served: ServerState, searched: Searched | None, dimension: int) -> None:
    """Check that something can be compared with a vector of a dimension.

    Raises
    ------
    QueryError
        With the code ``vector``: all vectors of the library have other dimensions.
    """
    known = dimensions(served.library)
    if searched is not None:
        known.add(searched.choice.embedder.dimension)
    if known and dimension not in known:
        raise QueryError(
            f"The vector has {dimension} numbers, but those of this library have "
            f"{' or '.join(map(str, sorted(known)))}.",
            code="vector",
        )


def _describe_items(
    served: ServerState, searched: Searched, where: Filter, embeddings: bool
) -> Callable[[list[int]], dict[int, list[Match]]]:
    fingerprint = searched.choice.embedder.fingerprint if embeddings else None
    return lambda keys: items(served, keys, where.namespaces, fingerprint)


async def _brought_matches(
    served: ServerState,
    vector: npt.NDArray[np.float32],
    top: int,
    where: Filter,
    conditions: Sequence[Condition],
    embeddings: bool,
) -> list[Match]:
    """Return the nearest of the vectors that clients brought; none with filters of photos."""
    if Filter(namespaces=where.namespaces) != where:
        return []
    known = served.brought.get(len(vector))
    if known is not None and known[0] == served.generation:
        index = known[2]
    else:
        index = await served.reading.run(_brought, served, len(vector), served.generation)
    if not len(index):
        return []

    async def near(count: int) -> Neighbours:
        return await served.scan(Scan(index, vector, count))

    def describe(keys: list[int]) -> dict[int, list[Match]]:
        return {
            key: [
                Match(
                    each.id,
                    each.namespace,
                    each.metadata,
                    each.created_at,
                    each.updated_at,
                    each.embedding if embeddings else None,
                )
            ]
            for key, each in brought_by_key(served.library, keys, where.namespaces).items()
        }

    return await _nearest(served, near, describe, top, conditions)


async def _nearest(
    served: ServerState,
    near: Callable[[int], Awaitable[Neighbours]],
    describe: Callable[[list[int]], dict[int, list[Match]]],
    top: int,
    conditions: Sequence[Condition],
) -> list[Match]:
    """Return the nearest to which the conditions apply.

    They are tried on one after the other from the nearest on, some more each time: so the answer
    is as exact as without them, however few there are.
    """
    count = top + 16 if not conditions else max(4 * top, 64)
    seen = 0
    found: list[Match] = []
    while True:
        neighbours = await near(count)
        keys = neighbours.keys.tolist()
        scores = neighbours.scores.tolist()
        while seen < len(keys) and len(found) < top:
            # Mostly as many as are wanted will do, and describing them is what takes time.
            until = top if seen < top else len(keys)
            described = await served.reading.run(describe, keys[seen:until])
            for key, score in zip(keys[seen:until], scores[seen:until], strict=True):
                # What the sources of one photo's files say about it differs; one of them has to do.
                for match in described.get(key, ()):
                    if hold(conditions, {**match.metadata, "namespace": match.namespace}):
                        found.append(replace(match, score=score))
                        break
            seen = min(until, len(keys))
        if len(found) >= top or len(keys) < count:
            return found[:top]
        count *= 4


def _narrowed(where: Filter, conditions: Sequence[Condition]) -> Filter:
    """Return the filter with what of the conditions the library can look up."""
    said = []
    for each in conditions:
        values = each.value if isinstance(each.value, list) else [each.value]
        if (
            each.operator in ("eq", "in")
            and each.field not in _OWN
            and all(isinstance(value, str) for value in values)
            and len(values) <= 100
        ):
            said.append((each.field, tuple(values)))
    return replace(where, said=tuple(said))


def _brought(served: ServerState, dimension: int, generation: int) -> ExactIndex:
    """Return the index of clients' vectors, read again only when one of them changed."""
    state = vectors_state(served.library, dimension)
    known = served.brought.get(dimension)
    if known is None or known[1] != state:
        index = open_vectors(served.library, dimension)
    else:
        index = known[2]
    served.brought[dimension] = (generation, state, index)
    return index


def items(
    served: ServerState,
    keys: Sequence[int],
    namespaces: tuple[str, ...] | None,
    fingerprint: str | None = None,
) -> dict[int, list[Match]]:
    """Return photos and texts by item key, once for each file, as the vector calls describe them.

    Parameters
    ----------
    fingerprint : str, optional
        Of the space to return embeddings of.
    """
    library = served.library
    at = all_places(library, keys, namespaces)
    when = added_at(library, list(at), namespaces)
    vectors = vectors_by_key(library, list(at), fingerprint) if fingerprint else {}
    return {
        key: [
            Match(
                place.item_id,
                place.namespace,
                {name: as_text(each) for name, each in place.metadata.items() if each is not None},
                when[key],
                when[key],
                vectors.get(key),
            )
            for place in files
        ]
        for key, files in at.items()
    }


def as_text(value: object) -> str:
    """Return a value of metadata as the text that clients of vectors expect."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(as_text, value))
    return str(value)
