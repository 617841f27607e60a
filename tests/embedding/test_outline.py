from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from hypothesis import given
from hypothesis import strategies as st

from safelight.embedding.outline import outline
from safelight.embedding.session import open_session
from tests.embedding import tiny

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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
