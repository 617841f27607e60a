"""Changing the model of a library, with the installed command."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.embedding.tiny import write_immich
from tests.forked import safelight
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

SAFELIGHT = str(Path(sys.executable).with_name("safelight"))


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "SAFELIGHT_LIBRARY": str(tmp_path / "library.db")}


@pytest.fixture
def run(tmp_path: Path, environ: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command with a library of its own: ``run("library", "use", "x", code=1)``."""

    def call(*args: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = safelight(args, cwd=tmp_path, environ=environ)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


@pytest.fixture
def spaces(run) -> Callable[[], dict[str, dict[str, Any]]]:
    """Compare ``library spaces --json``, by name, with ``status --json``."""

    def call() -> dict[str, dict[str, Any]]:
        lines = run("library", "spaces", "--json").stdout.splitlines()
        rows = {row["name"]: row for row in map(json.loads, lines)}
        status = json.loads(run("status", "--json").stdout)
        for each in status["spaces"]:
            row = rows[each["name"]]
            assert (each["default"], each["embeddings"]) == (row["default"], row["embeddings"])
            assert row["covered"] + row["lacking"] == status["photos"] + status["texts"]
        assert len(status["spaces"]) == len(rows)
        return rows

    return call


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a library of three photos: all in the space of one model, two in another's."""
    folder = tmp_path_factory.mktemp("made")
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SAFELIGHT_")}

    def ingest(*args: str) -> None:
        done = safelight(["ingest", "--library", "library.db", *args], cwd=folder, environ=environ)
        assert done.returncode == 0, done.stderr

    (folder / "photos").mkdir()
    for seed, name in enumerate(("first", "second")):
        write_immich(folder / name, seed=seed)
        Image.new("RGB", (32, 32), (90 * seed, 20, 40)).save(folder / "photos" / f"{seed}.png")
    ingest("--model", "first", "photos")
    ingest("--model", "second")
    Image.new("RGB", (32, 32), "green").save(folder / "photos" / "2.png")
    ingest()
    return folder


@pytest.fixture
def two(made: Path, tmp_path: Path) -> Path:
    """Take a copy of that library; return the folder of its models."""
    shutil.copy(made / "library.db", tmp_path)
    return made


def _hits(run, *options: str) -> list[tuple[str, float]]:
    lines = run("search", "--all", "red snow", "--top", "8", "--json", *options).stdout.splitlines()
    return [(row["path"], row["score"]) for row in map(json.loads, lines)]


def test_the_model_of_a_library_is_changed_without_a_gap(
    run, spaces, tmp_path: Path, environ: dict[str, str], make_photo: Callable[..., Path]
) -> None:
    count = 80  # more than any machine embeds before it is interrupted
    folder = tmp_path / "photos"
    for number in range(count):
        make_photo(folder / f"{number}.png", ("red", "green", "blue")[number % 3], seed=number)
    write_immich(tmp_path / "tiny")
    run("ingest", "--model", "tiny", folder)
    before = _hits(run)
    assert len(before) == 8

    # Ctrl-C half way: the old space answers as before, in the midst of the ingest and after it.
    process = subprocess.Popen(
        [SAFELIGHT, "ingest", "--model", "starter", "--batch-size", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )
    _wait_for_vectors(tmp_path / "library.db", count + 1)
    process.send_signal(signal.SIGSTOP)
    assert _hits(run) == before
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, out + err
    found = spaces()
    assert found["tiny"]["default"]
    assert 0 < found["starter"]["covered"] < count
    assert found["starter"]["lacking"] == count - found["starter"]["covered"]
    assert _hits(run) == before

    # Resumed: only the rest is embedded.
    summary = json.loads(run("ingest", "--model", "starter", "--json").stdout)
    assert summary["unchanged"] == found["starter"]["covered"]
    assert summary["new"] == found["starter"]["lacking"]
    found = spaces()
    assert (found["starter"]["covered"], found["starter"]["lacking"]) == (count, 0)
    assert _hits(run) == before

    # Used: searches and a plain ingest go to the new space.
    expected = _hits(run, "--model", "starter")
    assert expected != before
    done = run("library", "use", "starter")
    assert (done.stdout, done.stderr) == ("Searches use starter.\n", "")
    assert _hits(run) == expected
    assert json.loads(run("ingest", "--json").stdout)["model"] == "starter"
    assert spaces()["starter"]["default"]

    # Dropped: the old one is gone.
    assert f"Dropped tiny: {count} vectors" in run("library", "drop-space", "tiny", "--yes").stdout
    assert list(spaces()) == ["starter"]
    assert "tiny" not in run("status").stdout
    assert _hits(run) == expected
    assert "No photo" in run("search", "red", "--model", "tiny", code=1).stderr

    # And back; this time there is enough to see the file get smaller.
    path = tmp_path / "library.db"
    run("ingest", "--model", "tiny")
    run("library", "use", tmp_path / "tiny")
    numbers = spaces()["starter"]["bytes"]
    size = path.stat().st_size
    done = run("library", "drop-space", "starter", "--yes", "--json")
    assert json.loads(done.stdout)["bytes_freed"] > numbers
    assert size - path.stat().st_size > numbers
    assert _hits(run) == before


def _wait_for_vectors(path: Path, count: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        until(lambda: connection.execute("SELECT count(*) FROM embeddings").fetchone()[0] >= count)


def test_spaces_lists_coverage_and_size(run, two: Path, tmp_path: Path, spaces) -> None:
    first, second = run("library", "spaces").stdout.splitlines()
    assert first.split()[0] == "first"
    assert "3 of 3 photos  3 x 8, 0.1 kB  used by searches" in first
    assert "2 of 3 photos  2 x 8, 0.1 kB" in second
    assert not second.endswith("used by searches")
    (tmp_path / "notes.txt").write_text("a dog\n")
    run("ingest", "text:notes.txt")
    assert "2 of 4 photos and texts" in run("library", "spaces").stdout
    row = spaces()["second"]
    assert row["model"] == str(two / "second")
    assert (row["embeddings"], row["lacking"], row["bytes"]) == (2, 2, 2 * 8 * 4)


def test_an_empty_library_has_no_spaces(run, tmp_path: Path) -> None:
    assert "no library" in run("library", "spaces", code=1).stderr
    (tmp_path / "empty").mkdir()
    run("ingest", "--model", "starter", tmp_path / "empty")
    for options in ((), ("--json",)):
        assert run("library", "spaces", *options).stdout == ""
    assert "safelight ingest" in run("library", "spaces").stderr
    assert "safelight ingest" in run("library", "use", "starter", code=1).stderr


def test_use_says_what_the_space_lacks_and_how_to_get_it(run, two: Path, spaces) -> None:
    done = run("library", "use", "second")
    assert done.stdout == "Searches use second.\n"
    assert "covers 2 of 3; 1 more must be embedded" in done.stderr
    command = done.stderr.strip().rpartition(": ")[2].split()
    assert command == ["safelight", "ingest"]
    run(*command[1:])
    assert run("library", "use", "second").stderr == ""
    assert spaces()["second"]["lacking"] == 0


def test_the_command_that_use_names_goes_to_the_same_library(
    run, two: Path, tmp_path: Path
) -> None:
    named = str(tmp_path / "my library.db")
    (tmp_path / "library.db").rename(named)
    done = run("library", "use", "second", "--library", named)
    assert done.stderr.strip().endswith(f"safelight ingest --library '{named}'")


def test_a_space_is_named_by_its_fingerprint_too(run, two: Path, spaces) -> None:
    fingerprint = spaces()["second"]["fingerprint"]
    run("library", "use", fingerprint[:8])
    assert spaces()["second"]["default"]
    for command in ("use", "drop-space"):
        done = run("library", command, "third", code=1)
        assert fingerprint[:12] in done.stderr
        assert "first (" in done.stderr


def test_nothing_is_dropped_without_being_asked_or_told(run, two: Path, spaces) -> None:
    done = run("library", "drop-space", "second", code=2)
    assert "--yes" in done.stderr
    assert spaces()["second"]["embeddings"] == 2


def test_what_searches_use_is_not_dropped(run, two: Path, spaces) -> None:
    assert "library use" in run("library", "drop-space", "first", "--yes", code=1).stderr
    assert spaces()["first"]["default"]
    run("library", "drop-space", "second", "-y")
    assert "--force" in run("library", "drop-space", "first", "--yes", code=1).stderr
    run("library", "drop-space", "first", "--yes", "--force")
    assert spaces() == {}
    assert "is empty" in run("search", "red", code=1).stderr
    assert "3 new" in run("ingest", "--model", two / "second").stdout
    assert spaces()["second"]["default"]


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 1, 2), ("y", 0, 1)])
def test_on_a_terminal_it_asks(
    two: Path, spaces, environ: dict[str, str], answer: str, code: int, left: int
) -> None:
    main, side = pty.openpty()
    process = subprocess.Popen(
        [SAFELIGHT, "library", "drop-space", "second"],
        stdin=side,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )
    os.write(main, f"{answer}\n".encode())
    out, err = process.communicate(timeout=120)
    os.close(side)
    os.close(main)
    assert process.returncode == code, out + err
    assert "Drop second with its 2 vectors?" in err
    assert len(spaces()) == left
    assert ("nothing was dropped" in err) == (answer == "n")
    assert ("Dropped second" in out) == (answer == "y")
