"""Whether a photo is any nearer to some words than it is to words that have nothing to do with it.

A search always finds something. What is nearest to "giraffe" among photos without one is told from
a giraffe by what says whether a label applies: see :mod:`safelight.labels.classifier`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.labels.classifier import APPLIES, Classifier, has_sigmoid
from safelight.labels.embeddings import CacheFiles, embed_unrelated
from safelight.labels.label_set import LabelSet

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from safelight.embedding.protocol import Embedder

    Vector = npt.NDArray[np.float32]

# The words are embedded already; the set has to have a name for them only.
_WORDS = LabelSet(("what is looked for",), ("{}",))


def unrelated_to(embedder: Embedder) -> Vector | None:
    """Return the vectors of unrelated words, (prompts, dimension); made once for a model."""
    if has_sigmoid(embedder):
        return None
    return embed_unrelated(embedder, CacheFiles.of_user(_WORDS, embedder).unrelated)


def is_weak(embedder: Embedder, unrelated: Vector | None, words: Vector, photo: Vector) -> bool:
    """Tell whether words probably do not apply to a photo, given the vectors of both."""
    classifier = Classifier(_WORDS, embedder, words[None], unrelated)
    return classifier.classify(photo[None], 1)[0].labels[0].calibrated < APPLIES
