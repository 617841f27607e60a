"""Speed and memory of the server: one process, asked over loopback.

    python -m bench.server [--vectors 100000] [--rate 100] [--rounds 5] [--path /api/v1/search]

Vectors are random, the model is the starter, every query is of other words. The client is a
process of its own on the same cores. At a constant rate a query's time counts from when it was due,
not from when it could be sent: a server that stalls is not asked less.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil

from bench.measure import SAFELIGHT, save, table
from safelight.embedding.starter import load_starter
from safelight.library.database import Database
from safelight.library.spaces import add_space
from safelight.library.vector_index.flat import open_index
from safelight.library.write import FileRecord, ItemRecord, write
from safelight.types import Space

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = [
    "red old small wet happy sleeping dark bright wooden broken golden empty".split(),
    "dog cat horse car boat house bridge flower child bird train mountain cake piano".split(),
    "in on near behind under beside".split(),
    "snow the sea a garden a forest the street a kitchen the desert a lake the city".split(),
]

_WARM = 200


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds from when a query was due until its answer was there, and queries a second."""

    p50: float
    p90: float
    p99: float
    worst: float
    per_second: float
    failed: int = 0


def fill(path: Path, count: int) -> None:
    """Write a library of `count` photos with random vectors in the starter's space."""
    starter = load_starter()
    chance = np.random.default_rng(0)
    with Database(path) as library:
        add_space(library, Space(starter.fingerprint, starter.name, starter.dimension, "starter"))
        for start in range(0, count, 10_000):
            vectors = chance.standard_normal((min(10_000, count - start), 512), np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            items = [
                ItemRecord(f"{start + n:064x}", "photo", 1, vector, "JPEG", 4000, 3000)
                for n, vector in enumerate(vectors)
            ]
            files = [
                FileRecord(f"/photos/{item.id[-6:]}.jpg", f"{item.id[-6:]}.jpg", None, item.id)
                for item in items
            ]
            write(library, "default", files, items, fingerprint=starter.fingerprint)
        open_index(library, starter.fingerprint)


@contextmanager
def serving(library: Path) -> Iterator[tuple[int, psutil.Process]]:
    """Run ``safelight serve``; give its port and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    command = [SAFELIGHT, "serve", "--port", str(port), "--library", str(library)]
    with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the server does not start")
                time.sleep(0.05)
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Asker:
    """Connections that stay open, and the answers' times.

    Parameters
    ----------
    port : int
    path : str
        Of a call that takes ``text`` or ``query``, and ``limit``.
    """

    def __init__(self, port: int, path: str) -> None:
        self._port = port
        self._path = path
        self._key = "query" if "images" in path else "text"
        self._chance = random.Random(0)
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.failed = 0

    async def ask(self) -> None:
        """Ask for some words, and read the answer to its end."""
        reader, writer = self._free.pop() if self._free else await self._connect()
        words = " ".join(self._chance.choice(some) for some in WORDS)
        words += f" {self._chance.randrange(10_000)}"
        body = json.dumps({self._key: words, "limit": 10}).encode()
        writer.write(
            f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await self._answer(reader)
        self._free.append((reader, writer))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def _answer(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        found = json.loads(body) if head.startswith(b"http/1.1 200") else {}
        if len(found.get("matches") or found.get("hits") or ()) != 10:
            self.failed += 1

    async def constant(self, rate: float, seconds: float) -> Times:
        """Ask `rate` times a second, whether answers come or not."""
        times: list[float] = []

        async def one(due: float) -> None:
            await self.ask()
            times.append(1000 * (time.perf_counter() - due))

        tasks = []
        began = time.perf_counter()
        for number in range(int(rate * seconds)):
            due = began + number / rate
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.create_task(one(due)))
        await asyncio.gather(*tasks)
        return self._times(times, time.perf_counter() - began)

    async def closed(self, clients: int, count: int) -> Times:
        """Let some clients ask `count` times in all, each as soon as it was answered."""
        times: list[float] = []
        left = count

        async def client() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                began = time.perf_counter()
                await self.ask()
                times.append(1000 * (time.perf_counter() - began))

        began = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        return self._times(times, time.perf_counter() - began)

    def _times(self, times: list[float], seconds: float) -> Times:
        at = statistics.quantiles(times, n=100, method="inclusive")
        failed, self.failed = self.failed, 0
        return Times(
            round(at[49], 1),
            round(at[89], 1),
            round(at[98], 1),
            round(max(times), 1),
            round(len(times) / seconds, 1),
            failed,
        )


def idle_connections(port: int, count: int) -> list[socket.socket]:
    """Open connections that have asked once and then say nothing."""
    found = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        connection.recv(4096)
        found.append(connection)
    return found


def megabytes(process: psutil.Process) -> float:
    """Return the private memory of the server: what it maps of files is not its own."""
    info = process.memory_full_info()
    return round(info.uss / 1e6, 1)


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def median(runs: list[Times]) -> Times:
    """Return the run in the middle, by p99."""
    return sorted(runs, key=lambda each: each.p99)[len(runs) // 2]


async def measure(
    port: int, process: psutil.Process, options: argparse.Namespace
) -> dict[str, object]:
    asker = Asker(port, options.path)
    await asker.closed(4, _WARM)
    await asyncio.sleep(options.settle)
    found: dict[str, object] = {}
    runs = []
    before = _processor(process)
    for _ in range(options.rounds):
        runs.append(await asker.constant(options.rate, options.seconds))
        print("  ", runs[-1], f"load {os.getloadavg()[0]:.1f}", flush=True)
    taken = (_processor(process) - before) / sum(int(options.rate * options.seconds) for _ in runs)
    found["constant"] = {
        "rate": options.rate,
        "runs": runs,
        "median": median(runs),
        "processor ms": round(1000 * taken, 2),
    }
    ceilings = [await asker.closed(20, options.ceiling) for _ in range(options.rounds)]
    found["ceiling"] = {"clients": 20, "median": median(ceilings), "runs": ceilings}
    if options.idle:
        idle = idle_connections(port, options.idle)
        runs = [await asker.constant(options.rate, options.seconds) for _ in range(options.rounds)]
        found["idle"] = {"connections": len(idle), "runs": runs, "median": median(runs)}
        for each in idle:
            each.close()
    if options.requests:
        memory = [megabytes(process)]
        for _ in range(10):
            await asker.closed(20, options.requests // 10)
            memory.append(megabytes(process))
        found["memory"] = {"requests": options.requests, "megabytes": memory}
    return found


def show(found: dict) -> None:
    rows: list[tuple[object, ...]] = [
        ("what", "p50 ms", "p90 ms", "p99 ms", "worst ms", "a second", "failed")
    ]
    for name, what in (
        ("constant", "constant rate"),
        ("idle", "- beside idle connections"),
        ("ceiling", "20 clients, one after the other"),
    ):
        if name in found:
            rows.append((what, *asdict(found[name]["median"]).values()))
    table(rows)
    print(f"{found['constant']['processor ms']} ms of one core for a query at that rate")
    if "memory" in found:
        print("MB while answering", found["memory"]["requests"], found["memory"]["megabytes"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ceiling", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--idle", type=int, default=1000)
    parser.add_argument("--settle", type=float, default=5, help="seconds before it counts")
    parser.add_argument("--path", default="/api/v1/search")
    parser.add_argument("--library", type=Path, help="kept there, and used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        library = options.library or Path(folder) / "library.db"
        if not library.exists():
            fill(library, options.vectors)
        with serving(library) as (port, process):
            found = asyncio.run(measure(port, process, options))
    show(found)
    save("server", found)


if __name__ == "__main__":
    sys.exit(main())
