from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from safelight.embedding.onnx.external_weights import has_half_weights, outline
from safelight.embedding.onnx.session import open_session
from tests.embedding import tiny

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


_IMAGE = np.ones((1, 3, tiny.SIDE, tiny.SIDE), np.float32)


def test_leaves_the_weights_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    tiny.write_image_graph(path)
    graph = outline(path)

    assert graph is not None
    assert len(graph) < 1000 < path.stat().st_size
    (tensor,) = onnx.load_from_string(graph).graph.initializer
    place = {entry.key: entry.value for entry in tensor.external_data}
    assert place["location"] == "model.onnx"
    start = int(place["offset"])
    raw = path.read_bytes()[start : start + int(place["length"])]
    np.testing.assert_array_equal(
        np.frombuffer(raw, "f4").reshape(tensor.dims), tiny.image_weights()
    )


def test_keeps_all_else(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    tiny.write_text_graph(path, mask=True)
    graph = outline(path)
    assert graph is not None

    whole, lean = onnx.load(path), onnx.load_from_string(graph)
    for name in ("ir_version", "opset_import"):
        assert getattr(whole, name) == getattr(lean, name)
    for name in ("node", "input", "output", "name"):
        assert getattr(whole.graph, name) == getattr(lean.graph, name)
    small = [t for t in whole.graph.initializer if t.name != "table"]
    assert [t for t in lean.graph.initializer if t.name != "table"] == small


def test_gives_the_same_vectors_at_any_offset(tmp_path: Path) -> None:
    # The name of the graph shifts the weights to addresses that no float would be given.
    images = np.random.default_rng(0).standard_normal((3, 3, tiny.SIDE, tiny.SIDE)).astype("f4")
    expected = images.reshape(3, -1) @ tiny.image_weights()
    path = tmp_path / "model.onnx"
    for extra in range(4):
        tiny.write_image_graph(path, name="i" * (1 + extra))
        vectors = open_session(path, threads=1).run(None, {"i" * (1 + extra): images})[0]
        np.testing.assert_allclose(vectors, expected, rtol=1e-4, atol=1e-4)


def test_moves_weights_that_are_said_to_be_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    tiny.write_image_graph(path)
    expected = open_session(path, threads=1).run(None, {"image": _IMAGE})[0]
    model = onnx.load(path)
    for tensor in model.graph.initializer:  # as ONNX Runtime's quantizer writes them
        tensor.data_location = onnx.TensorProto.DEFAULT
    onnx.save(model, path)
    assert outline(path) is not None
    vectors = open_session(path, threads=1).run(None, {"image": _IMAGE})[0]
    np.testing.assert_array_equal(vectors, expected)


def test_a_convolution_in_half_precision_opens(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).standard_normal((64, 3, 8, 8)).astype(np.float16)
    path = tmp_path / "model.onnx"
    nodes = [
        helper.make_node("Cast", ["image"], ["half"], to=TensorProto.FLOAT16),
        helper.make_node("Conv", ["half", "weights"], ["out"], strides=[8, 8]),
        helper.make_node("Cast", ["out"], ["embedding"], to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 16, 16])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weights, "weights")],
    )
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    assert has_half_weights(path)
    # Without what it takes, ONNX Runtime would end this process here.
    assert open_session(path).run(None, {"image": _IMAGE})[0].shape == (1, 64, 2, 2)


def test_full_precision_is_told_from_half(tmp_path: Path) -> None:
    for dtype, half in (("float32", False), ("float16", True)):
        tiny.write_image_graph(tmp_path / "model.onnx", dtype=dtype)
        assert has_half_weights(tmp_path / "model.onnx") is half
    (tmp_path / "empty.onnx").write_bytes(b"")
    assert not has_half_weights(tmp_path / "empty.onnx")


def test_does_nothing_without_large_tensors(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"")
    assert outline(path) is None
    tiny.write_image_graph(path, external=True)
    assert outline(path) is None


@given(edits=st.dictionaries(st.integers(0, 400), st.integers(0, 255), min_size=1, max_size=8))
def test_leaves_a_damaged_file_to_the_runtime(
    tmp_path_factory: pytest.TempPathFactory, edits: dict[int, int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    tiny.write_image_graph(path)
    data = bytearray(path.read_bytes())
    for position, value in edits.items():
        data[position if position < 200 else -position] = value
    path.write_bytes(data)
    graph = outline(path)
    assert graph is None or len(graph) < len(data)


def test_leaves_a_file_that_ends_early_to_the_runtime(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    tiny.write_image_graph(path)
    path.write_bytes(path.read_bytes()[:-2000])
    assert outline(path) is None
