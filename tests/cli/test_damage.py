"""A library whose bytes changed: every command says so, none ends in a traceback."""

from __future__ import annotations

import os
import random
import sqlite3
from typing import TYPE_CHECKING

import pytest

from safelight.errors import LibraryError
from safelight.library.database import Database
from tests.forked import safelight

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMMANDS = (
    ("search", "red"),
    ("search", "red", "--json"),
    ("status", "--json"),
    ("sources",),
    ("duplicates",),
    ("library", "spaces"),
    ("doctor", "--quick"),
)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import numpy as np
    from PIL import Image

    folder = tmp_path_factory.mktemp("healthy")
    (folder / "p").mkdir()
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 255, (24, 24, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "p" / f"{number}.png")
    done = _run(folder / "library.db", "ingest", "-e", "starter", "-q", folder / "p")
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(folder / "library.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return folder / "library.db"


def _run(library: Path, *args: object):
    environ = {**os.environ, "SAFELIGHT_LIBRARY": str(library)}
    return safelight(args, cwd=library.parent, environ=environ)


@pytest.fixture
def library(healthy: Path, tmp_path: Path) -> Path:
    path = tmp_path / "library.db"
    path.write_bytes(healthy.read_bytes())
    return path


def _assert_told(library: Path, *commands: tuple[str, ...], damaged: bool = True) -> None:
    for command in commands:
        done = _run(library, *command)
        text = done.stdout + done.stderr
        assert "Traceback" not in text, text
        if damaged:
            assert done.returncode == 1, (command, text)
            assert "damaged" in text
            assert "doctor" in text
            assert "backup" in text


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"no database at all" * 1000,
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:100] + bytes(len(data) - 100),
        lambda data: data[:16384] + os.urandom(len(data) - 16384),
        lambda data: b"\xff" * 16 + data[16:],
    ],
    ids=["not SQLite", "no bytes", "half", "zeros", "noise", "header"],
)
def test_a_damaged_library_is_named_by_every_command(
    library: Path, damage: Callable[[bytes], bytes]
) -> None:
    library.write_bytes(damage(library.read_bytes()))
    _assert_told(library, *COMMANDS)


def test_so_is_one_whose_tables_are_missing(library: Path) -> None:
    with sqlite3.connect(library) as connection:
        connection.execute("DROP TABLE embeddings")
    connection.close()
    _assert_told(library, ("search", "red"))


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bytes_end_nothing_in_a_traceback(library: Path, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(library.read_bytes())
    for _ in range(chance.choice((1, 4, 64))):
        data[chance.randrange(100, len(data))] ^= 1 << chance.randrange(8)
    library.write_bytes(bytes(data))
    _assert_told(library, *COMMANDS[:2], ("status",), ("duplicates",), damaged=False)


@pytest.mark.parametrize("column", ["id", "kind"])
def test_changed_values_are_told_as_damage(library: Path, column: str) -> None:
    with sqlite3.connect(library) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(f"UPDATE items SET {column} = '{{{column}' || pk")
    connection.close()
    _assert_told(library, ("search", "red"), ("status",), damaged=False)


@pytest.mark.parametrize("command", [("forget", "-n", "default", "--dry-run"), ("ingest", "p")])
@pytest.mark.parametrize(("table", "column"), [("items", "id"), ("files", "path")])
def test_so_is_a_text_that_is_none_to_those_who_write(
    library: Path, healthy: Path, command: tuple[str, ...], table: str, column: str
) -> None:
    with sqlite3.connect(library) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        # They call functions that only the library's own connections have.
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table,)
        ).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(f"UPDATE {table} SET {column} = CAST(x'ff' || {column} AS TEXT)")
    connection.close()
    command = tuple(str(healthy.parent / "p") if word == "p" else word for word in command)
    _assert_told(library, command, damaged=False)


def test_so_is_json_that_is_none(library: Path) -> None:
    data = library.read_bytes()
    assert b"{}" in data
    library.write_bytes(data.replace(b"{}", b"{]"))
    _assert_told(library, ("search", "red"))


def _read_all(path: Path) -> None:
    with Database(path) as library:
        for table in ("items", "embeddings", "files", "hashes"):
            library.connection.execute(f"SELECT * FROM {table}").fetchall()


def test_from_python_it_is_an_error_of_the_library(library: Path) -> None:
    data = library.read_bytes()
    for whole in (4096, 16384, 65536):
        library.write_bytes(data[:whole] + os.urandom(len(data) - whole))
        with pytest.raises(LibraryError, match="damaged"):
            _read_all(library)


def test_a_new_library_may_begin_as_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "library.db").touch()
    with Database(tmp_path / "library.db") as library:
        assert library.connection.execute("SELECT count(*) FROM items").fetchone() == (0,)
