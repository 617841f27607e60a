from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import onnxruntime
import pytest

from safelight.embedding import devices
from safelight.embedding.devices import Device, parse_device, usable_devices, why_not_faster
from safelight.embedding.onnx.session import open_session
from safelight.errors import ModelUnavailable, UsageError
from tests.embedding import tiny

if TYPE_CHECKING:
    from pathlib import Path

_HAS_CUDA = "CUDAExecutionProvider" in onnxruntime.get_available_providers()


@pytest.mark.parametrize(
    "device", ["gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", "", "cpu:0", "auto:1"]
)
def test_refuses_what_is_not_a_device(device: str) -> None:
    with pytest.raises(UsageError, match="is not a device"):
        parse_device(device)


def test_reads_devices() -> None:
    assert parse_device("cuda") == ("cuda", 0)
    assert parse_device("cuda:11") == ("cuda", 11)
    assert parse_device("auto") == ("auto", 0)
    assert Device("torch", "cuda", 1).name == "cuda:1"
    assert str(Device("onnx", "cpu")) == "the processor (ONNX Runtime)"


@pytest.mark.skipif(_HAS_CUDA, reason="this ONNX Runtime has CUDA")
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "directml", "openvino"])
def test_never_runs_elsewhere_than_asked(device: str, tiny_model: str) -> None:
    from safelight.embedding.load import load_embedder

    with pytest.raises(ModelUnavailable, match=f"{device} was asked for") as caught:
        load_embedder(tiny_model, device=device)
    assert caught.value.code == "device"
    assert "device cpu" in str(caught.value)


def test_the_processor_is_the_last_resort_of_auto() -> None:
    assert usable_devices("auto", ["onnx"])[-1] == Device("onnx", "cpu")
    assert usable_devices("cpu", ["onnx"]) == [Device("onnx", "cpu")]


def test_auto_prefers_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {("onnx", "cpu"), ("onnx", "openvino"), ("torch", "cuda"), ("torch", "cpu")}
    monkeypatch.setattr(devices, "is_usable", lambda runtime, kind, _: (runtime, kind) in there)
    order = [(d.runtime, d.kind) for d in usable_devices("auto")]
    assert order == [("torch", "cuda"), ("onnx", "cpu"), ("torch", "cpu")]
    assert usable_devices("openvino") == [Device("onnx", "openvino")]
    assert [d.runtime for d in usable_devices("cpu")] == ["onnx", "torch"]
    assert usable_devices("cuda:3") == [Device("torch", "cuda", 3)]
    with pytest.raises(ModelUnavailable, match="ONNX Runtime cannot use it"):
        usable_devices("cuda", ["onnx"])


def test_says_what_would_be_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    processor = Device("onnx", "cpu")
    monkeypatch.setattr(devices, "has_nvidia", lambda: False)
    monkeypatch.setattr(devices, "has_apple", lambda: False)
    assert why_not_faster(processor) is None
    monkeypatch.setattr(devices, "has_nvidia", lambda: True)
    monkeypatch.setattr(devices, "has_torch", lambda: False)
    monkeypatch.setattr(devices, "onnx_providers", lambda: frozenset({"CPUExecutionProvider"}))
    note = why_not_faster(processor) or ""
    assert "onnxruntime-gpu" in note
    assert "safelight[torch]" in note
    assert why_not_faster(Device("torch", "cuda")) is None


def test_a_device_that_does_not_start_is_done_without_or_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.write_image_graph(tmp_path / "model.onnx")
    # As with a build for CUDA on a machine without its libraries, where ONNX Runtime leaves the
    # provider out of the session.
    monkeypatch.setattr(
        "safelight.embedding.onnx.session.provider_options", lambda _: ["CPUExecutionProvider"]
    )
    gpu, processor = Device("onnx", "cuda"), Device("onnx", "cpu")
    with pytest.warns(UserWarning, match="could not start it; going on with the processor"):
        open_session(tmp_path / "model.onnx", devices=[gpu, processor])
    with pytest.raises(ModelUnavailable, match="could not start it"):
        open_session(tmp_path / "model.onnx", devices=[gpu])


def test_pytorch_is_not_imported_to_look_for_a_gpu(tiny_model: str) -> None:
    script = (
        "import sys; from safelight.embedding.load import load_embedder\n"
        f"load_embedder({tiny_model!r}).encode_texts(['cat']); print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
