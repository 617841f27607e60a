"""Quantize ONNX graphs to half precision and 8-bit integers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.embedding.onnx.session import open_session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    Feed = Mapping[str, npt.NDArray[Any]]

# At once, to calibrate: every intermediate result is kept.
_ROWS = 4

# Where nearly all of the time goes. Convolutions stay as they are: they are one in a transformer,
# and in a convolutional network 8 bits cost them most.
_OPERATORS = ["MatMul", "Gemm"]


def to_half(path: Path) -> None:
    """Convert the graph at `path` to float16; inputs and outputs stay as they are."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = convert_float_to_float16(onnx.load(str(path)), keep_io_types=True)
    _clear(path)
    onnx.save_model(model, str(path))


def to_int8(path: Path, feed: Feed) -> str:
    """Quantize the graph at `path` in the way that keeps more of it; say which.

    Dynamic quantization finds the range of activations again in each call, calibrated
    (static) quantization once, from `feed`.

    Parameters
    ----------
    path : Path
        Replaced.
    feed : mapping of str to array
        Real inputs.
    """
    expected = _run(path, feed)
    ways = {"dynamic": _dynamic, "calibrated": _calibrated}
    kept: dict[str, tuple[float, Path]] = {}
    for way, quantize in ways.items():
        written = path.with_name(f"{way}.onnx")
        quantize(path, written, feed)
        kept[way] = float((expected * _run(written, feed)).sum(axis=1).mean()), written
    best = max(kept, key=lambda way: kept[way][0])
    _clear(path, *(written for _, written in kept.values()))
    kept[best][1].rename(path)
    for _, written in kept.values():
        written.unlink(missing_ok=True)
    cosines = ", ".join(f"{way} {cosine:.4f}" for way, (cosine, _) in kept.items())
    return f"{best} ({cosines})"


def _dynamic(path: Path, written: Path, _: Feed) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _Quiet():
        quantize_dynamic(
            path,
            written,
            per_channel=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=_OPERATORS,
        )


def _calibrated(path: Path, written: Path, feed: Feed) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            self._batches = _batches(feed)

        def get_next(self) -> Feed | None:
            return next(self._batches, None)

    with _Quiet():
        quantize_static(
            path,
            written,
            Reader(),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=_OPERATORS,
        )


def _run(path: Path, feed: Feed) -> npt.NDArray[np.float32]:
    session = open_session(path)
    vectors = np.concatenate([session.run(None, dict(batch))[0] for batch in _batches(feed)])
    units: npt.NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units


def _batches(feed: Feed) -> Iterator[Feed]:
    rows = len(next(iter(feed.values())))
    for start in range(0, rows, _ROWS):
        yield {name: array[start : start + _ROWS] for name, array in feed.items()}


def _clear(*paths: Path) -> None:
    """Remove graphs that are replaced, with weights that lie beside them."""
    keep = set(paths[1:])
    for each in paths[0].parent.glob("*.onnx*"):
        if each not in keep:
            each.unlink()


class _Quiet:
    """Keep the quantizer's advice from the terminal."""

    def __enter__(self) -> None:
        logging.disable(logging.WARNING)

    def __exit__(self, *_: object) -> None:
        logging.disable(logging.NOTSET)
