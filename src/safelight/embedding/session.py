"""Open an ONNX model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.errors import ModelInvalid

if TYPE_CHECKING:
    from pathlib import Path

    from onnxruntime import InferenceSession


def open_session(
    path: Path, *, threads: int | None = None, device: str = "auto"
) -> InferenceSession:
    """Open an ONNX model file.

    Parameters
    ----------
    path : Path
        The ``.onnx`` file.
    threads : int or None
        Threads that compute one call; None for one for each processor core.
    device : str
        ``auto`` or ``cpu``.

    Raises
    ------
    ModelInvalid
        The file is not a model that ONNX Runtime can run.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3
    # Waiting threads sleep rather than spin, since the cores have photos to decode.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes derive from Exception alone
        raise ModelInvalid(f"{path} is not a model that ONNX Runtime can run: {error}") from error
