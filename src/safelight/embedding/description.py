"""Description of a model from its files, read without loading any weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.embedding.catalogue.digests import file_digest
from safelight.embedding.json_config import Configuration
from safelight.embedding.preprocess.config import read_open_clip, read_transformers
from safelight.embedding.preprocess.tokenizer import TextRules
from safelight.embedding.provenance import original_fingerprint

if TYPE_CHECKING:
    from pathlib import Path

    from safelight.embedding.layouts.onnx import Layout
    from safelight.embedding.preprocess.preprocess import Preprocessing
    from safelight.embedding.preprocess.tokenizer import Cleaning

# Tokenizers without a limit write a number of this order as their limit.
_NO_LIMIT = 1_000_000

_CLEANINGS: dict[str, Cleaning] = {
    "lower": "lower",
    "whitespace": "whitespace",
    "canonicalize": "canonicalize",
    "none": "none",
}


@dataclass(frozen=True)
class Description:
    """A model in a folder.

    Attributes
    ----------
    image, text : Path
        The graphs.
    tokenizer : Path
        ``tokenizer.json``.
    weights : tuple of Path
        Every file that holds weights, the graphs first.
    preprocessing : Preprocessing
    rules : TextRules
    dimension : int or None
        Length of the vectors, if the configuration says so.
    logit_scale : float or None
        If the configuration says so.
    logit_bias : float or None
        If the configuration says so; see :class:`safelight.embedding.base.Embedder`.
    pooled : bool
        Whether the embedding is what the graphs call pooled output, as in SigLIP; in CLIP that
        is what comes before the projection, and useless.
    """

    image: Path
    text: Path
    tokenizer: Path
    weights: tuple[Path, ...]
    preprocessing: Preprocessing
    rules: TextRules
    dimension: int | None
    logit_scale: float | None
    pooled: bool
    logit_bias: float | None = None
    original: str | None = None

    def fingerprint(self) -> str:
        """Return the hex digest of weights, preprocessing and tokenizer."""
        if self.original is not None:
            return self.original
        contents = {
            "weights": [file_digest(path) for path in self.weights],
            "tokenizer": file_digest(self.tokenizer),
            "preprocessing": self.preprocessing.describe(),
            "texts": self.rules.describe(),
            "dtype": "float32",
        }
        return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


def describe(folder: Path, layout: Layout) -> Description:
    """Read the configuration files of a model.

    Raises
    ------
    ModelInvalid
        A file is missing, or a value is missing or not known; the message names both.
    """
    config = Configuration.read(folder / layout.config)
    tokenizer_config = Configuration.read(folder / layout.tokenizer_config)
    if layout.kind == "immich":
        preprocessing = read_open_clip(folder / layout.preprocessing)
        rules = _open_clip_rules(config, tokenizer_config)
        dimension_key = "embed_dim"
        pooled = False
    else:
        preprocessing = read_transformers(folder / layout.preprocessing)
        rules = _transformers_rules(config, tokenizer_config)
        dimension_key = "projection_dim"
        pooled = str(config.need("model_type")).startswith("siglip")
    graphs = (layout.image, layout.text)
    return Description(
        image=folder / layout.image,
        text=folder / layout.text,
        tokenizer=folder / layout.tokenizer,
        weights=tuple(
            folder / name for name in (*graphs, *layout.image_weights, *layout.text_weights)
        ),
        preprocessing=preprocessing,
        rules=rules,
        dimension=config.integer(dimension_key) if dimension_key in config else None,
        logit_scale=config.number("logit_scale") if "logit_scale" in config else None,
        logit_bias=config.number("logit_bias") if "logit_bias" in config else None,
        pooled=pooled,
        original=original_fingerprint(folder),
    )


def _open_clip_rules(config: Configuration, tokenizer_config: Configuration) -> TextRules:
    text = config.section("text_cfg")
    context = text.integer("context_length") if "context_length" in text else None
    options = text.section("tokenizer_kwargs")
    for key in options.values:
        if key != "clean":
            raise options.wrong(key, "changes how texts are read in a way that is not known")
    has_own = "hf_tokenizer_name" in text
    how = options.values.get("clean", "whitespace" if has_own else "lower")
    if how not in _CLEANINGS:
        raise options.wrong("clean", f"is {how!r}, which is not known")
    # Without a tokenizer of its own a model was trained with open_clip's, which pads with 0.
    pad = _pad_token(tokenizer_config) if has_own else None
    return TextRules(cleaning=_CLEANINGS[how], pad=pad, context=context, fill=True)


def _transformers_rules(config: Configuration, tokenizer_config: Configuration) -> TextRules:
    context = None
    text = config.section("text_config")
    if "model_max_length" in tokenizer_config:
        limit = tokenizer_config.number("model_max_length")
        context = int(limit) if limit < _NO_LIMIT else None
    if context is None and "max_position_embeddings" in text:
        context = text.integer("max_position_embeddings")
    return TextRules(
        cleaning="none",
        pad=_pad_token(tokenizer_config),
        context=context,
        # A causal tower does not see what comes after the end; of others we cannot know.
        fill=config.need("model_type") != "clip",
    )


def _pad_token(tokenizer_config: Configuration) -> str:
    token = tokenizer_config.need("pad_token")
    if isinstance(token, dict):
        token = tokenizer_config.section("pad_token").need("content")
    return str(token)
