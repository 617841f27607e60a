"""A library where nothing can be written, as on a disk that is mounted to be read only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.forked import safelight
from tests.rights import AS_ANYBODY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAFELIGHT = str(Path(sys.executable).with_name("safelight"))

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="rights are dropped as Linux has it"
)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def call(*args: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*AS_ANYBODY, SAFELIGHT, *map(str, args)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "SAFELIGHT_LIBRARY": str(tmp_path / "kept" / "library.db")},
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


@pytest.fixture
def closed(tmp_path: Path, make_photo: Callable[..., Path]) -> Iterator[Path]:
    """The folder of a library, in which nothing can be made, and files that cannot be written."""
    make_photo(tmp_path / "photos" / "a.png", "red")
    make_photo(tmp_path / "photos" / "b.png", "blue")
    folder = tmp_path / "kept"
    safelight(
        ["ingest", "--library", folder / "library.db", "--model", "starter", tmp_path / "photos"],
        cwd=tmp_path, environ=os.environ,
    )  # fmt: skip
    everything = [folder, *folder.rglob("*")]
    for path in everything:
        path.chmod(0o500 if path.is_dir() else 0o400)
    yield folder
    for path in everything:
        path.chmod(0o700)


def test_it_can_be_searched(run, closed) -> None:
    assert run("search", "--all", "red", "--paths").stdout.count("\n") == 2
    assert "Photos      2 in 2 files" in run("status").stdout
    assert sorted(path.name for path in closed.iterdir()) == ["library.db", "library.db.vectors"]


def test_photos_are_labelled_and_the_labels_not_kept(run, closed, tmp_path, make_photo) -> None:
    make_photo(tmp_path / "new.png", "green")
    done = run("label", "--json", "--model", "starter", tmp_path / "photos", tmp_path / "new.png")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(Path(row["path"]).name for row in rows) == ["a.png", "b.png", "new.png"]
    assert all(len(row["labels"]) == 5 and not row["stored"] for row in rows)
    said = " ".join(done.stderr.split())
    assert "Labels were not kept of 3 of the photos" in said
    assert "the library kept/library.db cannot be written here" in said
    # Without photos there is nothing to be done but to keep labels.
    assert "cannot be written here" in run("label", code=1).stderr


def test_its_folder_alone_may_be_closed(run, closed) -> None:
    (closed / "library.db").chmod(0o600)
    assert run("search", "--all", "red", "--paths").stdout.count("\n") == 2


@pytest.mark.parametrize("command", [("ingest",), ("serve", "--port", "1"), ("duplicates",)])
def test_what_would_write_it_says_so(run, closed, command) -> None:
    said = run(*command, code=1).stderr
    assert f"{closed / 'library.db'} cannot be written here" in said
    assert "permissions" in said


def test_what_lies_in_its_log_is_not_passed_over(run, closed) -> None:
    (closed / "library.db-wal").write_bytes(b"what another had written")
    assert "its log has to be written back first" in run("search", "red", code=1).stderr


def test_doctor_says_what_is_wrong_and_nothing_else(run, closed) -> None:
    said = " ".join(run("doctor", "--quick").stdout.split())
    assert "cannot be written" in said
    assert "write-ahead" not in said
    assert "None" not in said


def test_a_folder_that_cannot_be_made_is_named(run, closed, tmp_path) -> None:
    options = ("--input", tmp_path / "photos", "--data", closed / "data", "--model", "starter")
    assert (
        f"{closed / 'data'}: Permission denied" in run("pipeline", "run", *options, code=1).stderr
    )
