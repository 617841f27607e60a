"""Starter model: a small classifier and a small text encoder that share one space.

It ships inside the package and needs no download. It is weaker than the models that were trained
on captioned photos; ``docs/starter-model.md`` says how it works and how well.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.arguments import as_list
from safelight.embedding.description import Description
from safelight.embedding.onnx.embedder import OnnxEmbedder
from safelight.embedding.preprocess.preprocess import Preprocessing
from safelight.embedding.preprocess.tokenizer import TextRules
from safelight.files import sha256_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

#: Where the model's files lie, as ``scripts/build_starter.py`` wrote them.
DATA = Path(__file__).with_name("starter_data")

#: Those of them that decide what it computes: the image side, the text side, its tokenizer.
WEIGHTS = ("image.onnx", "text.onnx", "tokenizer.json")

DIMENSION = 512

# Fitted on labelled photos: see docs/starter-model.md.
_LOGIT_SCALE = 20.0

# The whole photo, squeezed into a square: what is searched for may stand at its edge.
_PREPROCESSING = Preprocessing(
    size=(260, 260),
    resize="squash",
    interpolation="bicubic",
    mean=(127 / 255, 127 / 255, 127 / 255),
    std=(128 / 255, 128 / 255, 128 / 255),
)
_RULES = TextRules(cleaning="none", pad="[PAD]", context=256, fill=False)

# Words that speak of the photo and not of what it shows. The text encoder was not trained on
# captions, and would look for photos of photos.
_ABOUT_THE_PHOTO = (
    r"(?:(?:this is |here is )?(?:an? |the |my )?(?:[\w-]+ )?"
    r"(?:photo|photograph|picture|image|snapshot|pic)s? (?:of|showing) )?(?:an? |the |some )?"
)
_PATTERN = re.compile(_ABOUT_THE_PHOTO, re.IGNORECASE)


class StarterEmbedder(OnnxEmbedder):
    """The starter model; see :class:`safelight.embedding.base.Embedder`.

    Parameters
    ----------
    threads : int or None
        Processor cores to use; None for all that this process may use.
    """

    reload_name: str | None = "starter"

    def __init__(self, threads: int | None = None) -> None:
        image, text, tokenizer = (DATA / name for name in WEIGHTS)
        description = Description(
            image=image,
            text=text,
            tokenizer=tokenizer,
            weights=(image, text),
            preprocessing=_PREPROCESSING,
            rules=_RULES,
            dimension=DIMENSION,
            logit_scale=_LOGIT_SCALE,
            pooled=False,
        )
        super().__init__(description, "starter", threads=threads)

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest that names the space, computed when the model was built."""
        return str(json.loads((DATA / "starter.json").read_text("utf-8"))["fingerprint"])

    def encode_texts(self, texts: str | Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed texts; (n, 512) float32, rows of unit length.

        "a photo of a dog" is read as "dog".

        Warns
        -----
        UserWarning
            Once a call, if texts were longer than 256 tokens and were cut.
        """
        return super().encode_texts([subject(text) for text in as_list(texts, "texts", str)])


def load_starter(threads: int | None = None) -> StarterEmbedder:
    """Return the starter model; each side's weights are read when it is first used.

    >>> load_starter().encode_texts(["a dog in the snow"]).shape
    (1, 512)
    """
    return StarterEmbedder(threads)


def subject(text: str) -> str:
    """Return a text without words about the photo itself ("a photo of").

    >>> subject("A blurry photo of a dog in the snow")
    'dog in the snow'
    >>> subject("the")
    'the'
    """
    text = " ".join(text.split())
    found = _PATTERN.match(text)
    return text[found.end() :] if found else text


def compute_fingerprint() -> str:
    """Return the digest of all that decides what the model computes, read from its files."""
    contents = {
        "files": {name: sha256_of(DATA / name) for name in WEIGHTS},
        "pixels": [
            _PREPROCESSING.size,
            _PREPROCESSING.resize,
            _PREPROCESSING.interpolation,
            _PREPROCESSING.mean,
            _PREPROCESSING.std,
        ],
        "texts": [_ABOUT_THE_PHOTO, _RULES.context],
        "dtype": "float32",
    }
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()
