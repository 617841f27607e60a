"""Commands as strangers type them: what begins with a minus, is empty, or is not there any more."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from safelight.cli import safelight
from safelight.errors import SafelightError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def photos(tmp_path: Path, make_photo: Callable[..., Path], monkeypatch) -> Path:
    monkeypatch.setenv("SAFELIGHT_LIBRARY", str(tmp_path / "library.db"))
    monkeypatch.setenv("SAFELIGHT_MODEL", "starter")
    for number in range(2):
        make_photo(tmp_path / "p" / f"{number}.png", "red", seed=number)
    assert _run("ingest", str(tmp_path / "p"))[0] == 0
    return tmp_path / "p"


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(safelight, list(arguments))
    if isinstance(result.exception, SafelightError):
        return 1, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize("query", [["- people"], ["- people - dog"], ["- ./a b:0.5", "--top", "3"]])
def test_a_query_may_begin_with_a_minus(photos, query) -> None:
    code, said = _run("search", *query)
    assert code == 0 or "a b" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "show", ""],
        ["apply", ""],
        ["undo", " "],
        ["duplicates", "show", ""],
        ["ingest", "p", "--exclude", ""],
        ["token", "create", ""],
        ["label", "p", ""],
        ["score", ""],
        ["sheet", " ", "-o", "x.html"],
        ["forget", "", "-y"],
    ],
)
def test_an_unset_variable_is_named_as_one(photos, arguments) -> None:
    code, said = _run(*arguments)
    assert code == 2
    assert "empty" in said


def test_a_quarantine_is_a_folder(photos, tmp_path) -> None:
    shutil.copy(photos / "0.png", photos / "2.png")
    _run("ingest")
    plan = str(tmp_path / "plan.json")
    code, _ = _run("plan", "duplicates", "-o", plan, "--quarantine", str(photos / "1.png"))
    assert code != 0
    assert not os.path.exists(plan)


def test_a_known_source_that_is_away_is_told_with_the_way_out(photos) -> None:
    photos.rename(photos.parent / "elsewhere")
    code, said = _run("ingest", str(photos))
    assert code == 1
    assert "sources move" in said
    code, said = _run("ingest", str(photos.parent / "never was there"))
    assert code == 1
    assert "sources move" not in said


def test_a_quiet_run_that_fails_says_so_each_time(photos) -> None:
    (photos / "empty.jpg").touch()
    for _ in range(2):
        code, said = _run("ingest", "-q", str(photos / "empty.jpg"))
        assert code == 1
        assert said.strip()


def test_a_list_that_powershell_wrote_is_read(photos, tmp_path) -> None:
    (tmp_path / "list.txt").write_bytes(f"{photos / '0.png'},sea\r\n".encode("utf-16"))
    code, said = _run("ingest", "-n", "listed", f"image-list:{tmp_path / 'list.txt'}")
    assert code == 0, said
    assert "1 known already" in said


def test_a_closed_standard_input_is_not_a_terminal(photos) -> None:
    done = subprocess.run(
        f'"{sys.executable}" -m safelight forget "{photos}" <&-',
        shell=True,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "--yes" in done.stderr


def test_a_list_that_moves_is_named_and_its_photos_are_not_counted(photos, tmp_path) -> None:
    (tmp_path / "list.txt").write_text(f"{photos / '0.png'},sea\n")
    _run("ingest", "-n", "listed", f"image-list:{tmp_path / 'list.txt'}")
    (tmp_path / "list.txt").rename(tmp_path / "moved.txt")
    code, said = _run("sources", "move", str(tmp_path / "list.txt"), str(tmp_path / "moved.txt"))
    assert code == 0
    assert f"image-list:{tmp_path / 'moved.txt'}" in said


@pytest.mark.parametrize("word", ["-people", "-nature", "-kids", "-Über", "-dogs"])
def test_a_word_with_a_dash_is_told_how_to_be_written(photos, word) -> None:
    code, said = _run("search", "beach", word)
    assert code == 2
    assert f'"beach - {word[1:]}"' in said
    assert f"search -- {word}" in said
    assert _run("search", "beach", "-ndefault", "-k2", "--", word)[0] == 0
