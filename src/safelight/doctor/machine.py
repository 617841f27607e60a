"""The machine: cores, memory, and the devices of each runtime."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.embedding.devices import (
    PROVIDERS,
    cores,
    has_torch,
    is_usable,
    usable_devices,
    why_not_faster,
)

if TYPE_CHECKING:
    from safelight.embedding.devices import Device, Runtime

#: Where Linux keeps what a container may use: files of the limit and of what is used, newer first.
_CGROUPS = Path("/sys/fs/cgroup")
_CGROUP_FILES = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
)


@dataclass(frozen=True, slots=True)
class Processor:
    """Cores that this process may use, those of the machine, and threads that decode photos."""

    cores: int
    machine_cores: int
    threads: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes in all, and bytes that programs can still have."""

    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU that PyTorch sees; `memory` is None if it does not let itself be asked."""

    device: str
    name: str
    memory: Memory | None


@dataclass(frozen=True, slots=True)
class RuntimeState:
    """Devices that one runtime can use.

    Attributes
    ----------
    runtime : str
        ``onnx`` or ``torch``.
    devices : tuple of str
        As ``--device`` names them.
    providers : tuple of str
        ONNX Runtime's own names of them; empty for PyTorch.
    auto : Device or None
        What ``auto`` takes; None if the runtime cannot be used at all.
    note : str or None
        Why not something faster.
    error : str or None
        Why it cannot be imported, if it is installed and cannot.
    """

    runtime: Runtime
    devices: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    auto: Device | None = None
    note: str | None = None
    error: str | None = None


def processor(threads: int | None) -> Processor:
    """Return the cores; `threads` is the setting."""
    usable = cores()
    return Processor(usable, os.cpu_count() or usable, threads or usable)


def memory() -> Memory:
    """Return the memory of the machine, or of the container if that has less."""
    import psutil

    found = psutil.virtual_memory()
    limit = container_memory()
    if limit is None:
        return Memory(found.total, found.available)
    return Memory(min(found.total, limit.total), min(found.available, limit.free))


def container_memory(root: Path = _CGROUPS) -> Memory | None:
    """Return the memory of this process's container, or None if nothing limits it."""
    for limit_file, used_file, stat_file, key in _CGROUP_FILES:
        try:
            limit = int((root / limit_file).read_text("ascii"))
            used = int((root / used_file).read_text("ascii"))
            lines = (root / stat_file).read_text("ascii").splitlines()
        except (OSError, ValueError):  # no such file, or "max"
            continue
        # Pages of files that nobody reads any more count as used, and are given up at once.
        cached = sum(int(line.split()[1]) for line in lines if line.startswith(f"{key} "))
        return Memory(limit, max(0, limit - used + cached))
    return None


def runtimes() -> tuple[RuntimeState, ...]:
    """Return the devices of each installed runtime."""
    onnx = _onnx()
    return (onnx, _torch(onnx)) if has_torch() else (onnx,)


def gpus(states: tuple[RuntimeState, ...]) -> tuple[Gpu, ...]:
    """Return the GPUs that PyTorch finds; it is imported only if there is one."""
    names = [
        name
        for state in states
        if state.runtime == "torch"
        for name in state.devices
        if name.startswith("cuda")
    ]
    if not names:
        return ()
    import torch

    found = []
    for index, name in enumerate(names):
        try:
            free, total = torch.cuda.mem_get_info(index)
        except RuntimeError:  # another process has it for itself, or it is full
            state = None
        else:
            state = Memory(int(total), int(free))
        found.append(Gpu(name, str(torch.cuda.get_device_name(index)), state))
    return tuple(found)


def _onnx() -> RuntimeState:
    try:
        kinds = [kind for kind in PROVIDERS if is_usable("onnx", kind)]
    except (ImportError, OSError) as error:  # OSError: a library that it needs
        return RuntimeState("onnx", error=str(error))
    auto = usable_devices("auto", ["onnx"])[0]
    return RuntimeState(
        "onnx", tuple(kinds), tuple(PROVIDERS[kind] for kind in kinds), auto, why_not_faster(auto)
    )


def _torch(onnx: RuntimeState) -> RuntimeState:
    try:
        several = [f"cuda:{n}" for n in takewhile(lambda n: is_usable("torch", "cuda", n), count())]
        others = [kind for kind in ("mps", "cpu") if is_usable("torch", kind)]
        auto = usable_devices("auto", ["torch"])[0]
    except (ImportError, OSError) as error:
        return RuntimeState("torch", error=str(error))
    # What would be faster depends on what ONNX Runtime has as well.
    note = None if onnx.error else why_not_faster(auto)
    return RuntimeState("torch", (*several, *others), auto=auto, note=note)
