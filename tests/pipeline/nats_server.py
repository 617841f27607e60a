"""A real NATS server with JetStream, on a free port of this machine, and nobody else's."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.ports import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SERVER = shutil.which("nats-server", path=os.environ.get("PATH", "") + ":/usr/sbin")

needs_nats = pytest.mark.skipif(_SERVER is None, reason="nats-server is not installed")


class Server:
    """A server that can be stopped and started again with what it has stored."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._port = free_port()
        self._options = options or ("-js", "-sd", str(folder / "store"))
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"nats://127.0.0.1:{self._port}"

    def start(self) -> None:
        assert _SERVER, "nats-server is not installed"
        self._folder.mkdir(parents=True, exist_ok=True)
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [_SERVER, "-a", "127.0.0.1", "-p", str(self._port), *self._options],
                stdout=log,
                stderr=log,
            )
        until(self._answers, why=(self._folder / "log").read_text)

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=30) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False

    def stop(self, *, kill: bool = False) -> None:
        if self._process is not None:
            (self._process.kill if kill else self._process.terminate)()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """Run a server until the end of the block."""
    server = Server(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()
