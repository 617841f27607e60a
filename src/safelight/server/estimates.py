"""Estimated cosines on 8-bit numbers, with a bound on their error.

A scan is as slow as memory is. In 8 bits the vectors are a quarter as large, and the processor has
instructions for them; what a photo scores at most is then known for all, and the few that can be
among the best are scored in full. The answer is exactly that of the full scan. Measured in
decisions/0021.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

CHUNK, TURNED = 65_536, 8192

# Seven bits: products of two neighbours are added up in 16 bits by processors without VNNI.
_ROW_STEPS = 63
_QUERY_STEPS = 127

# What single precision adds: each number is a sum of a few thousand products, at most.
_ROUNDING = 1e-5


class Estimates:
    """The vectors of a block in 8 bits.

    They are turned by a random rotation first, which changes no cosine: models have a few
    components that are far larger than the others, and would take all the steps for themselves.

    Parameters
    ----------
    vectors : (n, d) float32
        Rows of unit length.
    chunk : int
        Rows in one graph; its output is 4 bytes a row and query.
    turned : int
        Rows that are turned at once while the 8-bit numbers are made.
    """

    def __init__(
        self, vectors: npt.NDArray[np.float32], *, chunk: int = CHUNK, turned: int = TURNED
    ) -> None:
        count, dimension = vectors.shape
        self._turn = _rotation(dimension)
        self._scales = np.empty(count, np.float32)
        self._sessions: list[Any] = []
        self._length = self._error = 0.0
        self._vectors = vectors
        self._chunk, self._at_once = chunk, turned

    def prepare(self) -> Iterator[None]:
        """Make them, a part at each step; then they can be called."""
        for start in range(0, len(self._scales), self._chunk):
            part = self._vectors[start : start + self._chunk]
            self._sessions.append(_open(self._reduced(part, start)))
            yield

    def _reduced(self, vectors: npt.NDArray[np.float32], start: int) -> npt.NDArray[np.int8]:
        """Return (d, n) int8, and note the scales of the rows and how far off the worst is."""
        reduced = np.empty(vectors.shape[::-1], np.int8)
        for first in range(0, len(vectors), self._at_once):
            turned = vectors[first : first + self._at_once] @ self._turn
            scales = np.abs(turned).max(axis=1) / _ROW_STEPS
            scales[scales == 0] = 1
            steps = np.rint(turned / scales[:, None])
            reduced[:, first : first + self._at_once] = steps.T
            self._scales[start + first : start + first + len(turned)] = scales
            self._length = max(self._length, float(np.linalg.norm(turned, axis=1).max()))
            off = turned - steps * scales[:, None]
            self._error = max(self._error, float(np.linalg.norm(off, axis=1).max()))
        return reduced

    def __call__(
        self, queries: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return estimated cosines, (q, n) float32, and how far off any of them can be, (q,)."""
        turned = queries @ self._turn
        scales = np.abs(turned).max(axis=1, keepdims=True) / _QUERY_STEPS
        scales[scales == 0] = 1
        steps = np.rint(turned / scales)
        off = np.linalg.norm(turned - steps * scales, axis=1)
        given = (steps + 128).astype(np.uint8)
        products = [session.run(None, {"queries": given})[0] for session in self._sessions]
        found = np.concatenate(products, axis=1, dtype=np.float32, casting="unsafe")
        found *= scales
        found *= self._scales
        # Of the row, the query as it was taken; of the query, the row as it is.
        most = np.linalg.norm(steps * scales, axis=1) * self._error + off * self._length
        return found, (most + _ROUNDING * max(self._length, 1.0)).astype(np.float32)


def _rotation(dimension: int) -> npt.NDArray[np.float32]:
    square = np.random.default_rng(dimension).standard_normal((dimension, dimension))
    return np.linalg.qr(square)[0].astype(np.float32)


def _open(reduced: npt.NDArray[np.int8]) -> Any:
    # Since 1.29 the official builds report models and devices to their maker unless told not to.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime as ort  # type: ignore[import-untyped, unused-ignore]

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # the other cores have queries to embed
    options.log_severity_level = 4
    return ort.InferenceSession(
        b"".join(_model(reduced)), options, providers=["CPUExecutionProvider"]
    )


# Numbers of onnx.proto's fields and types, as far as one node needs them.
_FLOAT, _UINT8, _INT8, _INT32 = 1, 2, 3, 6


def _model(reduced: npt.NDArray[np.int8]) -> Iterator[bytes]:
    """Return an ONNX model that multiplies queries (q, d) uint8 by (d, n) int8."""
    node = b"".join(_text(1, each) for each in ("queries", "vectors", "zero"))
    node += _text(2, "products") + _text(4, "MatMulInteger")
    inputs = _value("queries", _UINT8, reduced.shape[0])
    graph = [
        _bytes(1, node),
        _text(2, "estimates"),
        _bytes(5, _tensor("zero", _UINT8, (), b"\x80")),
        *_large(5, _tensor("vectors", _INT8, reduced.shape, b""), 9, reduced.tobytes()),
        _bytes(11, inputs),
        _bytes(12, _value("products", _INT32, reduced.shape[1])),
    ]
    size = sum(map(len, graph))
    yield _number(1 << 3) + _number(8)  # the version of the format
    yield _number(7 << 3 | 2) + _number(size)
    yield from graph
    yield _bytes(8, _text(1, "") + _number(2 << 3) + _number(13))  # the version of the operators


def _value(name: str, kind: int, width: int) -> bytes:
    shape = _bytes(1, _text(2, "q")) + _bytes(1, _number(1 << 3) + _number(width))
    tensor = _number(1 << 3) + _number(kind) + _bytes(2, shape)
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def _tensor(name: str, kind: int, shape: tuple[int, ...], data: bytes) -> bytes:
    found = b"".join(_number(1 << 3) + _number(side) for side in shape)
    found += _number(2 << 3) + _number(kind) + _text(8, name)
    return found + (_bytes(9, data) if data else b"")


def _large(field: int, begin: bytes, data_field: int, data: bytes) -> tuple[bytes, bytes]:
    """Return a message whose last field is long, without copying it."""
    begin += _number(data_field << 3 | 2) + _number(len(data))
    return _number(field << 3 | 2) + _number(len(begin) + len(data)) + begin, data


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, data: bytes) -> bytes:
    return _number(field << 3 | 2) + _number(len(data)) + data


def _number(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
