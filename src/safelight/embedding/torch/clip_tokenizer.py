"""Convert CLIP's Python tokenizer of open_clip into a ``tokenizer.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.embedding.preprocess.tokenizer import open_clip_words

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"


def clip_tokenizer(simple: Any) -> Tokenizer:
    """Return an `open_clip.tokenizer.SimpleTokenizer` as a tokenizer of the tokenizers library.

    Texts are given to it cleaned; see :func:`safelight.embedding.preprocess.tokenizer.clean`.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers
    from tokenizers.processors import RobertaProcessing

    renamed = {"<start_of_text>": _BEGIN, "<end_of_text>": _END}
    ids = {renamed.get(token, token): number for token, number in simple.encoder.items()}
    tokenizer = Tokenizer(
        models.BPE(
            vocab=ids,
            merges=sorted(simple.bpe_ranks, key=simple.bpe_ranks.__getitem__),
            unk_token=_END,
            continuing_subword_prefix="",
            end_of_word_suffix="</w>",
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = open_clip_words()
    tokenizer.post_processor = RobertaProcessing(
        (_END, ids[_END]), (_BEGIN, ids[_BEGIN]), trim_offsets=False, add_prefix_space=False
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([_BEGIN, _END])
    return tokenizer


def save_clip_tokenizer(simple: Any, folder: str) -> None:
    """Write ``tokenizer.json`` and ``tokenizer_config.json``."""
    clip_tokenizer(simple).save(str(Path(folder, "tokenizer.json")), pretty=False)
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": simple.context_length,
        "bos_token": _BEGIN,
        "eos_token": _END,
        "pad_token": _END,
        "unk_token": _END,
    }
    Path(folder, "tokenizer_config.json").write_text(json.dumps(config, indent=2), "utf-8")
