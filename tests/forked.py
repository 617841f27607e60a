"""The command, or a script, as a process of its own, without the time to import the packages.

A process that has imported them forks for each call. The tests of the command itself, of what it
imports and of how it is stopped start the installed one.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_IMPORTED = [
    "asyncio", "cv2", "loguru", "numpy", "onnxruntime", "PIL.Image", "pytest", "safelight.cli",
    "safelight.duplicates", "safelight.embedding.load", "safelight.ingest", "safelight.labels",
    "safelight.library", "safelight.pipeline", "safelight.quality", "safelight.search",
    "safelight.server.app", "tokenizers", "uvicorn",
]  # fmt: skip

_SET = "_DISABLE_TELEMETRY"

_FORKING = "forkserver" in multiprocessing.get_all_start_methods()


def safelight(
    arguments: Sequence[object], *, cwd: Path, environ: Mapping[str, str], seconds: float = 180
) -> subprocess.CompletedProcess[str]:
    """Run ``safelight`` with these arguments, in a folder, with no other environment."""
    command = str(Path(sys.executable).with_name("safelight"))
    return _forked(None, [command], ["safelight", *map(str, arguments)], cwd, environ, seconds)


def script(
    source: str, arguments: Sequence[str], *, environ: Mapping[str, str], seconds: float = 180
) -> subprocess.CompletedProcess[str]:
    """Run a program in Python with these arguments, in this folder, with no other environment."""
    command = [sys.executable, "-c", source]
    return _forked(source, command, ["-c", *arguments], Path.cwd(), environ, seconds)


@dataclass(frozen=True)
class Started:
    """A command that runs, with what :class:`subprocess.Popen` has for it.

    Attributes
    ----------
    out, err : Path
        Files of what it has written so far.
    """

    out: Path
    err: Path
    _process: Any

    @property
    def pid(self) -> int:
        """Return its number."""
        number: int = self._process.pid
        return number

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        if isinstance(self._process, subprocess.Popen):
            return self._process.poll()
        code: int | None = self._process.exitcode
        return code

    def wait(self, seconds: float | None = None) -> int:
        """Return the exit code once it has ended; raise TimeoutExpired if it has not by then."""
        if isinstance(self._process, subprocess.Popen):
            return self._process.wait(seconds)
        self._process.join(seconds)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("safelight", seconds or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it; nothing in it is run any more."""
        self._process.kill()


def start(
    arguments: Sequence[object], *, cwd: Path, environ: Mapping[str, str], said: Path
) -> Started:
    """Start ``safelight`` with these arguments; what it says is appended to `said`.OUT and .ERR."""
    words = ["safelight", *map(str, arguments)]
    out, err = Path(f"{said}.out"), Path(f"{said}.err")
    if not _FORKING:
        command = [str(Path(sys.executable).with_name("safelight")), *words[1:]]
        with out.open("ab") as first, err.open("ab") as second:
            process: Any = subprocess.Popen(
                command, cwd=cwd, env=dict(environ), stdout=first, stderr=second
            )
        return Started(out, err, process)
    process = _context().Process(target=_run, args=(None, words, cwd, dict(environ), out, err))
    process.start()
    return Started(out, err, process)


def _context() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context


def _forked(
    source: str | None,
    command: list[str],
    words: list[str],
    cwd: Path,
    environ: Mapping[str, str],
    seconds: float,
) -> subprocess.CompletedProcess[str]:
    """Run a source, or the command if there is none; `command` is what else does the same."""
    if not _FORKING:
        return subprocess.run(
            [*command, *words[1:]],
            cwd=cwd, env=dict(environ), capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = _context().Process(
            target=_run, args=(source, words, cwd, dict(environ), out, err)
        )
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(words, seconds)
        code = process.exitcode
        process.close()
        return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())


def _run(
    source: str | None,
    words: list[str],
    cwd: Path,
    environ: dict[str, str],
    out: Path,
    err: Path,
) -> None:
    for path, number in ((out, 1), (err, 2)):
        with path.open("ab") as file:
            os.dup2(file.fileno(), number)
    # Importing the package sets these, as it would here.
    kept = {name: value for name, value in os.environ.items() if name.endswith(_SET)}
    os.environ.clear()
    os.environ.update(kept | environ)
    os.chdir(cwd)
    sys.argv = words
    if source is not None:
        exec(compile(source, "<script>", "exec"), {"__name__": "__main__"})
        return

    from safelight.cli import main

    main()
