"""Matches: the hits that were asked for, among those that are merely nearest.

A search always finds something near. What decides is how a photo's score compares with the scores
that it gets from *null queries*: the query with unrelated words in the place of its words, and
photos of the library, drawn evenly, in the place of its photos, with the same weights:

    z = (score - mean of null scores) / deviation of null scores

So several terms, weights and pictures are judged alike. Two things are then asked:

- Does the library have it at all? The best hit has to stand out: ``1 / (1 + exp(-2 (z1 - 3.65)))``.
- Does this photo show it as the best does? ``1 / (1 + exp(-(6 z / z1 - 3.9)))``.

Their product is the probability of a match. How strongly what is there stands out differs from
query to query (a zebra by ten deviations, a kitchen by four), which is why the second question
compares with the best hit and not with a number. For pictures it does not, since the best hit may
be the picture itself: ``1 / (1 + exp(-(3.4 z - 7.6)))``.

The numbers were fitted on 421 queries with known answers on 411 photos, with the starter model
(bench/matches.py). A model that was trained with a sigmoid says its probabilities itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.cosine import FINE_DECIMALS, rounded
from safelight.labels.calibration import applying, sigmoid, standing_out
from safelight.labels.classifier import has_sigmoid
from safelight.library.items import sample_vectors
from safelight.search.relevance import is_unread

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from safelight.embedding.base import Embedder
    from safelight.library.database import Database
    from safelight.search.query import Term
    from safelight.search.terms import Aim

    Vectors = npt.NDArray[np.float32]
    Numbers = npt.NDArray[np.float64]

#: Photos of the library that pictures are compared with; from :data:`LEAST_PHOTOS` on one can tell.
SAMPLE = 256
LEAST_PHOTOS = 12

_PRESENT = 2.0, 3.65
_ALIKE = 6.0, 3.9
_PICTURE = 3.4, 7.6

#: Of copies of a picture nothing has to be told by comparison.
_COPY = 0.985

# Nothing divides by a best hit that does not stand out.
_LEAST = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class NullQueries:
    """A query's null: what it could have been, were it about something else.

    Attributes
    ----------
    vectors : (n, dimension) float64
        Of unit length.
    has_words : bool
        False if the query is of pictures only.
    """

    vectors: Numbers
    has_words: bool


def null_queries(
    terms: Sequence[Term], words: Vectors | None, photos: Vectors | None
) -> NullQueries | None:
    """Return the null of a query; None if it cannot be made.

    Parameters
    ----------
    terms : sequence of Term
        Those with a weight above 0 count.
    words : (n, dimension) float32 or None
        Vectors of unrelated words; None if the model has none.
    photos : (m, dimension) float32 or None
        Photos of the library; only needed for a query with pictures.
    """
    wanted = [term for term in terms if term.weight > 0]
    kinds = {term.kind == "text" for term in wanted}
    if not wanted or (True in kinds and words is None):
        return None
    if False in kinds and (photos is None or len(photos) < LEAST_PHOTOS):
        return None
    size = max(len(pool) for pool in (words, photos) if pool is not None)
    total: Any = 0.0
    for number, term in enumerate(wanted):
        pool = words if term.kind == "text" else photos
        assert pool is not None
        # Each term is given others: a prime step goes through all of a pool.
        rows = (np.arange(size) * (1 if number == 0 else 7 + 4 * number) + 31 * number) % len(pool)
        total = total + term.weight * pool[rows].astype(np.float64)
    lengths = np.linalg.norm(total, axis=1, keepdims=True)
    return NullQueries(total / np.maximum(lengths, 1e-9), True in kinds)


def probabilities(photos: Vectors, query: Vectors, null: NullQueries, best: Vectors) -> Numbers:
    """Return the probability that each photo is what was asked for, (n,) from 0 to 1.

    Parameters
    ----------
    photos : (n, dimension) float32
    query : (dimension,) float32
        What is searched for, of unit length.
    null : NullQueries
    best : (m, dimension) float32
        The nearest photos of the library.
    """
    z = _deviations(photos, query, null)
    if null.has_words:
        most = max(float(_deviations(best, query, null).max(initial=0.0)), _LEAST)
        present = sigmoid(_PRESENT[0] * (most - _PRESENT[1]))
        found = present * sigmoid(_ALIKE[0] * np.minimum(z / most, 1.0) - _ALIKE[1])
    else:
        is_copy = photos.astype(np.float64) @ query.astype(np.float64) >= _COPY
        found = np.where(is_copy, 1.0, sigmoid(_PICTURE[0] * z - _PICTURE[1]))
    return rounded(found, FINE_DECIMALS)


def _deviations(photos: Vectors, query: Vectors, null: NullQueries) -> Numbers:
    return np.asarray(standing_out(photos, query[None], null.vectors)[:, 0])


def judge(
    library: Database,
    embedder: Embedder,
    terms: Sequence[Term],
    goal: Aim,
    photos: Vectors,
    best: Vectors,
    unrelated: Vectors | None,
) -> Numbers | None:
    """Return the probability that each photo is what a query asks for, None if one cannot tell.

    Parameters
    ----------
    terms : sequence of Term
        All of the query, those of images that were handed over too.
    goal : Aim
        Their vectors. What a term to avoid applies to is a match by so much less.
    photos : (n, dimension) float32
    best : (m, dimension) float32
        The nearest photos of the library.
    unrelated : (k, dimension) float32 or None
    """
    wanted = [term for term in terms if term.weight > 0]
    texts = [term.value for term in wanted if term.kind == "text"]
    if is_unread(embedder, texts):
        return np.zeros(len(photos))
    if wanted and len(texts) == len(wanted) and has_sigmoid(embedder):
        cosines = rounded(photos.astype(np.float64) @ goal.toward.astype(np.float64), FINE_DECIMALS)
        found = sigmoid((embedder.logit_scale or 0.0) * cosines + (embedder.logit_bias or 0.0))
    else:
        drawn = None
        if len(texts) < len(wanted):
            drawn = sample_vectors(library, embedder.fingerprint, SAMPLE)
        null = null_queries(wanted, unrelated, drawn)
        if null is None:
            return None
        found = probabilities(photos, goal.toward, null, best)
    for each in goal.avoided:
        if each.term.kind == "text" and unrelated is not None:
            shown = applying(standing_out(photos, each.vector[None], unrelated)[:, 0])
            found = found * (1 - shown) ** each.weight
    return rounded(found, FINE_DECIMALS)
