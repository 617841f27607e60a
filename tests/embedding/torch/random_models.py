"""Models of real architectures with random weights, written in the layouts that real ones have."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_MEAN, _STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]

CLIP_PREPROCESSING = {
    "mean": _MEAN, "std": _STD, "interpolation": "bicubic", "resize_mode": "shortest",
}  # fmt: skip
SIGLIP_PREPROCESSING = {
    "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash",
}  # fmt: skip
MOBILE_PREPROCESSING = {
    "mean": [0.0] * 3, "std": [1.0] * 3, "interpolation": "bilinear", "resize_mode": "shortest",
}  # fmt: skip


# What makes the towers of timm shallow: all kinds of their layers occur still.
_SHALLOW: dict[str, dict[str, Any]] = {
    "vit_base_patch16_siglip_224": {"depth": 2},
    "eva02_base_patch16_clip_224": {"depth": 2},
    "fastvit_mci0": {"layers": (1, 1, 1, 1)},
}


def _shallow(name: str) -> str:
    """Make a tower of timm with fewer layers known to it; return what it is called."""
    import timm
    from timm.models import is_model, model_entrypoint, register_model

    called = f"shallow_{name}"
    if not is_model(called):
        whole = model_entrypoint(name)

        def make(pretrained: bool = False, **options: Any) -> Any:
            return whole(pretrained, **{**_SHALLOW[name], **options})

        make.__name__ = called
        register_model(make)
    assert timm.is_model(called)
    return called


def config_of(architecture: str, layers: int | None, **changes: Any) -> dict[str, Any]:
    """open_clip's configuration of an architecture; with a number, that of a small likeness of it.

    This has so many layers, and is narrow; the kinds of layers, patches and switches are the same.
    """
    import open_clip

    config: dict[str, Any] = copy.deepcopy(open_clip.get_model_config(architecture))
    if layers is not None:
        config["text_cfg"]["layers"] = layers
        if "hf_tokenizer_name" not in config["text_cfg"]:  # those have few tokens
            config["text_cfg"] |= {"width": 128, "heads": 2}
        if isinstance(config["vision_cfg"].get("layers"), int):
            config["vision_cfg"] |= {"layers": layers, "width": 256}
        if "timm_model_name" in config["vision_cfg"]:
            config["vision_cfg"]["timm_model_name"] = _shallow(
                config["vision_cfg"]["timm_model_name"]
            )
    return config | changes


def build_open_clip(config: dict[str, Any], seed: int = 0) -> Any:
    """A model as open_clip makes it of a configuration."""
    import torch
    from open_clip.model import CLIP, CustomTextCLIP

    torch.manual_seed(seed)
    config = copy.deepcopy(config)
    custom = config.pop("custom_text", False)
    model = (CustomTextCLIP if custom else CLIP)(**config)
    _spread(model)
    return model.eval()


def _spread(model: Any) -> None:
    """Move every parameter away from where it starts, so that none of them counts for nothing.

    Biases start at 0, gains at 1, the scales of residual branches near 0: a loader that left them
    out would not be noticed. And with weights as small as they start, all images look alike.
    """
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "logit" in name:
                continue
            if parameter.ndim > 1:
                parameter.mul_(2)
            elif name.endswith("gamma"):
                parameter.add_(0.2)
            if parameter.ndim < 2:
                parameter.add_(0.03 * torch.randn_like(parameter))
        if any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules()):
            size = model.visual.image_size
            sides = (size, size) if isinstance(size, int) else size
            model.train().visual(torch.randn(8, 3, *sides))  # finds means and variances


def write_open_clip(
    folder: Path,
    model: Any,
    config: dict[str, Any],
    preprocessing: dict[str, Any],
    *,
    pickled: bool = False,
) -> Path:
    """Write a folder as `open_clip.push_to_hf_hub` does."""
    import torch
    from safetensors.torch import save_model

    folder.mkdir(parents=True, exist_ok=True)
    content = {"model_cfg": config, "preprocess_cfg": preprocessing}
    (folder / "open_clip_config.json").write_text(json.dumps(content), "utf-8")
    if pickled:
        torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    else:
        save_model(model, str(folder / "open_clip_model.safetensors"))
    return folder


def write_clip_tokenizer(folder: Path) -> None:
    """CLIP's tokenizer files, as transformers writes them, from the vocabulary in open_clip."""
    from open_clip.tokenizer import SimpleTokenizer
    from transformers import CLIPTokenizer

    simple = SimpleTokenizer()
    renamed = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    vocabulary = {renamed.get(token, token): number for token, number in simple.encoder.items()}
    merges = sorted(simple.bpe_ranks, key=simple.bpe_ranks.__getitem__)
    folder.mkdir(parents=True, exist_ok=True)
    CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77).save_pretrained(folder)


def write_unigram_tokenizer(folder: Path, texts: list[str], context: int = 64) -> int:
    """A small tokenizer of the kind that SigLIP and T5 have; returns its number of tokens."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=600, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>",
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="</s>", eos_token="</s>", unk_token="<unk>",
        model_max_length=context, model_input_names=["input_ids"],
    ).save_pretrained(folder)  # fmt: skip
    return int(tokenizer.get_vocab_size())


def write_wordpiece_tokenizer(folder: Path, texts: list[str], context: int = 52) -> int:
    """A small tokenizer of BERT's kind, as Chinese-CLIP has; returns its number of tokens."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=800, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        unk_token="[UNK]", mask_token="[MASK]", model_max_length=context,
    ).save_pretrained(folder)  # fmt: skip
    return int(tokenizer.get_vocab_size())


def write_transformers(folder: Path, model: Any, processor: Any) -> Path:
    """Write a folder as transformers does, with the image processor's name as on the hub."""
    _spread(model)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    path = folder / "preprocessor_config.json"
    written = json.loads(path.read_text("utf-8"))
    written["image_processor_type"] = written["image_processor_type"].removesuffix("Pil")
    path.write_text(json.dumps(written), "utf-8")
    return folder
