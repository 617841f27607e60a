"""Nothing leaves the machine, and nothing that reports is left on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_the_runtime_is_told_not_to_report(tmp_path: Path, make_photo) -> None:
    make_photo(tmp_path / "photos" / "a.png")
    # These would keep ONNX Runtime quiet by themselves.
    switches = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME")
    environ = {name: value for name, value in os.environ.items() if name not in switches}
    environ |= {"HOME": str(tmp_path / "home"), "SAFELIGHT_LIBRARY": str(tmp_path / "library.db")}
    command = Path(sys.executable).with_name("safelight")
    for arguments in (["ingest", "--model", "starter", tmp_path / "photos"], ["search", "red"]):
        subprocess.run([command, *arguments], env=environ, check=True, capture_output=True)
    reports = [path for path in (tmp_path / "home").rglob("*") if "microsoft" in str(path).lower()]
    assert reports == []


def test_the_hub_client_is_told_not_to_report() -> None:
    script = (
        "import safelight.embedding.hub.client\n"
        "from huggingface_hub import constants\n"
        "print(constants.HF_HUB_DISABLE_TELEMETRY)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True"
