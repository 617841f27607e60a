"""``safelight doctor``, run as people run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from safelight.embedding.devices import has_apple, has_nvidia
from tests.forked import safelight

if TYPE_CHECKING:
    from collections.abc import Callable

SAFELIGHT = str(Path(sys.executable).with_name("safelight"))

LABELS = "Versions System Devices Processor Memory Model Cache Hub Library Extras Settings".split()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def call(*args: object, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "SAFELIGHT_LIBRARY": str(tmp_path / "library.db"), **environ}
        if "PYTHONPATH" in environ:  # which packages there are is found out as Python starts
            done = subprocess.run(
                [SAFELIGHT, *map(str, args)],
                capture_output=True, text=True, env=environ, timeout=120,
            )  # fmt: skip
        else:
            done = safelight(args, cwd=tmp_path, environ=environ)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


def _labels(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines() if not line.startswith(" ")]


def test_the_report_in_full(run, tmp_path, make_photo) -> None:
    make_photo(tmp_path / "photos" / "a.png")
    run("ingest", "--model", "starter", tmp_path / "photos")
    text = run("doctor").stdout
    labels = [label for label in _labels(text) if label != "GPU"]
    assert labels == [*LABELS, "Speed", "Problems"]
    assert "starter: 1 vectors, used by searches" in text
    assert "journal wal, writable, no damage" in " ".join(text.split())
    speed = next(line for line in text.splitlines() if "starter on cpu (ONNX Runtime): " in line)
    images = float(speed.split("(ONNX Runtime): ")[1].split()[0].replace(",", ""))
    assert images > 1


def test_quick_says_the_same_as_data_and_makes_nothing(run, tmp_path) -> None:
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home" / "cache")}
    text = run("doctor", "--quick", **home).stdout
    assert [label for label in _labels(text) if label != "GPU"] == [*LABELS, "Problems"]
    assert all(len(line) <= 100 or "/" in line for line in text.splitlines())
    found = json.loads(run("doctor", "--quick", "--json", **home).stdout)
    assert list(tmp_path.iterdir()) == []
    assert found["speed"] is None
    assert found["library"]["path"] == str(tmp_path / "library.db")
    assert f"{tmp_path / 'library.db'}: not there yet" in " ".join(text.split())
    assert found["versions"]["onnxruntime"] in text
    assert found["runtimes"][0]["devices"][-1] == "cpu"
    assert found["settings"]["SAFELIGHT_LIBRARY"]["origin"] == "environment"
    assert found["model"]["wanted"] == "ViT-B-32/openai"
    assert found["hub"]["offline"] is True
    for problem in found["problems"]:
        assert set(problem) == {"message", "broken"}


def test_a_device_that_is_not_there_is_broken(run) -> None:
    device = "mps" if os.name == "nt" else "directml"
    text = run("doctor", "--quick", "--device", device, code=1).stdout
    assert f"broken: The device {device} was asked for" in text
    found = json.loads(run("doctor", "--device", device, "--json", code=1).stdout)
    assert found["speed"]["photos"] > 1
    assert found["speed"]["devices"] == []
    assert found["problems"][0]["broken"] is True
    assert f"SAFELIGHT_DEVICE={device} (option)" in text
    assert "is not a device" in run("doctor", "--device", "gpu", code=2).stderr


def test_a_library_that_is_none_is_broken(run, tmp_path) -> None:
    (tmp_path / "library.db").write_bytes(b"my diary " * 1000)
    text = run("doctor", "--quick", code=1).stdout
    assert "cannot be used" in text
    assert "broken:" in text.split("Problems")[1]


def test_a_runtime_that_cannot_be_imported_is_broken(run, tmp_path) -> None:
    package = tmp_path / "packages" / "onnxruntime"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('DLL load failed')")
    path = {"PYTHONPATH": str(package.parent)}
    for arguments in (["--quick"], []):
        text = run("doctor", *arguments, code=1, **path).stdout
        assert "broken: ONNX Runtime cannot be imported: DLL load failed." in text
    assert "decoding: " in text


@pytest.mark.skipif(has_nvidia() or has_apple(), reason="there may be a GPU for PyTorch to find")
def test_quick_does_not_import_pytorch(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", SAFELIGHT, "doctor", "--quick"],
        capture_output=True,
        text=True,
        env={**os.environ, "SAFELIGHT_LIBRARY": str(tmp_path / "library.db")},
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "onnxruntime" in imported
    assert not imported & {"torch", "transformers", "open_clip", "huggingface_hub"}
