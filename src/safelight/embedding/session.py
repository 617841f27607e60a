"""Open an ONNX model, quickly and on the device that was asked for."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from safelight.embedding.outline import outline
from safelight.errors import ModelInvalid, ModelUnavailable, UsageError

if TYPE_CHECKING:
    from pathlib import Path

_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
_DEVICE = re.compile(r"auto|cpu|cuda(?::(\d+))?")


def open_session(
    path: Path, *, threads: int | None = None, device: str = "auto", lean: bool = False
) -> Any:
    """Open an ONNX model file.

    Parameters
    ----------
    path : Path
        The ``.onnx`` file.
    threads : int or None
        Threads that compute one call; None for one for each processor core.
    device : str
        ``cpu``, ``cuda``, ``cuda:N``, or ``auto``: CUDA if this ONNX Runtime can use it, else the
        processor.
    lean : bool
        For a model that runs a few times with small batches: ready several times sooner and in a
        fraction of the memory, but a call with one row is a third slower, and memory grows faster
        with the batch.

    Returns
    -------
    onnxruntime.InferenceSession

    Raises
    ------
    UsageError
        `device` is no device.
    ModelUnavailable
        `device` was named and is not there.
    ModelInvalid
        The file is not a model that ONNX Runtime can run.
    """
    if not _DEVICE.fullmatch(device):
        raise UsageError(f"{device!r} is no device: use auto, cpu, cuda or cuda:N.")
    # Since 1.29 the official builds report models and devices to their maker unless told not to.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime as ort  # type: ignore[import-untyped, unused-ignore]

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 4  # what goes wrong is raised; nothing else goes to the terminal
    # Waiting threads sleep rather than spin, since the cores have photos to decode.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if lean:
        # Weights are used where they are mapped, not copied into the order that the kernels like
        # best; and no time goes into planning which buffers can share memory.
        options.add_session_config_entry("session.disable_prepacking", "1")
        options.enable_mem_reuse = False

    providers = _providers(device, ort.get_available_providers())
    try:
        weights = path.resolve()  # of the links in the hub's cache, the folder that they lead to
        graph = outline(weights)
        if graph is not None:
            options.add_session_config_entry(
                "session.model_external_initializers_file_folder_path", str(weights.parent)
            )
        session = ort.InferenceSession(graph or str(path), options, providers=providers)
    except OSError as error:
        raise ModelInvalid(f"{path} cannot be read: {error.strerror}.", path=str(path)) from error
    except Exception as error:  # onnxruntime's errors share no other base
        raise ModelInvalid(
            f"{path} is not a model that ONNX Runtime can run: {error}", path=str(path)
        ) from error
    if device.startswith("cuda") and _CUDA not in session.get_providers():
        raise ModelUnavailable(
            f"The device {device} was asked for, but ONNX Runtime could not start CUDA. "
            "Check the driver and the CUDA libraries, or use --device cpu.",
            code="device",
            device=device,
        )
    return session


def _providers(device: str, available: list[str]) -> list[Any]:
    if device == "cpu" or (device == "auto" and _CUDA not in available):
        return [_CPU]
    if _CUDA not in available:
        raise ModelUnavailable(
            f"The device {device} was asked for, but this ONNX Runtime has no CUDA. "
            "Install onnxruntime-gpu in place of onnxruntime, or use --device cpu.",
            code="device",
            device=device,
        )
    number = device.partition(":")[2] or "0"
    return [(_CUDA, {"device_id": number}), _CPU]
