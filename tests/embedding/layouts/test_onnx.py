from __future__ import annotations

import pytest

from safelight.embedding.layouts.onnx import VARIANTS, find_layout
from safelight.errors import ModelInvalid

IMMICH = {
    "config.json",
    "visual/model.onnx",
    "visual/preprocess_cfg.json",
    "textual/model.onnx",
    "textual/tokenizer.json",
    "textual/tokenizer_config.json",
}
SHARED = {"config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"}


def _graphs(*suffixes: str) -> set[str]:
    return {f"onnx/{side}_model{s}.onnx" for s in suffixes for side in ("vision", "text")}


def test_finds_immichs_with_the_weights_of_large_graphs() -> None:
    others = {"README.md", "visual/model.armnn", "textual/vocab.txt", "textual/merges.txt"}
    weights = {"visual/model.onnx_data", "visual/onnx__MatMul_12", "textual/model.onnx.data"}
    layout = find_layout(IMMICH | others | weights, "here")
    assert layout.kind == "immich"
    assert layout.image_weights == ("visual/model.onnx_data", "visual/onnx__MatMul_12")
    assert set(layout.names()) == IMMICH | weights


@pytest.mark.parametrize("missing", sorted(IMMICH))
def test_names_what_an_incomplete_model_lacks(missing: str) -> None:
    with pytest.raises(ModelInvalid, match=rf"here lacks {missing}\.") as caught:
        find_layout(IMMICH - {missing}, "here")
    assert caught.value.code == "incomplete"


def test_takes_the_most_exact_variant_unless_told() -> None:
    names = SHARED | _graphs("_quantized", "", "_fp16") | {"onnx/vision_model.onnx_data"}
    layout = find_layout(names, "here")
    assert (layout.image, layout.text) == ("onnx/vision_model.onnx", "onnx/text_model.onnx")
    assert layout.image_weights == ("onnx/vision_model.onnx_data",)
    assert find_layout(names, "here", "quantized").text == "onnx/text_model_quantized.onnx"
    assert find_layout(SHARED | _graphs("_int8"), "here").image == "onnx/vision_model_int8.onnx"


def test_a_variant_needs_both_sides() -> None:
    names = SHARED | _graphs("") | {"onnx/text_model_fp16.onnx"}
    with pytest.raises(ModelInvalid, match="no variant 'fp16'; it has fp32"):
        find_layout(names, "here", "fp16")
    with pytest.raises(ModelInvalid, match="have one only"):
        find_layout(IMMICH, "here", "fp16")


def test_explains_what_it_cannot_use() -> None:
    with pytest.raises(ModelInvalid, match="no ONNX model") as caught:
        find_layout({"model.safetensors", "config.json"}, "here")
    assert caught.value.code == "no-onnx"
    with pytest.raises(ModelInvalid, match="both sides in one graph"):
        find_layout(SHARED | {"onnx/model.onnx"}, "here")


def test_graphs_come_last_so_that_their_presence_means_the_rest_is_there() -> None:
    for names in (IMMICH, SHARED | _graphs("")):
        layout = find_layout(names, "here")
        assert list(layout.names())[-2:] == [layout.image, layout.text]
    assert VARIANTS[0] == "fp32"
