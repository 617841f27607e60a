"""all-MiniLM-L6-v2 as an ONNX graph, from text to vector, and its tokenizer."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto

from starter.graph import Array, Graph, quantize

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

    from starter.space import Space

CONTEXT = 256
_LAYERS, _HEADS, _WIDTH = 6, 12, 384
_EPSILON = 1e-12  # of layer normalisation
# Processors without VNNI add two products in 16 bits, where 8-bit weights overflow.
_LARGEST = 63
_NUMBER = re.compile(r"\d{3}")


def prune_tokenizer(tokenizer: dict[str, Any]) -> list[int]:
    """Leave out the tokens that English texts do not need, in place.

    Returns
    -------
    list of int
        The old id of each token that is left.
    """
    old = tokenizer["model"]["vocab"]
    kept = [token for token in sorted(old, key=old.get) if _is_needed(token)]
    new = {token: number for number, token in enumerate(kept)}
    tokenizer["model"]["vocab"] = new
    for added in tokenizer["added_tokens"]:
        added["id"] = new[added["content"]]
    for special in tokenizer["post_processor"]["special_tokens"].values():
        special["ids"] = [new[token] for token in special["tokens"]]
    tokenizer["padding"] = tokenizer["truncation"] = None
    return [old[token] for token in kept]


def _is_needed(token: str) -> bool:
    text = token.removeprefix("##")
    if token.startswith("[unused") or _NUMBER.search(text):
        return False  # a long number is read as pieces of two digits
    if token != text and all(unicodedata.category(c)[0] == "P" for c in text):
        return False  # words are split at punctuation, so that none continues one
    return all(c < "\u0250" or unicodedata.category(c)[0] in "PSN" for c in text)


def encoder_model(weights: Mapping[str, Array], rows: list[int]) -> onnx.ModelProto:
    """Return the graph that makes MiniLM's own vectors, which the space is built from."""
    graph = Graph()
    meaning = _Encoder(graph, weights, rows).meaning()
    return graph.model(_INPUTS, "sentence_embedding", ["n", _WIDTH], meaning)


def text_model(weights: Mapping[str, Array], rows: list[int], space: Space) -> onnx.ModelProto:
    """Return the graph: input_ids and attention_mask (n, length) to text_embeds (n, d).

    Parameters
    ----------
    weights : mapping
        The encoder's tensors.
    rows : list of int
        The tokens to keep, from :func:`prune_tokenizer`.
    space : Space
    """
    graph = Graph()
    meaning = _Encoder(graph, weights, rows).meaning()

    # How well each known word fits: 1 for the very word, next to nothing for an unlike one.
    alike = graph.node("MatMul", meaning, graph.packed(space.words.T, axis=1))
    distance = graph.node("Sub", alike, graph.constant(1.0))
    fit = graph.node("Exp", graph.node("Div", distance, graph.constant(space.sharpness)))
    total = graph.node("ReduceSum", fit, graph.constant([-1], np.int64), keepdims=1)
    share = graph.node("Div", fit, graph.node("Add", total, graph.constant(space.doubt)))

    centred = graph.unit(graph.node("Sub", meaning, graph.constant(space.centre)))
    recalled = graph.node("MatMul", share, _looked_up(graph, space.word_meanings))
    first = graph.unit(graph.node("Add", centred, recalled))
    second = graph.node("MatMul", share, _looked_up(graph, space.word_kinds))
    vector = graph.unit(graph.node("Concat", first, second, axis=-1))
    return graph.model(_INPUTS, "text_embeds", ["n", space.dimension], vector)


def _looked_up(graph: Graph, rows: Array) -> str:
    """Add rows of which many are equal, as those of a class's several names are."""
    different, which = np.unique(rows.round(6), axis=0, return_inverse=True)
    return str(graph.node("Gather", graph.packed(different), graph.constant(which, np.int32)))


_INPUTS = {
    "input_ids": (TensorProto.INT64, ["n", "length"]),
    "attention_mask": (TensorProto.INT64, ["n", "length"]),
}


class _Encoder:
    def __init__(self, graph: Graph, weights: Mapping[str, Array], rows: list[int]) -> None:
        self._graph, self._weights, self._rows = graph, weights, rows
        self._last = graph.constant([-1], np.int64)
        self._tiny, self._range = graph.constant(1e-9), graph.constant(127.0)
        self._zero, self._zero_point = graph.constant(128.0), graph.constant(128, np.uint8)

    def meaning(self) -> str:
        """Return the mean of the last layer's tokens, unit length."""
        graph = self._graph
        mask = graph.node("Cast", "attention_mask", to=TensorProto.FLOAT)
        hidden = graph.constant(-10000.0)
        bias = graph.node("Mul", graph.node("Sub", graph.constant(1.0), mask), hidden)
        bias = graph.node("Unsqueeze", bias, graph.constant([1, 2], np.int64))
        x = self._tokens()
        for number in range(_LAYERS):
            x = self._layer(x, bias, f"encoder.layer.{number}.")
        mask = graph.node("Unsqueeze", mask, graph.constant([2], np.int64))
        axis = graph.constant([1], np.int64)
        total = graph.node("ReduceSum", graph.node("Mul", x, mask), axis, keepdims=0)
        return graph.unit(graph.node("Div", total, graph.node("ReduceSum", mask, axis, keepdims=0)))

    def _tokens(self) -> str:
        graph, prefix = self._graph, "embeddings."
        table = self._weights[f"{prefix}word_embeddings.weight"][self._rows]
        numbers, scales = quantize(table, 0, 127)
        words = graph.unpacked(
            graph.node("Gather", graph.constant(numbers, np.int8), "input_ids"),
            graph.node("Gather", graph.constant(scales), "input_ids"),
        )
        places = self._weights[f"{prefix}position_embeddings.weight"][:CONTEXT]
        places = places + self._weights[f"{prefix}token_type_embeddings.weight"][0]
        length = graph.node("Shape", "input_ids", start=1, end=2)
        zero = graph.constant([0], np.int64)
        places = graph.node("Slice", graph.packed(places), zero, length, zero)
        return self._norm(graph.node("Add", words, places), f"{prefix}LayerNorm")

    def _layer(self, x: str, bias: str, name: str) -> str:
        graph, inside = self._graph, f"{name}attention.self."
        parts = [f"{inside}{part}" for part in ("query", "key", "value")]
        mixed = self._linear(x, *parts)
        shape = graph.constant([0, 0, 3, _HEADS, _WIDTH // _HEADS], np.int64)
        mixed = graph.node("Reshape", mixed, shape)
        mixed = graph.node("Transpose", mixed, perm=[2, 0, 3, 1, 4])
        query, key, value = (
            graph.node("Gather", mixed, graph.constant(i, np.int64), axis=0) for i in range(3)
        )
        key = graph.node("Transpose", key, perm=[0, 1, 3, 2])
        scale = graph.constant((_WIDTH // _HEADS) ** -0.5)
        alike = graph.node("Mul", graph.node("MatMul", query, key), scale)
        attention = graph.node("Softmax", graph.node("Add", alike, bias), axis=-1)
        seen = graph.node("Transpose", graph.node("MatMul", attention, value), perm=[0, 2, 1, 3])
        seen = graph.node("Reshape", seen, graph.constant([0, 0, _WIDTH], np.int64))
        out = self._linear(seen, f"{name}attention.output.dense")
        x = self._norm(graph.node("Add", out, x), f"{name}attention.output.LayerNorm")
        wide = graph.node("Gelu", self._linear(x, f"{name}intermediate.dense"))
        out = self._linear(wide, f"{name}output.dense")
        return self._norm(graph.node("Add", out, x), f"{name}output.LayerNorm")

    def _linear(self, x: str, *names: str) -> str:
        """Multiply in 8 bits; several layers of the same input become one."""
        graph = self._graph
        weight = np.concatenate([self._weights[f"{name}.weight"] for name in names]).T
        bias = np.concatenate([self._weights[f"{name}.bias"] for name in names])
        numbers, scales = quantize(weight, 1, _LARGEST)
        # Each token has a scale of its own: a text's vector does not depend on its neighbours.
        largest = graph.node("ReduceMax", graph.node("Abs", x), self._last, keepdims=1)
        scale = graph.node("Div", graph.node("Max", largest, self._tiny), self._range)
        x = graph.node("Add", graph.node("Round", graph.node("Div", x, scale)), self._zero)
        x = graph.node("Cast", x, to=TensorProto.UINT8)
        numbers = graph.constant(numbers, np.int8)
        product = graph.node("MatMulInteger", x, numbers, self._zero_point)
        product = graph.node("Cast", product, to=TensorProto.FLOAT)
        # Not the product of both scales first: ONNX Runtime would take that for one scale.
        product = graph.node("Mul", graph.node("Mul", product, graph.constant(scales[0])), scale)
        return str(graph.node("Add", product, graph.constant(bias)))

    def _norm(self, x: str, name: str) -> str:
        gain = self._graph.constant(self._weights[f"{name}.weight"])
        bias = self._graph.constant(self._weights[f"{name}.bias"])
        return str(self._graph.node("LayerNormalization", x, gain, bias, axis=-1, epsilon=_EPSILON))
