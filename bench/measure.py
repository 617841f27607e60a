"""Running commands for a benchmark: time and peak memory, medians, a table, a JSON file."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safelight.doctor.installed import versions

RESULTS = Path(__file__).parent / "results"
SAFELIGHT = str(Path(sys.executable).with_name("safelight"))


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process: seconds of wall-clock time, and the peak of its resident memory."""

    seconds: float
    megabytes: float
    output: str


def run(command: list[object], environ: dict[str, str], cwd: Path | None = None) -> Run:
    """Run a command to its end.

    Raises
    ------
    RuntimeError
        It failed: a timing of something that went wrong is worth nothing.
    """
    # Bytecode is written as it is for everybody, whatever this session has set.
    environ = {key: value for key, value in environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    # Linux counts the memory of the process that forks as the new one's own peak: a small process
    # in between starts the command, waits for it and says what it took.
    done = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCHER, *map(str, command)],
        capture_output=True,
        env=environ,
        cwd=cwd,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    if result["code"]:
        raise RuntimeError(f"{command} exited with {result['code']}:\n{result['output']}")
    return Run(result["seconds"], result["kilobytes"] / 1024, result["output"])


_LAUNCHER = """
import json, os, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
output = process.stdout.read().decode(errors="replace")
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - started
code = os.waitstatus_to_exitcode(status)
print(json.dumps(
    {"code": code, "seconds": seconds, "kilobytes": usage.ru_maxrss, "output": output}
))
"""


@dataclass(frozen=True, slots=True)
class Median:
    """The median of some runs, and how far they spread."""

    seconds: float
    lowest: float
    highest: float
    megabytes: float


def median(runs: list[Run]) -> Median:
    """Return the medians of time and memory."""
    times = [each.seconds for each in runs]
    return Median(
        round(statistics.median(times), 3),
        round(min(times), 3),
        round(max(times), 3),
        round(statistics.median(each.megabytes for each in runs), 1),
    )


def table(rows: list[tuple[object, ...]]) -> None:
    """Print rows in columns; the first row is the heading."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in texts) for column in range(len(texts[0]))]
    for number, row in enumerate(texts):
        cells = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
    sys.stdout.flush()


def save(name: str, values: dict[str, Any]) -> None:
    """Write the values, the machine and the versions to ``bench/results/NAME.json``."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    RESULTS.mkdir(exist_ok=True)
    about = {
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions(),
    }
    text = json.dumps({**about, **values}, indent=2, default=asdict)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
