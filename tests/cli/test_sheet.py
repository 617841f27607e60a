"""``safelight sheet``, run as people run it."""

from __future__ import annotations

import os
import re
import sys
import warnings
from html import unescape
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from skimage import data

from safelight.cli import main
from safelight.sheet.write import is_sheet
from tests.forked import safelight
from tests.quality.damage import blurred, noised

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command: ``run("sheet", "photos", "-o", "sheet.html", code=0)``."""

    def call(*args: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = safelight(
            args,
            cwd=tmp_path,
            environ={**os.environ, "SAFELIGHT_LIBRARY": str(tmp_path / "library.db")},
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == "" or args[0] != "sheet"
        return done

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "My Photos"
    (folder / "deep").mkdir(parents=True)
    Image.fromarray(data.coffee()).save(folder / "coffee 10.png")
    Image.fromarray(blurred(data.coffee(), 3)).save(folder / "deep" / "soft <coffee> 9.png")
    Image.fromarray(noised(data.chelsea(), 30)).save(folder / "cat.png")
    return folder


def names(path: Path) -> list[str]:
    """Return the names on a page, in order."""
    headings = re.findall(r"<h2><bdi>(.*?)</bdi></h2>", path.read_text("utf-8"))
    return [unescape(re.sub(r"<[^>]*>", "", heading)) for heading in headings]


def test_a_folder_on_a_page(run, folder, tmp_path) -> None:
    done = run("sheet", folder, "-o", "sheet.html")
    assert "sheet.html: 3 photos." in done.stderr
    assert sorted(names(tmp_path / "sheet.html")) == [
        "cat.png", "coffee 10.png", "deep/soft <coffee> 9.png",
    ]  # fmt: skip
    html = (tmp_path / "sheet.html").read_text("utf-8")
    assert "<h1><bdi>My Photos</bdi></h1>" in html
    assert str(tmp_path) not in html
    assert not (tmp_path / "library.db").exists()


def test_files_on_a_picture(run, folder, tmp_path) -> None:
    run("sheet", folder / "cat.png", folder / "coffee 10.png", "-o", "sheet.png", "--columns", 1)
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.width < image.height
        assert image.info["Software"].startswith("safelight sheet")


def test_order_and_the_worst(run, folder, tmp_path) -> None:
    def sheet(*options: object) -> list[str]:
        run("sheet", folder, "-q", "-o", "sheet.html", *options)
        return [name[:4] for name in names(tmp_path / "sheet.html")]

    assert sheet("--sort", "focus") == ["coff", "cat.", "deep"]
    assert sheet("--sort", "noise") == ["deep", "coff", "cat."]
    assert sheet("--sort", "name") == ["cat.", "coff", "deep"]
    assert sheet("--sort", "noise", "--worst", 2) == ["cat.", "coff"]
    assert sheet("--worst", 1, "--weights", "focus=99") == ["deep"]
    assert sheet("--worst", 1, "--weights", "noise=99") == ["cat."]


def test_what_is_shown_can_be_chosen(run, folder, tmp_path) -> None:
    run(
        "sheet", folder, "-o", "sheet.html",
        "--metrics", "exposure", "--title", "A & B", "--thumb", 100, "--columns", 2,
    )  # fmt: skip
    html = (tmp_path / "sheet.html").read_text("utf-8")
    assert "<h1><bdi>A &amp; B</bdi></h1>" in html
    assert "<dt>exposure</dt>" in html
    assert "<dt>focus</dt>" not in html
    assert 'width="100" height="67"' in html
    assert "--thumb: 100px" in html
    assert "--columns: 2;" in html


def test_bad_files_stand_there_and_the_run_goes_on(run, folder, tmp_path) -> None:
    (folder / "bad.jpg").write_bytes(b"no photo")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    done = run("sheet", folder, "-o", "sheet.html", "--worst", 1)
    assert "1 photo, 2 that could not be read." in done.stderr
    assert names(tmp_path / "sheet.html")[1:] == ["bad.jpg", "loop.jpg"]
    html = (tmp_path / "sheet.html").read_text("utf-8")
    assert "It is not an image" in html
    assert "leads back to itself" in html
    assert "could not be read" in run("sheet", folder / "bad.jpg", "-o", "x.png", code=1).stderr
    assert is_sheet(tmp_path / "x.png")


def test_the_last_sheet_is_not_a_photo(run, folder) -> None:
    for _ in range(2):
        done = run("sheet", folder, "-o", folder / "sheet.png")
        assert "3 photos." in done.stderr


def test_nothing_but_a_sheet_is_replaced(run, folder, tmp_path) -> None:
    photo = folder / "cat.png"
    before = photo.read_bytes()
    assert "--force" in run("sheet", folder, "-o", photo, code=2).stderr
    assert photo.read_bytes() == before
    (tmp_path / "mine.html").write_text("mine")
    run("sheet", folder, "-o", "mine.html", "--force")
    assert is_sheet(tmp_path / "mine.html")
    run("sheet", folder, "-o", "mine.html")


def test_a_query_is_searched_in_the_library(run, folder, tmp_path) -> None:
    run("ingest", "--model", "starter", folder)
    done = run("sheet", "a", "cup", "of", "coffee", "-o", "hits.html", "--top", 2)
    assert "Searching the library for: a cup of coffee" in done.stderr
    assert len(names(tmp_path / "hits.html")) == 2
    html = (tmp_path / "hits.html").read_text("utf-8")
    found = [float(each) for each in re.findall(r'data-query="([^"]+)"', html)]
    assert found == sorted(found, reverse=True)
    hits = [
        float(line.split()[0])
        for line in run("search", "--all", "a cup of coffee").stdout.splitlines()
    ]
    assert found == pytest.approx(hits[:2], abs=6e-4)
    assert "<h1><bdi>a cup of coffee</bdi></h1>" in html
    assert "nearest to the query first" in html
    # What is not a path is a query, and an image in a query is one of its terms.
    run("sheet", "./My Photos/cat.png + text:cat.png", "-o", "cat.html", "-k", 1, "--sort", "focus")
    assert names(tmp_path / "cat.html") == ["cat.png"]


def test_hits_whose_file_has_gone_stand_there_with_the_reason(run, folder, tmp_path) -> None:
    run("ingest", "--model", "starter", folder)
    (folder / "cat.png").unlink()
    run("sheet", "a cat", "-o", "hits.html")
    assert len(names(tmp_path / "hits.html")) == 3
    assert "It is not there." in (tmp_path / "hits.html").read_text("utf-8")
    assert "no photos" in run("sheet", "a cat", "--min-score", 2, "-o", "x.html", code=1).stderr
    assert not (tmp_path / "x.html").exists()


def test_texts_among_the_hits_are_left_out(run, folder, tmp_path) -> None:
    (tmp_path / "lines.txt").write_text("a cat\n")
    run("ingest", "--model", "starter", folder, "text:lines.txt")
    run("sheet", "a cat", "-o", "hits.html")
    assert len(names(tmp_path / "hits.html")) == 3


def test_an_empty_folder_leaves_no_sheet(run, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no photos" in run("sheet", "empty", "-o", "sheet.html", code=1).stderr
    assert not (tmp_path / "sheet.html").exists()


def test_results_do_not_depend_on_threads(run, folder, tmp_path) -> None:
    for threads in (1, 4):
        run("sheet", folder, "-o", f"{threads}.html", "--threads", threads)
    assert (tmp_path / "1.html").read_bytes() == (tmp_path / "4.html").read_bytes()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "Missing argument"),
        (("My Photos",), "-o"),
        (("My Photos", "-o", "sheet.pdf"), "name a .html or a .png"),
        (("My Photos", "-o", "none/sheet.html"), "no folder"),
        (("My Photos", "-o", "s.html", "--sort", "beauty"), "--sort beauty"),
        (("My Photos", "-o", "s.html", "--sort", "query"), "--sort query"),
        (("My Photos", "-o", "s.html", "--sort", "focus", "--metrics", "noise"), "--metrics"),
        (("My Photos", "-o", "s.html", "--sort", "name", "--worst", "2"), "worse"),
        (("My Photos", "-o", "s.html", "--metrics", "beauty"), "Unknown metric 'beauty'"),
        (("My Photos", "-o", "s.html", "--thumb", "5"), "--thumb"),
        (("My Photos", "-o", "s.html", "-n", "x"), "for a query"),
        (("My Photos", "-o", "s.html", "--weights", "focus"), "NAME=NUMBER"),
    ],
)
def test_wrong_usage_exits_with_2_and_writes_nothing(
    folder, tmp_path, monkeypatch, capsys, args, says
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)  # main() sets it
    monkeypatch.setattr(sys, "argv", ["safelight", "sheet", *args])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "s.html").exists()


def test_a_query_needs_a_library(run) -> None:
    assert "no library" in run("sheet", "a cat", "-o", "s.html", code=1).stderr
