"""EfficientNet-Lite2 as an ONNX graph, from photo to vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from starter.graph import Array, Graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

    from starter.space import Space

SIZE = 260
# Blocks of each stage, and the stride of its first block.
_STAGES = ((1, 1), (3, 2), (3, 2), (4, 2), (4, 1), (5, 2), (1, 1))
_EPSILON = 1e-3  # of batch normalisation


def image_model(weights: Mapping[str, Array], space: Space) -> onnx.ModelProto:
    """Return the graph: pixel_values (n, 3, 260, 260) to image_embeds (n, d).

    Parameters
    ----------
    weights : mapping
        The classifier's state dictionary.
    space : Space
    """
    graph = Graph()
    scores = _Classifier(graph, weights).scores("pixel_values")

    # The first part: where the photo lies among the meanings of texts.
    mild = graph.node("Div", scores, graph.constant(space.temperature))
    likely = graph.node("Softmax", mild, axis=-1)
    meaning = graph.unit(graph.node("MatMul", likely, graph.packed(space.meanings)))
    # The second part: which kinds of things it shows.
    certain = graph.node("Softmax", scores, axis=-1)
    kind = graph.unit(graph.node("MatMul", certain, graph.packed(space.directions)))

    vector = graph.unit(graph.node("Concat", meaning, kind, axis=-1))
    pixels = (TensorProto.FLOAT, ["n", 3, SIZE, SIZE])
    return graph.model({"pixel_values": pixels}, "image_embeds", ["n", space.dimension], vector)


class _Classifier:
    def __init__(self, graph: Graph, weights: Mapping[str, Array]) -> None:
        self._graph, self._weights = graph, weights
        self._side, self._channels = SIZE, 3

    def scores(self, pixels: str) -> str:
        x = self._convolution(pixels, "_conv_stem", "_bn0", stride=2)
        block = 0
        for count, first_stride in _STAGES:
            for number in range(count):
                x = self._block(x, f"_blocks.{block}.", 1 if number else first_stride)
                block += 1
        x = self._convolution(x, "_conv_head", "_bn1")
        x = self._graph.node("Flatten", self._graph.node("GlobalAveragePool", x))
        weight = self._graph.packed(self._weights["_fc.weight"])
        bias = self._graph.constant(self._weights["_fc.bias"])
        return str(self._graph.node("Gemm", x, weight, bias, transB=1))

    def _block(self, x: str, name: str, stride: int) -> str:
        inside, channels = x, self._channels
        if f"{name}_expand_conv.weight" in self._weights:
            inside = self._convolution(x, f"{name}_expand_conv", f"{name}_bn0")
        inside = self._convolution(
            inside, f"{name}_depthwise_conv", f"{name}_bn1", stride=stride, depthwise=True
        )
        inside = self._convolution(inside, f"{name}_project_conv", f"{name}_bn2", linear=True)
        if stride > 1 or self._channels != channels:
            return inside
        return str(self._graph.node("Add", inside, x))

    def _convolution(
        self,
        x: str,
        name: str,
        norm: str,
        *,
        stride: int = 1,
        depthwise: bool = False,
        linear: bool = False,
    ) -> str:
        weight, bias = self._folded(name, norm)
        self._channels = weight.shape[0]
        # TensorFlow's SAME padding: the odd pixel goes to the right and the bottom.
        side = -(-self._side // stride)
        total = max((side - 1) * stride + weight.shape[-1] - self._side, 0)
        self._side = side
        x = self._graph.node(
            "Conv",
            x,
            self._graph.packed(weight),
            self._graph.constant(bias),
            strides=[stride, stride],
            pads=[total // 2, total // 2, total - total // 2, total - total // 2],
            group=self._channels if depthwise else 1,
        )
        if linear:
            return x
        graph = self._graph
        return str(graph.node("Clip", x, graph.constant(0.0), graph.constant(6.0)))

    def _folded(self, name: str, norm: str) -> tuple[Array, Array]:
        """Return weight and bias of a convolution with its batch normalisation folded in."""
        w = self._weights
        gain = w[f"{norm}.weight"] / np.sqrt(w[f"{norm}.running_var"] + _EPSILON)
        bias = w[f"{norm}.bias"] - w[f"{norm}.running_mean"] * gain
        return w[f"{name}.weight"] * gain[:, None, None, None], bias
