"""Exclusions that match nothing: told once typed, in words and in JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from safelight.cli import safelight
from safelight.ingest import preview
from safelight.ingest.sources import parse_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    for name in ("a.jpg", "Private/b.jpg", "tmp/c.jpg"):
        make_photo(tmp_path / "p" / name, "red")
    return tmp_path / "p"


@pytest.mark.parametrize(
    ("patterns", "unmatched"),
    [
        (("privat",), ["privat"]),
        (("privat", "tmp"), ["privat"]),
        (("*.png", "tmp/", "Private/*"), ["*.png"]),
        (("/elsewhere/*",), ["/elsewhere/*"]),
        (("x/y", "**/nothing"), ["x/y", "**/nothing"]),
        (("tmp", "*/c.jpg", "a.*"), ["*/c.jpg"]),
        ((" tmp ",), []),
        (("*",), []),
    ],
)
def test_a_listing_knows_what_it_did_not_need(folder, library, patterns, unmatched) -> None:
    source = parse_source(str(folder), exclude=patterns)
    found = preview(library, [source], fingerprint="0" * 64, name="model")
    assert found.unmatched == unmatched
    assert [pattern for pattern in patterns if f"{pattern!r} matched" in " ".join(found.notes)] == (
        unmatched
    )


def test_what_another_folder_needs_is_needed(folder, library) -> None:
    sources = [parse_source(str(folder / name), exclude="b.jpg") for name in ("tmp", "Private")]
    assert not preview(library, sources, fingerprint="0" * 64, name="model").unmatched


def test_the_command_says_it_once_it_is_typed(folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SAFELIGHT_LIBRARY", str(tmp_path / "library.db"))
    monkeypatch.setenv("SAFELIGHT_MODEL", "starter")

    def run(*arguments: str):
        return CliRunner().invoke(safelight, ["ingest", *arguments])

    for _ in range(2):
        said = run(str(folder), "--exclude", "private", "--exclude", "tmp").stderr
        assert "'private'" in said
        assert "'Private'" in said  # case counts here
        assert "'tmp'" not in said
    assert "private" not in run().stderr  # nobody typed it now
    told = json.loads(run(str(folder), "--exclude", "privat", "--json").stdout)
    assert told["unmatched"] == ["privat"]
    (tmp_path / "list.txt").write_text("p/a.jpg\n")
    for arguments in (
        ("--exclude", "x"),
        (f"image-list:{tmp_path / 'list.txt'}", "--exclude", "x"),
    ):
        assert run(*arguments).exit_code == 2
