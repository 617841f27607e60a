"""Models that transformers builds: CLIP, SigLIP, AltCLIP, Chinese-CLIP, and others like them."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.embedding.catalogue.digests import file_digest
from safelight.embedding.devices import missing_extra
from safelight.embedding.json_config import Configuration
from safelight.embedding.preprocess.config import read_transformers
from safelight.embedding.preprocess.tokenizer import clean
from safelight.embedding.torch.model import LoadedModel, TorchModel
from safelight.errors import ModelInvalid
from safelight.files import check_regular

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from safelight.embedding.layouts.torch import TorchLayout

# Trained on texts that were padded to the whole context, and they look at the padding.
_PADDED = ("siglip", "siglip2")

# A limit of this order is how a tokenizer without a limit writes one.
_NO_LIMIT = 1_000_000


def describe_folder(folder: Path, layout: TorchLayout) -> TorchModel:
    """Return the model of a folder as transformers' `save_pretrained` writes it.

    Raises
    ------
    ModelInvalid
        A file is missing or not understood, or the model has no image and text side.
    """
    configuration = Configuration.read(folder / "config.json")
    kind = str(configuration.need("model_type"))
    processor = next(
        (n for n in ("preprocessor_config.json", "processor_config.json") if n in layout.others),
        "preprocessor_config.json",
    )
    preprocessing = read_transformers(folder / processor)
    config = _with_defaults(folder)
    text = getattr(config, "text_config", None)
    vision = getattr(config, "vision_config", None)
    if text is None or vision is None:
        raise configuration.wrong("model_type", f"is {kind!r}, which has no image and text sides")
    context = _context(folder, text)
    if kind in _PADDED:  # nothing is projected to a common length, both sides have it
        dimension = getattr(text, "projection_size", None) or text.hidden_size
    elif (dimension := getattr(config, "projection_dim", None)) is None:
        raise configuration.wrong("projection_dim", f"is missing, and {kind!r} is not known")
    return TorchModel(
        identity={
            "architecture": {"transformers": kind, "config": configuration.values},
            "weights": [file_digest(folder / name) for name in layout.weights],
            "tokenizer": {
                name: file_digest(folder / name)
                for name in layout.others
                if name not in ("config.json", processor)
            },
            "preprocessing": preprocessing.describe(),
            "dtype": "float32",
        },
        preprocessing=preprocessing,
        context=context,
        config={
            "embed_dim": int(dimension),
            "vision_cfg": {"image_size": list(preprocessing.size)},
            "text_cfg": {
                "context_length": context,
                "vocab_size": int(text.vocab_size),
                # A tokenizer of its own, which does all that is done to a text.
                "hf_tokenizer_name": str(getattr(config, "_name_or_path", "") or kind),
                "tokenizer_kwargs": {"clean": "none"},
            },
        },
        dimension=int(dimension),
        load=partial(_load, folder, kind, context, int(dimension)),
    )


def _with_defaults(folder: Path) -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    try:
        from transformers import AutoConfig
    except ImportError as error:
        raise missing_extra(error) from error
    try:
        return AutoConfig.from_pretrained(str(folder), local_files_only=True)
    except (ValueError, OSError, KeyError) as error:
        raise _invalid(folder, error) from error


def _context(folder: Path, text: Any) -> int:
    """Return how many tokens a text has at most: what the tower has places for."""
    places = int(text.max_position_embeddings)
    path = folder / "tokenizer_config.json"
    if path.exists():
        tokenizer = Configuration.read(path)
        if "model_max_length" in tokenizer and tokenizer.number("model_max_length") < _NO_LIMIT:
            return min(int(tokenizer.number("model_max_length")), places)
    return places


def _load(folder: Path, kind: str, context: int, dimension: int) -> LoadedModel:
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        for path in folder.iterdir():
            if not path.is_dir():
                check_regular(path)
        module = AutoModel.from_pretrained(str(folder), local_files_only=True).float().eval()
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # of transformers, PyTorch and safetensors; no other base
        raise _invalid(folder, error) from error
    if not hasattr(module, "get_image_features") or not hasattr(module, "get_text_features"):
        raise ModelInvalid(
            f"{folder} is a {type(module).__name__}, which embeds not both images and texts.",
            path=str(folder),
        )
    # Where the padding is the end token as well, as in CLIP, the tower reads from left to right
    # and does not see what comes after the end.
    masked = (
        "attention_mask" in tokenizer.model_input_names
        and tokenizer.pad_token_id != tokenizer.eos_token_id
    )
    padding = "max_length" if kind in _PADDED else "longest"

    def image(pixels: torch.Tensor) -> torch.Tensor:
        return _vectors(module.get_image_features(pixel_values=pixels))

    def text(ids: torch.Tensor) -> torch.Tensor:
        mask = {"attention_mask": (ids != tokenizer.pad_token_id).long()} if masked else {}
        return _vectors(module.get_text_features(input_ids=ids, **mask))

    def tokenize(texts: Sequence[str]) -> tuple[torch.Tensor, int]:
        given = [clean(text, "none") for text in texts]
        ids = tokenizer(
            given, padding=padding, truncation=True, max_length=context, return_tensors="pt"
        ).input_ids
        lengths = [len(each) for each in tokenizer(given, verbose=False).input_ids]
        return ids, sum(length > context for length in lengths)

    bias = getattr(module, "logit_bias", None)
    scale = getattr(module, "logit_scale", None)
    return LoadedModel(
        module=module,
        image=image,
        text=text,
        tokenize=tokenize,
        save_tokenizer=partial(_save_tokenizer, tokenizer, folder),
        dimension=dimension,
        logit_scale=None if scale is None else float(scale.detach().exp()),
        logit_bias=None if bias is None else float(bias.detach()),
    )


def _save_tokenizer(tokenizer: Any, folder: Path, to: str) -> None:
    tokenizer.save_pretrained(to)
    # One that runs in Python writes no tokenizer.json; the model may have been published with it.
    written = Path(to, "tokenizer.json")
    if not written.exists() and (folder / "tokenizer.json").exists():
        shutil.copyfile(folder / "tokenizer.json", written)


def _vectors(outputs: Any) -> torch.Tensor:
    # Up to version 4 transformers returned the vectors themselves.
    vectors: torch.Tensor = getattr(outputs, "pooler_output", outputs)
    return vectors


def _invalid(folder: Path, error: Exception) -> ModelInvalid:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return ModelInvalid(f"{folder} cannot be loaded with transformers: {first}", path=str(folder))
