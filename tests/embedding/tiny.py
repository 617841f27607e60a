"""Tiny ONNX models with random weights, written in the layouts that real ones have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 16
DIMENSION = 8
CONTEXT = 6
WORDS = ["<pad>", "<s>", "</s>", "<unk>", "a", "dog", "cat", "in", "the", "snow", "red"]

_TYPES = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
}


def image_weights(seed: int = 0, dimension: int = DIMENSION) -> np.ndarray:
    shape = (3 * SIDE * SIDE, dimension)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def text_weights(seed: int = 0) -> np.ndarray:
    shape = (1024, DIMENSION)  # more rows than words, so that the table is mapped, not parsed
    return np.random.default_rng(seed + 1).standard_normal(shape).astype(np.float32)


def write_image_graph(
    path: Path,
    *,
    seed: int = 0,
    dtype: str = "float32",
    batch: int | str = "batch",
    name: str = "image",
    output: str = "embedding",
    extra: bool = False,
    external: bool = False,
    dimension: int = DIMENSION,
    copies: int = 1,
) -> None:
    """An image is the product of its pixels and the weights; `copies` of it take up memory."""
    kind = _TYPES[dtype]
    weights = image_weights(seed, dimension).astype(dtype)
    nodes = [
        helper.make_node("Flatten", [name], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], [output]),
    ]
    outputs = [helper.make_tensor_value_info(output, kind, [batch, dimension])]
    if extra:
        nodes.append(helper.make_node("Relu", ["flat"], ["pooler_output"]))
        outputs.insert(0, helper.make_tensor_value_info("pooler_output", kind, [batch, None]))
    inputs = [helper.make_tensor_value_info(name, kind, [batch, 3, SIDE, SIDE])]
    constants = [numpy_helper.from_array(weights, "weights")]
    if copies > 1:
        nodes[1].output[0] = "one"
        constants.append(numpy_helper.from_array(np.array([1], np.int64), "second"))
        constants.append(numpy_helper.from_array(np.array([1, copies, 1], np.int64), "shape"))
        nodes += [
            helper.make_node("Unsqueeze", ["one", "second"], ["row"]),
            helper.make_node("Expand", ["row", "shape"], ["many"]),
            helper.make_node("ReduceMean", ["many"], [output], axes=[1], keepdims=0),
        ]
    _write(path, nodes, inputs, outputs, constants, external)


def write_text_graph(
    path: Path,
    *,
    seed: int = 0,
    dtype: str = "int32",
    batch: int | str = "batch",
    length: int | str = CONTEXT,
    name: str = "text",
    output: str = "embedding",
    mask: bool = False,
) -> None:
    """A text is the mean of its tokens' rows; with a mask, the sum of those that count."""
    kind = _TYPES[dtype]
    nodes = [helper.make_node("Gather", ["table", name], ["rows"])]
    inputs = [helper.make_tensor_value_info(name, kind, [batch, length])]
    constants = [numpy_helper.from_array(text_weights(seed), "table")]
    if mask:
        inputs.append(helper.make_tensor_value_info("attention_mask", kind, [batch, length]))
        constants.append(numpy_helper.from_array(np.array([2], np.int64), "last"))
        constants.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["counts"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["counts", "last"], ["wide"]),
            helper.make_node("Mul", ["rows", "wide"], ["kept"]),
            helper.make_node("ReduceSum", ["kept", "axis"], [output], keepdims=0),
        ]
    else:
        nodes.append(helper.make_node("ReduceMean", ["rows"], [output], axes=[1], keepdims=0))
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, DIMENSION])]
    _write(path, nodes, inputs, outputs, constants, external=False)


def write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(
        folder / "tokenizer_config.json", {"pad_token": "<pad>", "model_max_length": CONTEXT}
    )


def write_json(path: Path, values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), "utf-8")


def preprocess_cfg(**changes: Any) -> dict[str, Any]:
    return {
        "size": [SIDE, SIDE],
        "mode": "RGB",
        "mean": [0.5, 0.4, 0.3],
        "std": [0.2, 0.25, 0.3],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
        "fill_color": 0,
    } | changes


def preprocessor_config(**changes: Any) -> dict[str, Any]:
    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "do_center_crop": True,
        "do_rescale": True,
        "do_normalize": True,
        "size": {"shortest_edge": SIDE},
        "crop_size": {"height": SIDE, "width": SIDE},
        "resample": 3,
        "rescale_factor": 1 / 255,
        "image_mean": [0.5, 0.4, 0.3],
        "image_std": [0.2, 0.25, 0.3],
    } | changes


def write_immich(folder: Path, *, seed: int = 0, **image: Any) -> Path:
    """Write a model as Immich's export of open_clip does."""
    write_json(folder / "visual" / "preprocess_cfg.json", preprocess_cfg())
    write_json(
        folder / "config.json",
        {"embed_dim": DIMENSION, "text_cfg": {"context_length": CONTEXT}},
    )
    write_tokenizer(folder / "textual")
    write_image_graph(folder / "visual" / "model.onnx", seed=seed, **image)
    write_text_graph(folder / "textual" / "model.onnx", seed=seed)
    return folder


def write_transformers_js(folder: Path, *, seed: int = 0, suffix: str = "", **image: Any) -> Path:
    """Write a model as transformers.js's export of transformers does."""
    write_json(folder / "preprocessor_config.json", preprocessor_config())
    write_json(folder / "config.json", {"model_type": "clip", "projection_dim": DIMENSION})
    write_tokenizer(folder)
    write_image_graph(
        folder / "onnx" / f"vision_model{suffix}.onnx",
        seed=seed,
        **({"name": "pixel_values", "output": "image_embeds", "extra": True} | image),
    )
    write_text_graph(
        folder / "onnx" / f"text_model{suffix}.onnx",
        seed=seed,
        name="input_ids",
        dtype="int64",
        length="sequence",
        output="text_embeds",
        mask=True,
    )
    return folder


def _write(
    path: Path, nodes: list, inputs: list, outputs: list, constants: list, external: bool
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if external:
        onnx.save_model(
            model,
            str(path),
            save_as_external_data=True,
            location=f"{path.name}_data",
            size_threshold=0,
        )
    else:
        onnx.save_model(model, str(path))
