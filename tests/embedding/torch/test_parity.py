"""The same vectors as open_clip and transformers give, in every layout, of every family.

Weights are random: what is compared is everything but the weights. Towers are narrow and shallow
here, and see few photos; ``bench/parity.py`` compares whole models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from safelight.embedding.load import load_embedder
from safelight.imaging import decode
from tests.embedding.torch import random_models
from tests.embedding.torch.families import FAMILIES, TEXTS, Written, write_family

if TYPE_CHECKING:
    from pathlib import Path

    from safelight.embedding.base import Embedder
    from safelight.types import Frame

FP32, FP16 = 0.99999, 0.999


@pytest.fixture(scope="module")
def frames(real_photos: Path) -> list[Frame]:
    files = sorted((real_photos / "imagenet-sample").rglob("*.jp*g"))[::5][:4]
    assert len(files) == 4
    return [decode(path.read_bytes()) for path in files]


def _assert_same(embedder: Embedder, frames: list[Frame], written: Written, least: float) -> None:
    images, texts = embedder.encode_images(frames), embedder.encode_texts(TEXTS)
    for ours, theirs in ((images, written.images), (texts, written.texts)):
        assert ours.shape == theirs.shape
        assert float((ours * theirs).sum(axis=1).min()) > least
    # And vectors of different things do differ.
    others = (images * np.roll(written.images, 1, axis=0)).sum(axis=1)
    assert float(others.max()) < 0.9999


# One test a family: to build and write it takes longer than all that is compared. ViT-L-14 differs
# from the next in what ViT-B-32 has.
@pytest.mark.parametrize("name", sorted(FAMILIES.keys() - {"ViT-L-14"}))
def test_an_open_clip_folder_and_its_export_give_open_clips_vectors(
    name: str, frames: list[Frame], tmp_path: Path
) -> None:
    import torch

    from safelight.embedding.torch.embedder import TorchEmbedder
    from safelight.embedding.torch.export import export_model

    written = write_family(name, tmp_path / "model", frames)
    embedder = load_embedder(str(written.folder), device="cpu")
    assert isinstance(embedder, TorchEmbedder)
    assert embedder.dimension == written.config["embed_dim"]
    assert embedder.logit_scale == pytest.approx(float(written.module.logit_scale.exp()))
    bias = written.config.get("init_logit_bias")
    assert embedder.logit_bias == (None if bias is None else pytest.approx(bias))
    _assert_same(embedder, frames, written, FP32)

    measured = export_model(embedder.model, "mine", tmp_path / "export", frames)
    assert measured.is_good("fp32")
    export = load_embedder(str(tmp_path / "export"), device="cpu")
    assert export.where.runtime == "onnx"
    assert export.fingerprint == embedder.fingerprint
    assert export.logit_scale == pytest.approx(embedder.logit_scale)
    assert (export.logit_bias is None) == (embedder.logit_bias is None)
    _assert_same(export, frames, written, FP32)

    if name not in ("ViT-B-32", "MobileCLIP-S0"):
        return
    # What the embedder does on a GPU, on the processor.
    model = embedder.model.load()
    pixels = [embedder.model.preprocessing.apply(frame.pixels) for frame in frames[:2]]
    ids, _ = model.tokenize(TEXTS)
    for dtype in (torch.bfloat16, torch.float16):
        with torch.inference_mode(), torch.autocast("cpu", dtype):
            outputs = [model.image(torch.from_numpy(np.stack(pixels))), model.text(ids[:10])]
        for output, theirs in zip(outputs, (written.images[:2], written.texts[:10]), strict=True):
            ours = torch.nn.functional.normalize(output.float()).numpy()
            assert float((ours * theirs).sum(axis=1).min()) > FP16


def _transformers_families() -> dict[str, Any]:
    return {
        "CLIP": _clip,
        "CLIP-gelu": _clip_gelu,
        "SigLIP": _siglip,
        "Chinese-CLIP": _chinese,
        "AltCLIP": _alt,
    }


_SIDE = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3,
         "num_attention_heads": 4}  # fmt: skip


def _clip(folder: Path, act: str = "quick_gelu") -> Any:
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    random_models.write_clip_tokenizer(folder)
    side = _SIDE | {"projection_dim": 32, "hidden_act": act}
    # As OpenAI's: the end token is found by being the highest of all.
    ends = {"bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407}
    config = CLIPConfig(
        text_config=side | ends, vision_config=side | {"patch_size": 32}, projection_dim=32
    )
    return CLIPModel(config), CLIPImageProcessorPil()


def _clip_gelu(folder: Path) -> Any:
    return _clip(folder, "gelu")


def _siglip(folder: Path) -> Any:
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

    size = random_models.write_unigram_tokenizer(folder, TEXTS)
    config = SiglipConfig(
        text_config=_SIDE | {"vocab_size": size, "max_position_embeddings": 64},
        vision_config=_SIDE | {"image_size": 224, "patch_size": 32},
    )
    return SiglipModel(config), SiglipImageProcessorPil()


def _chinese(folder: Path) -> Any:
    from transformers import ChineseCLIPConfig, ChineseCLIPImageProcessorPil, ChineseCLIPModel

    size = random_models.write_wordpiece_tokenizer(folder, TEXTS)
    config = ChineseCLIPConfig(
        text_config=_SIDE | {"vocab_size": size, "max_position_embeddings": 52},
        vision_config=_SIDE | {"patch_size": 32},
        projection_dim=32,
    )
    return ChineseCLIPModel(config), ChineseCLIPImageProcessorPil()


def _alt(folder: Path) -> Any:
    from transformers import AltCLIPConfig, AltCLIPModel, CLIPImageProcessorPil

    size = random_models.write_wordpiece_tokenizer(folder, TEXTS, context=77)
    config = AltCLIPConfig(
        text_config=_SIDE | {"vocab_size": size, "project_dim": 32, "pad_token_id": 0},
        vision_config=_SIDE | {"patch_size": 32},
        projection_dim=32,
    )
    return AltCLIPModel(config), CLIPImageProcessorPil()


@pytest.mark.parametrize("name", ["CLIP", "CLIP-gelu", "SigLIP", "Chinese-CLIP", "AltCLIP"])
def test_a_transformers_folder_and_its_export_give_transformers_vectors(
    name: str, frames: list[Frame], tmp_path: Path
) -> None:
    import torch
    from transformers import AutoTokenizer

    from safelight.embedding.torch.embedder import TorchEmbedder
    from safelight.embedding.torch.export import export_model

    torch.manual_seed(0)
    folder = tmp_path / "model"
    model, processor = _transformers_families()[name](folder)
    random_models.write_transformers(folder, model, processor)
    padding = "max_length" if name == "SigLIP" else True
    tokens = AutoTokenizer.from_pretrained(folder)(
        TEXTS, padding=padding, truncation=True, return_tensors="pt"
    )
    pixels = processor([Image.fromarray(f.pixels) for f in frames], return_tensors="pt")
    with torch.inference_mode():
        theirs = [
            getattr(output, "pooler_output", output)
            for output in (model.get_image_features(**pixels), model.get_text_features(**tokens))
        ]
    image, text = (torch.nn.functional.normalize(each).numpy() for each in theirs)
    written = Written(name, folder, image, text, model, {})

    embedder = load_embedder(str(folder), device="cpu")
    assert isinstance(embedder, TorchEmbedder)
    assert embedder.dimension == image.shape[1]
    _assert_same(embedder, frames, written, FP32)

    measured = export_model(embedder.model, "mine", tmp_path / "export", frames)
    assert measured.is_good("fp32")
    export = load_embedder(str(tmp_path / "export"), device="cpu")
    assert export.fingerprint == embedder.fingerprint
    _assert_same(export, frames, written, FP32)
