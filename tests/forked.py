"""The command as a process of its own, without what it takes Python to import the packages.

A process that has imported them forks for each call. The tests of the command itself, of what it
imports and of how it is stopped start the installed one.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_IMPORTED = [
    "cv2", "numpy", "onnxruntime", "PIL.Image", "pytest", "safelight.cli", "safelight.ingest",
    "safelight.labels", "safelight.library", "safelight.quality", "tokenizers",
]  # fmt: skip

_FORKING = "forkserver" in multiprocessing.get_all_start_methods()


def safelight(
    arguments: Sequence[object], *, cwd: Path, environ: Mapping[str, str], seconds: float = 180
) -> subprocess.CompletedProcess[str]:
    """Run ``safelight`` with these arguments, in a folder, with no other environment."""
    words = [str(each) for each in arguments]
    if not _FORKING:
        command = [str(Path(sys.executable).with_name("safelight")), *words]
        return subprocess.run(
            command, cwd=cwd, env=dict(environ), capture_output=True, text=True, timeout=seconds
        )
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = context.Process(target=_run, args=(words, cwd, dict(environ), out, err))
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["safelight", *words], seconds)
        code = process.exitcode
        process.close()
        return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())


def _run(words: list[str], cwd: Path, environ: dict[str, str], out: Path, err: Path) -> None:
    for path, number in ((out, 1), (err, 2)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(cwd)
    sys.argv = ["safelight", *words]

    from safelight.cli import main

    main()
