"""``safelight library export`` and ``import``: what they say, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from safelight.cli import main
from safelight.library.spaces import add_space
from tests.exchange.parquet.made import SPACE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from safelight.library.database import Database
    from tests.exchange.stores import postgres_server


@dataclass(frozen=True)
class Done:
    """Output of a command."""

    stdout: str
    stderr: str


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Run the command in this process; test_crash.py starts one of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAFELIGHT_LIBRARY", str(tmp_path / "library.db"))
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)  # main() sets it

    def call(*args: object, code: int = 0) -> Done:
        monkeypatch.setattr(sys, "argv", ["safelight", *map(str, args)])
        found = 0
        try:
            main()
        except SystemExit as exc:
            found = exc.code
        done = Done(*capsys.readouterr())
        assert found == code, done
        return done

    return call


@pytest.fixture
def photos(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    for number, colour in enumerate(("red", "green", "blue")):
        make_photo(tmp_path / "p" / f"{colour}.png", colour, seed=number)
    (tmp_path / "p" / "bad.jpg").write_bytes(b"")
    return tmp_path / "p"


def test_there_and_back(run: Callable[..., Done], photos: Path, tmp_path: Path) -> None:
    run("ingest", "--model", "starter", photos)
    found = run("search", "--all", "red", "--json").stdout
    done = run("library", "export", "my set")
    assert done.stdout.startswith(f"{tmp_path}/my set: 3 photos, 1 failures in 2 files, ")
    assert done.stderr == ""
    assert "--overwrite" in run("library", "export", "my set", code=2).stderr
    said = json.loads(run("library", "export", "my set", "--overwrite", "--json").stdout)
    assert (said["photos"], said["failures"], said["space"]) == (3, 1, "starter")
    photos.rename(tmp_path / "elsewhere")
    done = run("library", "import", "my set", "--library", "b.db")
    assert "3 photos, 3 new; added 3 vectors, 3 files, 1 failures" in done.stdout
    done = run("library", "import", "my set", "--library", "b.db", "--dry-run", "--json")
    said = json.loads(done.stdout)
    assert (said["photos"], said["new"], said["problems"], said["dry_run"]) == (3, 0, [], True)
    assert run("search", "--all", "red", "--json", "--library", "b.db").stdout == found
    (part,) = (tmp_path / "my set" / "photos").iterdir()
    part.write_bytes(part.read_bytes()[:-9])
    done = run("library", "import", "my set", "--library", "c.db", code=1)
    assert "3 photos" not in done.stdout
    assert f"safelight: {part} cannot be used: it has" in done.stderr


def test_past_every_library(
    run: Callable[..., Done], photos: Path, tmp_path: Path, postgres: postgres_server.Server
) -> None:
    run("ingest", "--model", "starter", photos)
    run("library", "export", "-q", "set")
    address = postgres.new_schema()
    done = run("library", "import", "set", "--to-store", address, "--library", "none.db")
    assert "sent 3 of 3 photos" in done.stdout
    assert not (tmp_path / "none.db").exists()
    lost = ("--from-store", address, "--library", "none.db")
    assert "--space MODEL" in run("library", "export", "back", *lost, code=2).stderr
    run("library", "export", "back", *lost, "--space", "starter")
    (part,) = (tmp_path / "back" / "photos").iterdir()
    (first,) = (tmp_path / "set" / "photos").iterdir()
    ids = pq.read_table(first)["photo_id"].to_pylist()
    assert sorted(pq.read_table(part)["photo_id"].to_pylist()) == ids
    # Where the library is there, it says which space it is.
    done = run("library", "export", "again", "--from-store", address)
    assert "3 photos" in done.stdout


def test_wrong_calls_say_so(run: Callable[..., Done], tmp_path: Path) -> None:
    assert "no library at" in run("library", "export", "set", code=1).stderr
    assert "no data set at" in run("library", "import", "set", code=1).stderr
    both = ("--dry-run", "--to-store", "qdrant:x")
    assert "--to-store needs none" in run("library", "import", "set", *both, code=2).stderr


@pytest.mark.parametrize("package", ["pyarrow", "fsspec"])
@pytest.mark.parametrize("args", [["export", "set"], ["import", "set"]])
def test_a_missing_extra_is_named(
    run: Callable[..., Done],
    library: Database,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    args: list[str],
) -> None:
    add_space(library, SPACE)
    monkeypatch.setitem(sys.modules, package, None)
    done = run("library", *args, code=2)
    assert done.stderr == "safelight: Parquet needs pip install 'safelight[parquet]'.\n"


def test_nothing_heavy_is_loaded_until_it_is_needed() -> None:
    script = (
        "import sys, safelight.cli, safelight.exchange.parquet.export\n"
        "import safelight.exchange.parquet.load, safelight.exchange.parquet.fill_store\n"
        "import safelight.exchange.parquet.read_store\n"
        "print(*[m for m in ('pyarrow', 'fsspec', 's3fs') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "", done.stderr


NOT_DATA_SETS = {
    "nowhere": "nothing is there",
    "notes.txt": "image-list:",
    "empty": "it is a file",
    "photo.jpg": "safelight ingest ",
    "other.db": "--library",
    "one.parquet": "parquet:",
    "empty folder": "the folder is empty",
    "photos": "nor Parquet files",
    "tables": "not copied as a whole",
    "set/safelight.json": "library import '{here}/my set'",
    "set/photos": "library import '{here}/my set'",
    "pipe": "it is a file",
    "set/photos/part.parquet": "library import '{here}/my set'",
    "damaged": "damaged",
    "of another shape": "damaged",
}


def test_what_is_not_a_data_set_is_called_what_it_is(run, tmp_path, photos) -> None:
    run("ingest", "--model", "starter", photos)
    run("library", "export", tmp_path / "my set")
    (part, *_) = (tmp_path / "my set" / "photos").iterdir()
    part.rename(part.with_name("part.parquet"))
    for each in ("notes.txt", "empty", "photo.jpg", "other.db", "one.parquet"):
        (tmp_path / each).write_bytes(b"" if each == "empty" else b"data")
    for each in ("empty folder", "tables", "damaged", "of another shape"):
        (tmp_path / each).mkdir()
    (tmp_path / "photos").mkdir(exist_ok=True)
    (tmp_path / "photos" / "a.jpg").write_bytes(b"")
    (tmp_path / "tables" / "a.parquet").write_bytes(b"")
    (tmp_path / "damaged" / "safelight.json").write_bytes(b"{")
    (tmp_path / "of another shape" / "safelight.json").write_bytes(b"[]")
    os.mkfifo(tmp_path / "pipe")
    for name, told in NOT_DATA_SETS.items():
        target = tmp_path / name.replace("set/", "my set/")
        err = run("library", "import", target, "--library", tmp_path / "new.db", code=1).stderr
        assert told.format(here=tmp_path) in err
        assert "Traceback" not in err
        assert not (tmp_path / "new.db").exists()
