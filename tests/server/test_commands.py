"""``safelight serve`` and ``safelight token``, run as people run them."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from safelight.library.database import Database
from safelight.library.state.tokens import digest, find_token, tokens
from tests.forked import safelight
from tests.ports import free_port
from tests.waiting import until

SAFELIGHT = str(Path(sys.executable).with_name("safelight"))


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "SAFELIGHT_LIBRARY": str(tmp_path / "library.db")}


def run(environ, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = safelight(args, cwd=Path.cwd(), environ=environ)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_a_token_is_shown_once_and_kept_by_nobody(environ, tmp_path) -> None:
    made = run(environ, "token", "create", "my laptop", "--write", "-n", "a", "-n", "b")
    text = made.stdout.strip()
    assert re.fullmatch(r"safelight_[A-Za-z0-9_-]{43}", text)
    for file in tmp_path.glob("library.db*"):
        assert text.encode() not in file.read_bytes()
    listed = run(environ, "token", "list").stdout
    assert "my laptop" in listed
    assert "a, b" in listed
    assert text not in listed
    row = json.loads(run(environ, "token", "list", "--json").stdout)
    assert (row["may_write"], row["namespaces"]) == (True, ["a", "b"])
    assert "digest" not in row
    with Database(tmp_path / "library.db") as library:
        known = tokens(library)
        assert known[0].digest == digest(text)
        assert find_token(known, text) == known[0]
        assert find_token(known, text + "x") is None
        run(environ, "token", "revoke", row["id"])
        assert find_token(tokens(library), text) is None
    assert "revoked" in run(environ, "token", "list").stdout
    assert "no valid token" in run(environ, "token", "revoke", row["id"], code=2).stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_no_other_address_without_a_token(environ, host) -> None:
    done = run(environ, "serve", "--host", host, "--port", "0", code=2)
    assert "safelight token create" in done.stderr
    assert "--insecure" in done.stderr


def test_a_port_that_is_taken_is_said(environ) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run(environ, "serve", "--port", port, code=2)
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr


def test_a_root_has_to_be_there(environ) -> None:
    assert "no such folder" in run(environ, "serve", "--root", "/nowhere", code=2).stderr


def test_it_logs_as_json_without_what_people_look_for_and_stops_on_sigterm(environ) -> None:
    port = free_port()
    process = subprocess.Popen(
        [SAFELIGHT, "serve", "--port", str(port), "--log-json", "--max-pixels", "5000"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            assert process.poll() is None
            try:
                return httpx2.get(f"{url}/health").status_code == 200
            except httpx2.ConnectError:
                return False

        until(answers)
        assert httpx2.get(f"{url}/api/v1/session").json()["max_pixels"] == 5000
        assert httpx2.get(f"{url}/api/v1/photos?camera=my+secret").status_code == 200
        httpx2.get(f"{url}/api/v1/a%0Aforged%20line")
        numbers = httpx2.get(f"{url}/metrics").text
        assert 'safelight_requests_total{method="GET",route="/api/v1/photos",status="200"} 1.0' in (
            numbers
        )
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=90)
    assert process.returncode == 0
    rows = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert [row["path"] for row in rows if row.get("path", "").startswith("/api")] == [
        "/api/v1/session",
        "/api/v1/photos",
        "/api/v1/a%0Aforged%20line",
    ]
    assert "secret" not in log
    assert "hidden" not in log
    assert {"time", "level", "method", "status", "ms", "bytes", "client"} <= set(rows[-1])


@pytest.mark.parametrize("module", ["safelight.library.filters", "safelight.server.config"])
def test_examples_in_docstrings_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted
    assert result.failed == 0
