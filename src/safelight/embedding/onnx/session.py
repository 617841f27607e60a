"""Open an ONNX model, quickly and on the named device."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from safelight.embedding.devices import PROVIDERS, Device
from safelight.embedding.onnx.external_weights import has_half_weights, outline
from safelight.errors import ModelInvalid, ModelUnavailable
from safelight.files import check_regular

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROCESSOR = Device("onnx", "cpu")


def open_session(
    path: Path,
    *,
    threads: int | None = None,
    devices: Sequence[Device] = (PROCESSOR,),
    lean: bool = False,
) -> Any:
    """Open an ONNX model file.

    Parameters
    ----------
    path : Path
        The ``.onnx`` file.
    threads : int or None
        Threads that compute one call; None for one for each processor core.
    devices : sequence of Device
        Where it may run, best first. If one cannot be started the next is used, with a warning.
    lean : bool
        For a model that runs a few times with small batches: ready several times sooner and in a
        fraction of the memory, but a call with one row is a third slower, and memory grows faster
        with the batch.

    Returns
    -------
    onnxruntime.InferenceSession

    Raises
    ------
    ModelUnavailable
        None of the devices can be started.
    ModelInvalid
        The file is not a model that ONNX Runtime can run.
    """
    for number, device in enumerate(devices, start=1):
        session = _open(path, threads, device, lean=lean)
        if PROVIDERS[device.kind] in session.get_providers():
            return session
        failed = f"ONNX Runtime knows {device.name}, but could not start it"
        if number < len(devices):
            warnings.warn(
                f"{failed}; going on with {devices[number]}. Check the driver and its libraries.",
                stacklevel=2,
            )
    raise ModelUnavailable(
        f"The device {device.name} was asked for. {failed}. "
        "Check the driver and its libraries, or use the device cpu.",
        code="device",
        device=device.name,
    )


def _open(path: Path, threads: int | None, device: Device, *, lean: bool) -> Any:
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
    if device.kind == "directml":
        options.enable_mem_pattern = False  # which it cannot do
    try:
        check_regular(path)  # ONNX Runtime would wait for a pipe
        weights = path.resolve()  # of the links in the hub's cache, the folder that they lead to
        graph = outline(weights)
        if graph is not None:
            options.add_session_config_entry(
                "session.model_external_initializers_file_folder_path", str(weights.parent)
            )
        # On a processor, this layout of a convolution in float16 would end the process
        # (onnxruntime issue 15494).
        avoided = ["NchwcTransformer"] if has_half_weights(weights) else []
        return ort.InferenceSession(
            graph or str(path),
            options,
            providers=provider_options(device),
            disabled_optimizers=avoided,
        )
    except OSError as error:
        raise ModelInvalid(f"{path} cannot be read: {error.strerror}.", path=str(path)) from error
    except Exception as error:  # onnxruntime's errors share no other base
        raise ModelInvalid(
            f"{path} is not a model that ONNX Runtime can run: {error}", path=str(path)
        ) from error


def provider_options(device: Device) -> list[Any]:
    """Return the providers for a device with their options, the processor's last."""
    if device.kind == "cpu":
        return [PROVIDERS["cpu"]]
    options = {"device_id": str(device.index)} if device.kind in ("cuda", "directml") else {}
    return [(PROVIDERS[device.kind], options), PROVIDERS["cpu"]]
