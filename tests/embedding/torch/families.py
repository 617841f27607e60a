"""The families of models that are compared with open_clip, and what open_clip gives for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests.embedding.torch import random_models
from tests.embedding.torch.random_models import (
    CLIP_PREPROCESSING,
    MOBILE_PREPROCESSING,
    SIGLIP_PREPROCESSING,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

    from safelight.types import Frame

# Fifty, of all kinds of writing and lengths.
TEXTS = [
    "", " ", "a photo of a dog", "A Photo Of A DOG", "  spaces\tand\nlines  ",
    "it's Bob's, isn't it? I'd say they've gone", "naïve café Ångström straße", "cafe\u0301",
    "日本語のテキスト", "中文文本", "한국어 텍스트", "Привет мир!", "مرحبا بالعالم", "שלום עולם",
    "emoji 😀👍🏽", "👨‍👩‍👧‍👦", "🇩🇪 ❤️", "1234567890 3.14159", "½ ² Ⅷ", "!@#$%^&*()_+-=[]{}",
    "underscore_separated-and-hyphenated", "x" * 400, "word " * 300, "“curly” ‘quotes’ — …",
    "salt &amp; pepper",
    *(f"{number} red cars and {number * 7} blue boats" for number in range(25)),
]  # fmt: skip


@dataclass(frozen=True)
class Family:
    architecture: str
    preprocessing: dict[str, Any]
    layers: int | None = None
    quick_gelu: bool = False


FAMILIES = {
    "ViT-B-32": Family("ViT-B-32", CLIP_PREPROCESSING, 3),
    "ViT-L-14": Family("ViT-L-14", CLIP_PREPROCESSING, 2),
    "ViT-L-14-quickgelu": Family("ViT-L-14", CLIP_PREPROCESSING, 2, quick_gelu=True),
    "SigLIP": Family("ViT-B-16-SigLIP", SIGLIP_PREPROCESSING, 2),
    "MobileCLIP-S0": Family("MobileCLIP2-S0", MOBILE_PREPROCESSING, 2),
    "EVA02": Family("EVA02-B-16", CLIP_PREPROCESSING, 2),
}


@dataclass(frozen=True)
class Written:
    """A model as its authors' code has it, and where it was written to."""

    name: str
    folder: Path
    images: np.ndarray
    texts: np.ndarray
    module: Any
    config: dict[str, Any]


def write_family(
    name: str, folder: Path, frames: Sequence[Frame], *, whole: bool = False
) -> Written:
    """Write a model of a family, and embed `frames` and TEXTS as open_clip itself does.

    With `whole`, towers have all of their layers.
    """
    import open_clip
    import torch
    from open_clip.transform import PreprocessCfg, image_transform_v2

    family = FAMILIES[name]
    config = random_models.config_of(family.architecture, None if whole else family.layers)
    if family.quick_gelu:
        config["quick_gelu"] = True
    if "hf_tokenizer_name" in config["text_cfg"]:
        random_models.write_unigram_tokenizer(folder, TEXTS)
    model = random_models.build_open_clip(config)
    random_models.write_open_clip(folder, model, config, family.preprocessing)
    settings = PreprocessCfg(**family.preprocessing, size=config["vision_cfg"]["image_size"])
    preprocess = image_transform_v2(settings, is_train=False)
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(TEXTS)
    with torch.inference_mode():
        images = [
            model.encode_image(preprocess(Image.fromarray(each.pixels))[None], normalize=True)
            for each in frames
        ]
        texts = model.encode_text(tokens, normalize=True)
    return Written(name, folder, torch.cat(images).numpy(), texts.numpy(), model, config)
