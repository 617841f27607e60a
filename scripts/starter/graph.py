"""A small writer of ONNX graphs, with weights kept as 8-bit integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

_OPSET, _IR_VERSION = 20, 10

Array = npt.NDArray[Any]


class Graph:
    """An ONNX graph in the making; every method returns the name of what it made."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._tensors: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; return its output, or a list of several."""
        number = len(self._nodes)
        names = [f"{kind}_{number}_{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """Add a tensor as it is."""
        name = f"constant_{len(self._tensors)}"
        self._tensors.append(numpy_helper.from_array(np.asarray(values, dtype, order="C"), name))
        return name

    def packed(self, weights: Array, axis: int = 0) -> str:
        """Add weights as int8 with a scale for each slice along an axis.

        ONNX Runtime turns them into float32 once, when it loads the graph: integers make the
        file small, and the computation stays as exact and as fast as it was.
        """
        numbers, scales = quantize(weights, axis, 127)
        return self.unpacked(self.constant(numbers, np.int8), self.constant(scales))

    def unpacked(self, numbers: str, scales: str) -> str:
        """Turn int8 into float32."""
        return self.node("Mul", self.node("Cast", numbers, to=TensorProto.FLOAT), scales)

    def unit(self, vectors: str) -> str:
        """Scale rows to unit length."""
        squares = self.node("Mul", vectors, vectors)
        total = self.node("ReduceSum", squares, self.constant([-1], np.int64), keepdims=1)
        floor = self.node("Max", total, self.constant(1e-12))
        return self.node("Div", vectors, self.node("Sqrt", floor))

    def model(
        self, inputs: dict[str, tuple[int, list[Any]]], output: str, shape: list[Any], made: str
    ) -> onnx.ModelProto:
        """Return the finished model, whose output `made` is called `output`."""
        self._nodes.append(helper.make_node("Identity", [made], [output]))
        graph = helper.make_graph(
            self._nodes,
            "starter",
            [helper.make_tensor_value_info(n, t, s) for n, (t, s) in inputs.items()],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
            self._tensors,
        )
        opset = helper.make_opsetid("", _OPSET)
        model = helper.make_model(
            graph, opset_imports=[opset], ir_version=_IR_VERSION, producer_name="safelight"
        )
        onnx.checker.check_model(model)
        return model


def quantize(weights: Array, axis: int, largest: int) -> tuple[Array, Array]:
    """Return int8 numbers in -largest..largest, and scales that broadcast over them."""
    others = tuple(i for i in range(weights.ndim) if i != axis)
    scales = np.maximum(np.abs(weights).max(axis=others, keepdims=True), 1e-12) / largest
    return np.rint(weights / scales).astype(np.int8), scales.astype(np.float32)
