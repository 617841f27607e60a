"""The space in which photos and texts meet, made from glosses alone, without any photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starter.glosses import Gloss
    from starter.graph import Array

# What a class means: its caption, its bare name, and the mean of its kinds.
_CAPTION, _NAME, _KINDS = 2.0, 1.0, 0.5
_DIRECTIONS = 128
_RIDGE = 0.3


@dataclass(frozen=True)
class Space:
    """Constants of both graphs.

    Attributes
    ----------
    meanings : (1000, 384) float32
        The vector of each class in the space of texts, rows of unit length.
    directions : (1000, 128) float32
        Orthonormal columns that tell kinds of classes apart.
    centre : (384,) float32
        The mean of all classes, subtracted from every text.
    words : (k, 384) float32
        Known words, rows of unit length, not centred.
    word_meanings, word_kinds : (k, 384) and (k, 128) float32
        For each known word, the vectors that find the photos of its classes.
    temperature : float
        Divides the classifier's scores for the first part.
    sharpness, doubt : float
        How like a text has to be to a known word, for the word to count.
    """

    meanings: Array
    directions: Array
    centre: Array
    words: Array
    word_meanings: Array
    word_kinds: Array
    temperature: float = 2.0
    sharpness: float = 0.05
    doubt: float = 0.05

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return self.meanings.shape[1] + self.directions.shape[1]


def build_space(glosses: Sequence[Gloss], encode: Callable[[list[str]], Array]) -> Space:
    """Return the space of these glosses.

    Parameters
    ----------
    glosses : sequence of Gloss
    encode : callable
        Texts to (n, 384) float32, rows of unit length.
    """
    words, members = _words(glosses)
    vectors = dict(zip(words, encode(words), strict=True))
    captions = encode([gloss.caption for gloss in glosses])
    names = np.stack([vectors[gloss.names[0].lower()] for gloss in glosses])
    kinds = np.stack([np.mean([vectors[k.lower()] for k in g.kinds], axis=0) for g in glosses])
    mixed = (_CAPTION * captions + _NAME * names + _KINDS * kinds) / (_CAPTION + _NAME + _KINDS)
    centre = mixed.mean(axis=0)
    meanings = _unit(mixed - centre)

    # The main directions in which the words' sets of classes differ, each set counting alike.
    sets = members / np.linalg.norm(members, axis=1, keepdims=True)
    directions = np.linalg.svd(sets, full_matrices=False)[2][:_DIRECTIONS].T
    return Space(
        meanings=meanings,
        directions=directions,
        centre=centre,
        words=np.stack([vectors[word] for word in words]),
        word_meanings=_unit(members @ _inverse(meanings)),
        word_kinds=_unit(members @ directions),
    )


def _words(glosses: Sequence[Gloss]) -> tuple[list[str], Array]:
    """Return every name and kind, and which classes each stands for, (k, 1000) of 0 and 1."""
    classes: dict[str, set[int]] = {}
    for number, gloss in enumerate(glosses):
        for word in (*gloss.names, *gloss.kinds):
            classes.setdefault(word.lower(), set()).add(number)
    members = np.zeros((len(classes), len(glosses)))
    for row, numbers in enumerate(classes.values()):
        members[row, list(numbers)] = 1
    return list(classes), members


def _inverse(meanings: Array) -> Array:
    """Return A (A'A + r I)^-1, which turns a set of classes into the vector that finds it."""
    gram = meanings.T @ meanings
    ridge = _RIDGE * np.trace(gram) / len(gram)
    inverse: Array = np.linalg.solve(gram + ridge * np.eye(len(gram)), meanings.T).T
    return inverse


def _unit(rows: Array) -> Array:
    unit: Array = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit
