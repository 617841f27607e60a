from __future__ import annotations

import os

import pytest
from PIL import Image

from safelight.errors import SafelightError, UsageError
from safelight.sheet import Sheet, check_target, page, poster, write
from safelight.sheet.write import is_sheet

PAGE = page(Sheet("x", [], ())).encode()
POSTER = poster(Sheet("x", [], ()))


@pytest.mark.parametrize("data", [PAGE, POSTER])
def test_a_sheet_replaces_a_sheet(tmp_path, data) -> None:
    target = tmp_path / "sheet"
    write(target, b"")
    write(target, data)
    assert is_sheet(target)
    write(target, PAGE)
    assert target.read_bytes() == PAGE
    assert os.listdir(tmp_path) == ["sheet"]


def photo(path) -> None:
    Image.new("RGB", (9, 9)).save(path, "PNG")


@pytest.mark.parametrize(
    "make",
    [
        photo,
        lambda path: path.write_text("<!doctype html><p>safelight sheet"),
        lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\nsafelight sheet"),
    ],
)
def test_nothing_else_is_replaced_without_force(tmp_path, make) -> None:
    target = tmp_path / "mine.png"
    make(target)
    before = target.read_bytes()
    with pytest.raises(UsageError, match="is not a contact sheet"):
        check_target(target)
    with pytest.raises(UsageError, match="is not a contact sheet"):
        write(target, PAGE)
    assert target.read_bytes() == before
    write(target, PAGE, force=True)
    assert target.read_bytes() == PAGE


def test_folders_and_devices_are_never_replaced(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe", "/dev/null"):
        with pytest.raises(UsageError, match="not a file"):
            check_target(place, force=True)
    with pytest.raises(UsageError, match="no folder"):
        check_target(tmp_path / "none" / "sheet.html")


def test_a_link_goes_on_leading_where_it_led(tmp_path) -> None:
    (tmp_path / "deep").mkdir()
    real, link = tmp_path / "deep" / "real.html", tmp_path / "link.html"
    link.symlink_to(real)
    write(link, PAGE)
    assert link.is_symlink()
    assert real.read_bytes() == PAGE


def test_what_was_there_stays_when_writing_fails(tmp_path, monkeypatch) -> None:
    target = tmp_path / "sheet.html"
    write(target, PAGE)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SafelightError, match="the disk is full"):
        write(target, POSTER)
    assert target.read_bytes() == PAGE
    assert os.listdir(tmp_path) == ["sheet.html"]


def test_it_is_as_readable_as_other_files(tmp_path) -> None:
    (tmp_path / "other").write_bytes(b"")
    write(tmp_path / "sheet.html", PAGE)
    assert (tmp_path / "sheet.html").stat().st_mode == (tmp_path / "other").stat().st_mode
