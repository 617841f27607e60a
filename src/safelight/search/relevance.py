"""Relevance: is the best hit closer to the query than to unrelated prompts?

A search always finds something. What is nearest to "giraffe" among photos without one is told from
a giraffe by what says whether a label applies: see :mod:`safelight.labels.classifier`.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from safelight.labels import APPLIES, CacheFiles, Classifier, LabelSet
from safelight.labels.classifier import has_sigmoid
from safelight.labels.embeddings import embed_unrelated

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

    from safelight.embedding.base import Embedder

    Vector = npt.NDArray[np.float32]

# The words are embedded already; the set has to have a name for them only.
_WORDS = LabelSet(("what is looked for",), ("{}",))

#: The best of many photos is nearer by chance than any one of them, on which labels are judged. Of
#: the starter model's best hits on 411 photos this says "weak" for 17 of 17 words that are nonsense
#: or not English, and for none of 60 names of things that are on a photo (bench/avoiding.py).
_RELEVANT = 0.8

NO_GOOD_MATCH = "No good match: the best hit is no closer to these words than to unrelated ones."
ENGLISH_ONLY = "The starter model reads English only, and knows common things best."


def unrelated_to(embedder: Embedder) -> Vector | None:
    """Return the vectors of unrelated words, (prompts, dimension); made once for a model."""
    if has_sigmoid(embedder):
        return None
    return embed_unrelated(embedder, CacheFiles.of_user(_WORDS, embedder).unrelated)


def is_weak(embedder: Embedder, unrelated: Vector | None, words: Vector, photo: Vector) -> bool:
    """Tell whether words probably do not apply to a photo, given the vectors of both."""
    classifier = Classifier(_WORDS, embedder, words[None], unrelated)
    least = APPLIES if unrelated is None else _RELEVANT
    return classifier.classify(photo[None], 1)[0].labels[0].calibrated < least


def is_unread(embedder: Embedder, texts: Iterable[str]) -> bool:
    """Tell whether texts are in a script that the starter model cannot read a letter of."""
    return embedder.name == "starter" and any(_has_other_script(text) for text in texts)


def _has_other_script(text: str) -> bool:
    letters = [char for char in unicodedata.normalize("NFKC", text) if char.isalpha()]
    return any(not unicodedata.name(char, "LATIN").startswith("LATIN") for char in letters)
