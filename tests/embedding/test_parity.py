"""The same numbers as open_clip and transformers: tensors, and whole models.

Needs the ``parity`` extra. Without it these tests are skipped, unless SAFELIGHT_TEST_PARITY says
that they must run. Weights are random: what is compared is everything but the weights.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from safelight.embedding.load import load_embedder
from safelight.embedding.preprocess.config import read_open_clip, read_transformers
from safelight.imaging import decode
from tests.embedding.tiny import write_json
from tests.embedding.torch import random_models

if TYPE_CHECKING:
    from pathlib import Path

    from safelight.embedding.onnx.embedder import OnnxEmbedder

_MISSING = [
    name
    for name in ("torch", "open_clip", "transformers", "onnx")
    if importlib.util.find_spec(name) is None
]
if _MISSING and os.environ.get("SAFELIGHT_TEST_PARITY") == "1":
    raise ImportError(f"SAFELIGHT_TEST_PARITY is 1, but {', '.join(_MISSING)} is missing")

pytestmark = [
    pytest.mark.parity,
    pytest.mark.skipif(bool(_MISSING), reason=f"the parity extra is missing: {_MISSING}"),
    pytest.mark.filterwarnings("ignore"),  # PyTorch's own
]

_TEXTS = [
    "",
    " ",
    "a photo of a dog",
    "A Photo Of A DOG",
    "  spaces\tand\nlines  ",
    "it's Bob's, isn't it? I'd say they've gone; we'll see I'm right",
    "naïve café Ångström ÅNGSTRÖM straße",
    "cafe\u0301 decomposed",
    "日本語のテキスト 中文文本 한국어 텍스트",
    "Привет мир! مرحبا بالعالم שלום עולם",
    "emoji 😀👍🏽 👨‍👩‍👧‍👦 🇩🇪 ❤️",
    "numbers 1234567890 3.14159 1,000,000 ½ ² Ⅷ",
    "symbols !@#$%^&*()_+-=[]{}|;':\",./<>?`~",
    "underscore_separated-and-hyphenated",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "x" * 500,
    "word " * 300,
    "“curly” ‘quotes’ and — dashes… ",
    "salt &amp; pepper &lt;b&gt; &amp;amp;",
]


def _random_texts(count: int) -> list[str]:
    rng = random.Random(7)
    letters = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789 ''.,!?-_/()éüñçÄßøłžαβγдфяあ漢字가😀👍🎉"
    words = "a the dog cat red car sunset over mountains I'm they've people's playing 4k".split()
    texts = []
    for number in range(count):
        if number % 2:
            texts.append("".join(rng.choices(letters, k=rng.randrange(0, 120))))
        else:
            texts.append(" ".join(rng.choices(words, k=rng.randrange(0, 90))))
    return texts


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CLIP's tokenizer files, as transformers writes them, from the vocabulary in open_clip."""
    from open_clip.tokenizer import SimpleTokenizer
    from transformers import CLIPTokenizer

    simple = SimpleTokenizer()
    renamed = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    vocabulary = {renamed.get(token, token): number for token, number in simple.encoder.items()}
    merges = sorted(simple.bpe_ranks, key=simple.bpe_ranks.__getitem__)
    folder = tmp_path_factory.mktemp("tokenizer")
    CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def pictures(real_photos: Path) -> list[np.ndarray]:
    """Real photos in full, of many shapes; and small ones, which are enlarged."""
    files = sorted((real_photos / "imagenet-sample").rglob("*.jp*g"))[::24]
    files += sorted((real_photos / "kodak").glob("*.png"))[::8]
    full = [decode(path.read_bytes()).pixels for path in files]
    assert len(full) > 10
    return [*full, full[0][:100, :77], full[1][:64, :200], full[2][10:11, :50]]


# For a size that is not square, "shortest" and "bilinear", open_clip takes bicubic whatever the
# configuration says; we take what it says.
@pytest.mark.parametrize(
    ("resize", "interpolation", "size"),
    [
        (resize, interpolation, size)
        for resize in ("shortest", "longest", "squash")
        for interpolation in ("bicubic", "bilinear")
        for size in (224, (240, 320))
        if (resize, interpolation, size) != ("shortest", "bilinear", (240, 320))
    ],
)
def test_tensors_are_open_clips(
    pictures: list[np.ndarray], tmp_path: Path, resize: str, interpolation: str, size: Any
) -> None:
    from open_clip.transform import PreprocessCfg, image_transform_v2

    config = {
        "size": size,
        "mode": "RGB",
        "mean": [0.48145466, 0.4578275, 0.40821073],
        "std": [0.26862954, 0.26130258, 0.27577711],
        "interpolation": interpolation,
        "resize_mode": resize,
        "fill_color": 127,
    }
    write_json(tmp_path / "preprocess_cfg.json", config)
    ours = read_open_clip(tmp_path / "preprocess_cfg.json")
    theirs = image_transform_v2(PreprocessCfg(**config), is_train=False)
    for pixels in pictures:
        expected = theirs(Image.fromarray(pixels)).numpy()
        assert float(np.abs(ours.apply(pixels) - expected).max()) < 1e-5


@pytest.mark.parametrize("processor", ["CLIP", "Siglip", "ViT", "ConvNext"])
def test_tensors_are_transformers(
    pictures: list[np.ndarray], tmp_path: Path, processor: str
) -> None:
    import transformers

    options = {"CLIP": {}, "Siglip": {}, "ViT": {}, "ConvNext": {"size": {"shortest_edge": 224}}}
    kind = getattr(transformers, f"{processor}ImageProcessorPil")
    theirs = kind(**options[processor])
    theirs.save_pretrained(tmp_path)
    path = tmp_path / "preprocessor_config.json"
    written = json.loads(path.read_text())
    # Files in the wild, and those of transformers.js, name the class without its back end.
    write_json(path, written | {"image_processor_type": f"{processor}ImageProcessor"})
    ours = read_transformers(path)
    for pixels in pictures:
        expected = theirs(Image.fromarray(pixels), return_tensors="np")["pixel_values"][0]
        assert float(np.abs(ours.apply(pixels) - expected).max()) < 1e-5


def _export(
    module: Any, inputs: tuple[Any, ...], path: Path, names: list[str], output: str
) -> None:
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    axes = {name: {0: "batch"} for name in [*names, output]}
    if "input_ids" in names:
        axes |= {name: {0: "batch", 1: "sequence"} for name in names}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            inputs,
            str(path),
            input_names=names,
            output_names=[output],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )


def _call(method: Any, **options: Any) -> Any:
    """A module whose forward is a method of a model."""
    import torch

    class Call(torch.nn.Module):
        def forward(self, *inputs: Any) -> Any:
            return method(*inputs, **options)

    wrapped = Call()
    wrapped.model = method.__self__
    return wrapped


def _assert_same_directions(ours: np.ndarray, theirs: Any) -> None:
    theirs = theirs.detach().numpy()
    theirs = theirs / np.linalg.norm(theirs, axis=1, keepdims=True)
    assert float((ours * theirs).sum(axis=1).min()) > 0.99999
    others = (ours * np.roll(theirs, 1, axis=0)).sum(axis=1)
    assert float(others.min()) < 0.999  # so the above does say something


def test_a_whole_model_in_immichs_layout_is_open_clips(
    pictures: list[np.ndarray], tokenizer_folder: Path, tmp_path: Path
) -> None:
    import open_clip
    import torch
    from open_clip.transform import PreprocessCfg, image_transform_v2

    torch.backends.mha.set_fastpath_enabled(False)
    config = random_models.config_of("ViT-B-32", 2)
    model = random_models.build_open_clip(config)
    preprocessing = {**random_models.CLIP_PREPROCESSING, "size": [224, 224], "mode": "RGB"}
    folder = tmp_path / "ViT-B-32__random"
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / "textual").mkdir(parents=True, exist_ok=True)
        (folder / "textual" / name).write_bytes((tokenizer_folder / name).read_bytes())
    write_json(folder / "config.json", config)
    write_json(folder / "visual" / "preprocess_cfg.json", preprocessing)
    _export(
        _call(model.encode_image, normalize=True),
        (torch.randn(2, 3, 224, 224),),
        folder / "visual" / "model.onnx",
        ["image"],
        "embedding",
    )
    _export(
        _call(model.encode_text, normalize=True),
        (torch.ones(2, 77, dtype=torch.int32),),
        folder / "textual" / "model.onnx",
        ["text"],
        "embedding",
    )
    embedder: OnnxEmbedder = load_embedder(str(folder), device="cpu")  # type: ignore[assignment]
    preprocess = image_transform_v2(PreprocessCfg(**preprocessing), is_train=False)
    images = torch.stack([preprocess(Image.fromarray(p)) for p in pictures[:6]])
    prepared = [embedder._description.preprocessing.apply(p) for p in pictures[:6]]
    texts = _TEXTS + _random_texts(10)
    with torch.no_grad():
        _assert_same_directions(embedder.encode_prepared(prepared), model.encode_image(images))
        tokens = open_clip.get_tokenizer("ViT-B-32")(texts)
        _assert_same_directions(embedder.encode_texts(texts), model.encode_text(tokens))
    assert embedder.dimension == 512


def test_a_whole_model_in_transformers_js_layout_is_transformers(
    pictures: list[np.ndarray], tokenizer_folder: Path, tmp_path: Path
) -> None:
    import torch
    from transformers import (
        CLIPConfig,
        CLIPImageProcessorPil,
        CLIPTextModelWithProjection,
        CLIPTokenizer,
        CLIPVisionModelWithProjection,
    )

    torch.manual_seed(0)
    side = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3}
    config = CLIPConfig(
        text_config=side | {"num_attention_heads": 4, "projection_dim": 32},
        vision_config=side | {"num_attention_heads": 4, "projection_dim": 32},
        projection_dim=32,
        attn_implementation="eager",
    )
    vision = CLIPVisionModelWithProjection(config.vision_config).eval()
    text = CLIPTextModelWithProjection(config.text_config).eval()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((tokenizer_folder / name).read_bytes())
    config.save_pretrained(tmp_path)
    processor = CLIPImageProcessorPil()
    processor.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "preprocessor_config.json").read_text())
    written["image_processor_type"] = "CLIPImageProcessor"
    write_json(tmp_path / "preprocessor_config.json", written)

    class Vision(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = vision

        def forward(self, pixels: Any) -> Any:
            return self.model(pixel_values=pixels).image_embeds

    class Text(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = text

        def forward(self, ids: Any, mask: Any) -> Any:
            return self.model(input_ids=ids, attention_mask=mask).text_embeds

    _export(
        Vision(),
        (torch.randn(2, 3, 224, 224),),
        tmp_path / "onnx" / "vision_model.onnx",
        ["pixel_values"],
        "image_embeds",
    )
    ids = torch.randint(0, 1000, (2, 9))
    _export(
        Text(),
        (ids, torch.ones_like(ids)),
        tmp_path / "onnx" / "text_model.onnx",
        ["input_ids", "attention_mask"],
        "text_embeds",
    )
    embedder: OnnxEmbedder = load_embedder(str(tmp_path), device="cpu")  # type: ignore[assignment]
    texts = _TEXTS + _random_texts(10)
    tokens = CLIPTokenizer.from_pretrained(tmp_path)(
        texts, padding=True, truncation=True, return_tensors="pt"
    )
    images = processor([Image.fromarray(p) for p in pictures[:6]], return_tensors="pt")
    prepared = [embedder._description.preprocessing.apply(p) for p in pictures[:6]]
    with torch.no_grad():
        _assert_same_directions(embedder.encode_prepared(prepared), vision(**images).image_embeds)
        _assert_same_directions(
            embedder.encode_texts(texts),
            text(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask).text_embeds,
        )
    assert embedder.dimension == 32
