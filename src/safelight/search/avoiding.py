"""Rank lower the photos that a query wants less of.

Subtracting a vector from the query turns it away from everything: of the first 20 hits for a beach,
none was left when one of them was subtracted. So hits are ranked by what is wanted, and then

- *words* take from a photo's score as far as it is closer to them than to unrelated words;
- a *photo* takes itself, its copies and the photos that stand out as like it, at most two fifths
  of the first hits; the others stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.cosine import best, cosines, rounded
from safelight.labels.calibration import standing_out
from safelight.library.items import item_keys, vectors_by_key
from safelight.library.stacks import stacks

if TYPE_CHECKING:
    import numpy.typing as npt

    from safelight.library.database import Database
    from safelight.library.vector_index.base import Neighbours
    from safelight.search.terms import Avoided

    Vectors = npt.NDArray[np.float32]
    Numbers = npt.NDArray[np.float64]

#: Deviations of the score that a photo loses for each deviation by which words apply to it, and
#: the deviations from which on they do. By bench/avoiding.py on 411 judged photos: people among
#: the first 20 hits of 15 queries halve, and a seventh of what was looked for goes with them.
_LOSS, _FROM = 0.8, -0.5

#: Deviations by which a photo stands out as like another one, among the nearest to the query.
_STANDS_OUT = 1.5

#: The largest part of the first hits that goes with a photo, unless all of them are its copies.
_PART = 0.4

#: From this cosine on two photos are near copies, and go together whatever their number.
_COPY = 0.985


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Hits, ranked again.

    Attributes
    ----------
    keys : (n,) int64
    scores : (n,) float64
    notes : tuple of str
    """

    keys: npt.NDArray[np.int64]
    scores: Numbers
    notes: tuple[str, ...]


def nearest_needed(top: int) -> int:
    """Return how many of the nearest to what is wanted are ranked again."""
    return max(200, 10 * top)


def rank(
    library: Database,
    near: Neighbours,
    avoided: tuple[Avoided, ...],
    fingerprint: str,
    unrelated: Vectors | None,
    top: int,
) -> Ranked:
    """Rank the nearest photos again, lowering those near the terms to avoid.

    Parameters
    ----------
    near : Neighbours
    unrelated : (prompts, dimension) float32 or None
        What words are compared with; if None, the other photos.
    top : int
        How many hits are wanted.
    """
    vectors = vectors_by_key(library, near.keys.tolist(), fingerprint)
    kept = np.array([key in vectors for key in near.keys.tolist()], bool)
    keys, scores = near.keys[kept], near.scores[kept]
    if not len(keys):
        return Ranked(keys, scores, ())
    photos = np.stack([vectors[key] for key in keys.tolist()])
    notes: list[str] = []
    for each in avoided:
        if each.term.kind == "text":
            continue
        gone = _like(library, keys, photos, each, top)
        notes.append(f"Left out {_count(gone[:top])} of the first {min(top, len(keys))}: {_THIS}.")
        keys, scores, photos = keys[~gone], scores[~gone], photos[~gone]
    first = set(keys[:top].tolist())
    spread = float(scores[: nearest_needed(top)].std()) if len(scores) else 0.0
    for each in avoided:
        if each.term.kind == "text":
            stands = _stands_out(photos, each.vector, unrelated)
            scores = scores - _LOSS * each.weight * spread * np.maximum(0, stands - _FROM)
    scores = rounded(scores)
    order = best(scores, keys, len(keys))
    words = [each.term.value for each in avoided if each.term.kind == "text"]
    if words:
        moved = len(first - set(keys[order[:top]].tolist()))
        notes.append(
            f"Ranked lower what looks like {' or '.join(map(repr, words))}: {moved} of the first "
            f"{len(first)} went. What the model does not recognise stays."
        )
    return Ranked(keys[order], scores[order], tuple(notes))


_THIS = "the photo to avoid and those most like it"


def _count(gone: npt.NDArray[np.bool_]) -> int:
    return int(gone.sum())


def _stands_out(photos: Vectors, words: Vectors, unrelated: Vectors | None) -> Numbers:
    """Return by how many deviations words are closer to photos than unrelated words are."""
    own = cosines(photos, words)
    if unrelated is None:
        return np.asarray((own - own.mean()) / max(float(own.std()), 1e-6))
    return np.asarray(standing_out(photos, words[None], unrelated)[:, 0])


def _like(
    library: Database,
    keys: npt.NDArray[np.int64],
    photos: Vectors,
    avoided: Avoided,
    top: int,
) -> npt.NDArray[np.bool_]:
    """Return the photos that go with one to avoid."""
    likeness = cosines(photos, avoided.vector)
    copies = likeness >= _COPY
    if avoided.item_id is not None:
        key = item_keys(library.connection, [avoided.item_id])[avoided.item_id]
        stack = {key} | stacks(library, [key]).get(key, frozenset())
        copies |= np.isin(keys, np.array(sorted(stack), np.int64))
    others = likeness[~copies]
    if not len(others):
        return copies
    limit = float(others.mean() + _STANDS_OUT / avoided.weight * others.std())
    # The most like it go; those that would be too many of the first hits stay, and so does what is
    # no more like it farther down.
    first = np.sort(likeness[:top][~copies[:top]])[::-1]
    most = max(0, int(_PART * min(top, len(keys))) - int(copies[:top].sum()))
    if len(first) > most:
        limit = max(limit, float(first[most]) + 1e-6)
    return np.asarray(copies | (likeness >= limit))
