"""``safelight sync``, and the store in the other commands, run as people run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from safelight.exchange.stores import parse_address
from tests.forked import safelight

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.exchange.stores import postgres_server, qdrant_server


Run = "Callable[..., subprocess.CompletedProcess[str]]"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def call(*args: object, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        done = safelight(
            args,
            cwd=tmp_path,
            environ={**os.environ, "SAFELIGHT_LIBRARY": str(tmp_path / "library.db"), **environ},
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


@pytest.fixture
def photos(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    for number, colour in enumerate(("red", "green", "blue")):
        make_photo(tmp_path / "p" / f"{colour}.png", colour, seed=number)
    return tmp_path / "p"


def test_a_store_that_is_away_loses_nothing(
    run: Run, photos: Path, make_photo: Callable[..., Path], postgres: postgres_server.Server
) -> None:
    address = postgres.new_schema()
    shown = parse_address(address).shown
    environ = {"SAFELIGHT_STORE": address}
    done = run("ingest", "--model", "starter", photos, **environ)
    assert "3 new" in done.stdout
    assert done.stderr.startswith(f"{shown}: sent 3 (")
    hits = run("search", "--all", "red", **environ).stdout
    assert len(hits.splitlines()) == 3

    postgres.stop()
    try:
        make_photo(photos / "new.png", "blue", seed=9)
        done = run("ingest", "-n", "holiday", photos / "new.png", **environ)
        assert "1 new" in done.stdout
        assert "1 not sent yet" in done.stderr
        assert json.loads(run("status", "--json").stdout)["stores"] == [
            {"store": shown, "queued": 1}
        ]
        done = run("search", "red", **environ, code=1)
        assert "does not answer" in done.stderr
        assert "--store local" in done.stderr
        local = run("search", "--all", "red", "--store", "local", **environ).stdout
        assert len(local.splitlines()) == 4
    finally:
        postgres.start()

    done = run("search", "--all", "red", **environ)
    assert done.stdout == hits
    assert "1 not sent to" in done.stderr
    found = json.loads(run("sync", "--json", **environ).stdout)
    assert {**found, "seconds": 0} == {
        "store": shown,
        "sent": 1,
        "removed": 0,
        "left": 0,
        "refused": [],
        "seconds": 0,
        "error": None,
    }
    assert run("search", "--all", "red", **environ).stdout == local
    (line,) = run(
        "search", "--all", "red", "-n", "holiday", "--paths", **environ
    ).stdout.splitlines()
    assert line == str(photos / "new.png")
    (photos / "red.png").unlink()
    assert "removed 1" in run("ingest", photos, **environ).stderr
    assert f"Store       {shown}\n" in run("status").stdout


def test_a_server_with_a_key_that_refuses_a_photo(
    run: Run, photos: Path, qdrant: qdrant_server.Server
) -> None:
    run("ingest", "--model", "starter", photos)
    rows = run("search", "--all", "red", "--json", "-k", "1").stdout
    qdrant.refused, qdrant.key = json.loads(rows)["photo_id"], "hunter2"
    environ = {"SAFELIGHT_STORE": qdrant.url, "SAFELIGHT_STORE_KEY": "hunter2"}
    done = run("sync", "--json", **environ, code=1)
    found = json.loads(done.stdout)
    assert (found["sent"], found["left"]) == (2, 1)
    assert found["refused"][0]["photo_id"] == qdrant.refused
    assert qdrant.refused[:12] in done.stderr
    done = run("sync", SAFELIGHT_STORE=qdrant.url, code=1)
    assert "SAFELIGHT_STORE_KEY" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert len(run("search", "--all", "a red wall", **environ).stdout.splitlines()) == 2


def test_wrong_usage_is_said(run: Run, photos: Path) -> None:
    assert "Name a store" in run("sync", code=2).stderr
    assert "There is no library" in run("sync", "--store", "qdrant://h", code=1).stderr
    run("ingest", "--model", "starter", photos)
    done = run("sync", "--store", "mysql://u:hunter2@h/db", code=2)
    assert "not an address of a vector store" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Nothing is queued" in run("sync", "--store", "qdrant://h", "--forget").stdout


def test_a_store_can_be_forgotten(run: Run, photos: Path, postgres: postgres_server.Server) -> None:
    run("ingest", "--model", "starter", photos)
    store = ("--store", postgres.new_schema())
    assert "sent 3" in run("sync", *store).stdout
    assert "sent 3" in run("sync", *store, "--all").stdout
    assert run("sync", *store, "--quiet").stdout == ""
    assert "Nothing more is queued" in run("sync", *store, "--forget").stdout
    assert "Store" not in run("status").stdout


def test_config_and_doctor_show_no_secrets(run: Run) -> None:
    environ = {
        "SAFELIGHT_STORE": "postgresql://me:hunter2@h/db",
        "SAFELIGHT_STORE_KEY": "hunter2",
    }
    for arguments in (("config",), ("config", "--json"), ("doctor", "--quick", "--json")):
        done = run(*arguments, **environ)
        assert "me@h" in done.stdout
        assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("extra", "address"), [("qdrant", "qdrant://h"), ("postgres", "postgresql://h/d")]
)
def test_a_missing_extra_is_named(tmp_path: Path, extra: str, address: str) -> None:
    module = {"qdrant": "qdrant_client", "postgres": "psycopg"}[extra]
    script = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from safelight.errors import UsageError\n"
        "from safelight.exchange.stores import open_store\n"
        f"try: open_store({address!r})\n"
        "except UsageError as exc: print(exc.code, exc)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("missing-extra")
    assert f"safelight[{extra}]" in done.stdout
