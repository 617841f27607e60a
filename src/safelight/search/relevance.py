"""Unrelated words, and notes for people whose query has no match."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from safelight.labels import CacheFiles, LabelSet
from safelight.labels.classifier import has_sigmoid
from safelight.labels.embeddings import embed_unrelated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    import numpy.typing as npt

    from safelight.embedding.base import Embedder

    Vector = npt.NDArray[np.float32]

NO_MATCH = "No good match: what is nearest stands out no more than what is unrelated."
ENGLISH_ONLY = "The starter model reads English only, and knows common things best."

# Only a name for the file that keeps them.
_WORDS = LabelSet(("what is looked for",), ("{}",))


def unrelated_to(embedder: Embedder) -> Vector | None:
    """Return the vectors of unrelated words, (prompts, dimension); made once for a model."""
    if has_sigmoid(embedder):
        return None
    return embed_unrelated(embedder, CacheFiles.of_user(_WORDS, embedder).unrelated)


def no_match(embedder: Embedder, texts: Sequence[str]) -> tuple[str, ...]:
    """Return what to tell about a query without a match."""
    return (NO_MATCH, ENGLISH_ONLY) if texts and embedder.name == "starter" else (NO_MATCH,)


def is_unread(embedder: Embedder, texts: Iterable[str]) -> bool:
    """Tell whether texts are in a script that the starter model cannot read a letter of."""
    return embedder.name == "starter" and any(_has_other_script(text) for text in texts)


def _has_other_script(text: str) -> bool:
    letters = [char for char in unicodedata.normalize("NFKC", text) if char.isalpha()]
    return any(not unicodedata.name(char, "LATIN").startswith("LATIN") for char in letters)
