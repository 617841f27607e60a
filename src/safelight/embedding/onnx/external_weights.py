"""Load an ONNX graph without its weights, and map those from where they lie.

ONNX Runtime reads a model by parsing the whole file into memory and copying every tensor out of
it. Given instead a copy of the graph whose tensors say "my bytes are at this offset of that
file", it maps the file: a text tower of 254 MB is ready in a quarter of the time, and the rows
of its token table that a query does not use are never read. Docs: decisions/0005.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from safelight.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Field numbers of onnx.proto: ModelProto, GraphProto, TensorProto, StringStringEntryProto.
_MODEL_GRAPH = 7
_GRAPH_INITIALIZER = 5
_TENSOR_DATA_TYPE = 2
_TENSOR_RAW_DATA = 9
_TENSOR_EXTERNAL_DATA = 13
_TENSOR_DATA_LOCATION = 14
_ENTRY_KEY, _ENTRY_VALUE = 1, 2

_FLOAT16 = 10  # of TensorProto.DataType

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# A shorter tensor is often one that the optimiser wants to see: a shape, an axis, a scale.
_MIN_BYTES = 4096


def outline(path: Path) -> bytes | None:
    """Return the model with its weights left in the file at `path`.

    Parameters
    ----------
    path : Path
        An ``.onnx`` file.

    Returns
    -------
    bytes or None
        A model whose large tensors are external data, in a file of the same name; None where that
        gains nothing, since the file has no large tensor (they may lie in a file beside it), or
        since it is not understood.
    """
    if path.stat().st_size < _MIN_BYTES:
        return None
    with open_regular(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _model(data, path.name)
        except (IndexError, ValueError):
            return None  # ONNX Runtime will say what is wrong with it


def has_half_weights(path: Path) -> bool:
    """Tell whether any weight of a model is float16, wherever its bytes lie."""
    if path.stat().st_size == 0:
        return False
    with open_regular(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return any(
                (number, kind) == (_TENSOR_DATA_TYPE, _VARINT)
                and _read_number(data, value)[0] == _FLOAT16
                for graph in _messages(data, 0, len(data), _MODEL_GRAPH)
                for tensor in _messages(data, *graph, _GRAPH_INITIALIZER)
                for number, kind, _, value, _ in _fields(data, *tensor)
            )
        except (IndexError, ValueError):
            return False


def _messages(data: mmap.mmap, begin: int, end: int, wanted: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each message in the field `wanted`."""
    for number, kind, _, body, stop in _fields(data, begin, end):
        if (number, kind) == (wanted, _BYTES):
            yield body, stop


def _model(data: mmap.mmap, name: str) -> bytes | None:
    parts, moved = [], False
    for number, kind, begin, body, end in _fields(data, 0, len(data)):
        if (number, kind) == (_MODEL_GRAPH, _BYTES):
            graph = _graph(data, body, end, name)
            moved = moved or len(graph) < end - body
            parts.append(_bytes_field(_MODEL_GRAPH, graph))
        else:
            parts.append(data[begin:end])
    return b"".join(parts) if moved else None


def _graph(data: mmap.mmap, begin: int, end: int, name: str) -> bytes:
    parts = []
    for number, kind, start, body, stop in _fields(data, begin, end):
        if (number, kind) == (_GRAPH_INITIALIZER, _BYTES) and stop - body > _MIN_BYTES:
            parts.append(_bytes_field(_GRAPH_INITIALIZER, _tensor(data, body, stop, name)))
        else:
            parts.append(data[start:stop])
    return b"".join(parts)


def _tensor(data: mmap.mmap, begin: int, end: int, name: str) -> bytes:
    fields = list(_fields(data, begin, end))
    moved = any(number == _TENSOR_RAW_DATA for number, *_ in fields)
    parts = []
    for number, kind, start, body, stop in fields:
        if moved and number == _TENSOR_DATA_LOCATION:
            continue  # quantizers write that the bytes are here, and the last to say so wins
        if (number, kind) == (_TENSOR_RAW_DATA, _BYTES):
            for key, value in (("location", name), ("offset", body), ("length", stop - body)):
                entry = _bytes_field(_ENTRY_KEY, key.encode())
                entry += _bytes_field(_ENTRY_VALUE, str(value).encode())
                parts.append(_bytes_field(_TENSOR_EXTERNAL_DATA, entry))
            parts.append(_number(_TENSOR_DATA_LOCATION << 3 | _VARINT) + _number(1))
        else:
            parts.append(data[start:stop])
    return b"".join(parts)


def _fields(data: mmap.mmap, position: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield number, kind, begin, begin of the value, and end of each field of a message."""
    while position < end:
        begin = position
        tag, position = _read_number(data, position)
        body, kind = position, tag & 7
        if kind == _BYTES:
            length, body = _read_number(data, position)
            position = body + length
        elif kind == _VARINT:
            _, position = _read_number(data, position)
        elif kind in (_FIXED64, _FIXED32):
            position += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"field of kind {kind} at {begin}")
        if position > end:
            raise ValueError(f"field at {begin} goes beyond its message")
        yield tag >> 3, kind, begin, body, position


def _read_number(data: mmap.mmap, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[position]
        position += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, position
        shift += 7


def _number(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _bytes_field(number: int, value: bytes) -> bytes:
    return _number(number << 3 | _BYTES) + _number(len(value)) + value
