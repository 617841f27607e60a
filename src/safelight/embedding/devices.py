"""Devices that a model can run on, the choice among them, and why a faster one is not used."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from safelight.arguments import as_kind
from safelight.errors import ModelUnavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

Runtime = Literal["onnx", "torch"]

#: ONNX Runtime's name of each kind of device. Only the last comes with every build.
PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}

_NAMES = {"onnx": "ONNX Runtime", "torch": "PyTorch"}
_KINDS = {
    "cuda": "the NVIDIA GPU",
    "mps": "the Apple GPU",
    "directml": "the GPU, by DirectML",
    "openvino": "OpenVINO's device",
    "coreml": "Core ML's device",
    "cpu": "the processor",
}

# What `auto` takes, best first. OpenVINO was no faster than the processor where it was measured,
# and slower to start; Core ML is in every build for macOS, computes in half precision, and could
# not be measured. Both are for those who ask for them.
_AUTO: tuple[tuple[Runtime, str], ...] = (
    ("onnx", "cuda"),
    ("torch", "cuda"),
    ("torch", "mps"),
    ("onnx", "directml"),
    ("onnx", "cpu"),
    ("torch", "cpu"),
)

_DEVICE = re.compile(r"(auto|cpu|mps|coreml|openvino|directml)|(cuda)(?::(\d+))?")

_HOW = {
    "cuda": "Install onnxruntime-gpu in place of onnxruntime, or PyTorch (safelight[torch]) with "
    "CUDA, and check the driver",
    "mps": "It needs an Apple computer with PyTorch (safelight[torch])",
    "coreml": "It needs a Mac",
    "openvino": "Install onnxruntime-openvino in place of onnxruntime",
    "directml": "Install onnxruntime-directml in place of onnxruntime, on Windows",
    "cpu": "",
}


@dataclass(frozen=True, slots=True)
class Device:
    """A device, and what runs models on it.

    Attributes
    ----------
    runtime : str
        ``onnx`` or ``torch``.
    kind : str
        ``cpu``, ``cuda``, ``mps``, ``coreml``, ``openvino`` or ``directml``.
    index : int
        Which of several GPUs.
    """

    runtime: Runtime
    kind: str
    index: int = 0

    @property
    def name(self) -> str:
        """Name that ``--device`` takes, e.g. ``cuda:1``."""
        return f"{self.kind}:{self.index}" if self.kind == "cuda" else self.kind

    def __str__(self) -> str:
        number = f" {self.index}" if self.index else ""
        return f"{_KINDS[self.kind]}{number} ({_NAMES[self.runtime]})"


def parse_device(device: str) -> tuple[str, int]:
    """Return kind and number of what ``--device`` says; the kind may be ``auto``.

    Raises
    ------
    UsageError
        It is not a device.

    Examples
    --------
    >>> parse_device("cuda:1")
    ('cuda', 1)
    """
    found = _DEVICE.fullmatch(as_kind(device, "device", "a text", str))
    if found is None:
        raise UsageError(
            f"{device!r} is not a device: use auto, cpu, cuda, cuda:N, mps, coreml, openvino or "
            "directml.",
            device=device,
        )
    return found[1] or found[2], int(found[3] or 0)


def usable_devices(device: str, runtimes: Sequence[Runtime] = ("onnx", "torch")) -> list[Device]:
    """Return where a model may run if `device` was asked for, best first.

    Parameters
    ----------
    device : str
        ``auto``, or the name of one kind; see :func:`parse_device`.
    runtimes : sequence of str
        Those that can load the model.

    Raises
    ------
    UsageError
        `device` is not a device.
    ModelUnavailable
        `device` was named and is not there. There is no falling back to the processor.
    """
    kind, index = parse_device(device)
    wanted = [pair for pair in _AUTO if kind in ("auto", pair[1])]
    if kind in ("coreml", "openvino"):
        wanted = [("onnx", kind)]
    there = [
        Device(runtime, each, index)
        for runtime, each in wanted
        if runtime in runtimes and is_usable(runtime, each, index)
    ]
    if there:
        return there
    which = " or ".join(_NAMES[runtime] for runtime in runtimes)
    if kind in ("auto", "cpu"):
        raise ModelUnavailable(
            f"{which} is not installed. Install the `torch` extra: pip install 'safelight[torch]'.",
            code="no-torch",
            device=device,
        )
    raise ModelUnavailable(
        f"The device {device} was asked for, but {which} cannot use it on this machine. "
        f"{_HOW[kind]}; or use the device cpu.",
        code="device",
        device=device,
    )


def missing_extra(error: ImportError) -> ModelUnavailable:
    """Return the error for a part of the `torch` extra that is not there, or does not work."""
    return ModelUnavailable(
        f"This model needs all of the `torch` extra, and {error.name or 'a part'} cannot be "
        f"imported: {error}. Install it: pip install 'safelight[torch]'.",
        code="no-torch",
    )


def is_usable(runtime: Runtime, kind: str, index: int = 0) -> bool:
    """Tell whether a runtime is installed and knows this device."""
    if runtime == "onnx":
        return PROVIDERS.get(kind) in onnx_providers()
    if not has_torch():
        return False
    if kind == "cpu":
        return True
    # Importing PyTorch takes seconds: not on a machine that has nothing for it to find.
    if (kind == "cuda" and not has_nvidia()) or (kind == "mps" and not has_apple()):
        return False
    import torch

    if kind == "cuda":
        return bool(torch.cuda.is_available() and index < torch.cuda.device_count())
    return bool(kind == "mps" and torch.backends.mps.is_available())


def why_not_faster(device: Device) -> str | None:
    """Return the reason why a model does not run on a faster device, or None."""
    if device.kind in ("cuda", "mps", "directml"):
        return None
    if has_nvidia():
        missing = [
            "this ONNX Runtime has no CUDA (install onnxruntime-gpu in place of onnxruntime)"
            if not is_usable("onnx", "cuda")
            else "ONNX Runtime could not start CUDA",
            "PyTorch is not installed (safelight[torch])"
            if not has_torch()
            else "PyTorch finds no CUDA"
            if not is_usable("torch", "cuda")
            else "PyTorch is not what this model runs with",
        ]
        return f"There is an NVIDIA GPU, but {' and '.join(missing)}."
    if has_apple():
        return (
            "There is an Apple GPU, but PyTorch is not installed (safelight[torch])."
            if not has_torch()
            else "There is an Apple GPU, which the device mps uses for models in PyTorch."
        )
    return None


def has_torch() -> bool:
    """Tell whether PyTorch is installed, without importing it."""
    return sys.modules.get("torch") is not None or importlib.util.find_spec("torch") is not None


@cache
def has_nvidia() -> bool:
    """Tell whether this machine seems to have an NVIDIA GPU."""
    return (
        Path("/proc/driver/nvidia/version").exists()
        or Path("/dev/nvidiactl").exists()
        or shutil.which("nvidia-smi") is not None
    )


@cache
def has_apple() -> bool:
    """Tell whether this is a Mac with a GPU of Apple's own."""
    return sys.platform == "darwin" and platform.machine() == "arm64"


def cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # what a container or taskset leaves to us
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def onnx_providers() -> frozenset[str]:
    """Return the providers that this ONNX Runtime was built with."""
    # Since 1.29 the official builds report models and devices to their maker unless told not to.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime as ort  # type: ignore[import-untyped, unused-ignore]

    return frozenset(ort.get_available_providers())
